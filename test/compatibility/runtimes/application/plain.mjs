// An application that knows nothing of hyperdjango.
import process from 'node:process';

import express from 'express';
import pg from 'pg';
import postgres from 'postgres';

import { addRoutes, listen } from './routes.mjs';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });
const sql = postgres(process.env.DATABASE_URL, { max: 2 });
const app = express();
addRoutes(app, pool, { sql });
listen(app, [() => pool.end(), () => sql.end()]);
