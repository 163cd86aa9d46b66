// The same in CommonJS.
const process = require('node:process');

const express = require('express');
const pg = require('pg');
const required = require('postgres');

const { addRoutes, listen } = require('./routes.mjs');

// Bun gives its ES module.
const postgres = required.default ?? required;

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });
const sql = postgres(process.env.DATABASE_URL, { max: 2 });
const app = express();
addRoutes(app, pool, { sql });
listen(app, [() => pool.end(), () => sql.end()]);
