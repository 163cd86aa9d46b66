// A part in CommonJS of an application of ES modules, on another version of the driver.
const process = require('node:process');

const { performance } = require('hyperdjango/express');
const pg = require('pg-older');

const second = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });

module.exports = { performance, second };
