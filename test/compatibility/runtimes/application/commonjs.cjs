// The same in CommonJS.
const process = require('node:process');

const express = require('express');
const { status } = require('hyperdjango');
const { performance } = require('hyperdjango/express');
const pg = require('pg');

const { addRoutes, listen } = require('./routes.mjs');

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });
const app = express();
app.use(performance());
addRoutes(app, pool, { status });
listen(app, [() => pool.end()]);
