// What a bundle is made of: its drivers are given to instrument().
import process from 'node:process';

import express from 'express';
import { status } from 'hyperdjango';
import { instrument } from 'hyperdjango/drivers';
import { performance } from 'hyperdjango/express';
import pg from 'pg';
import postgres from 'postgres';

import { addRoutes, listen } from './routes.mjs';

instrument(pg);
instrument(postgres);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });
const sql = postgres(process.env.DATABASE_URL, { max: 2 });
const app = express();
app.use(performance());
addRoutes(app, pool, { sql, status });
listen(app, [() => pool.end(), () => sql.end()]);
