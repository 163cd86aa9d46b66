// Both at once, and two versions of one driver.
import process from 'node:process';

import express from 'express';
import { status } from 'hyperdjango';
import { performance } from 'hyperdjango/express';
import pg from 'pg';

import part from './part.cjs';
import { addRoutes, listen } from './routes.mjs';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });
const app = express();
app.use(performance());
app.use(part.performance());
addRoutes(app, pool, { status, second: part.second });
listen(app, [() => pool.end(), () => part.second.end()]);
