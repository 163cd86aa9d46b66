// An application of ES modules.
import process from 'node:process';

import express from 'express';
import { status } from 'hyperdjango';
import { performance } from 'hyperdjango/express';
import pg from 'pg';

import { addRoutes, listen } from './routes.mjs';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });
const app = express();
app.use(performance());
addRoutes(app, pool, { status });
listen(app, [() => pool.end()]);
