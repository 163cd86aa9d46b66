#!/bin/sh
# node-postgres 8.23.1, `query({ text, rows: N })` (the option that fetches a result in portions):
# all rows come in `result.rows`, but `result.rowCount` is that of the last portion only, as
# PostgreSQL's command tag counts one execution of a portal. Code that trusts rowCount sees too few,
# and 0 where the number of rows is a multiple of N.
#
# Seen with 7 rows (rows option, rows.length, rowCount):
#   none 7 7
#   2 7 1
#   3 7 1
#   5 7 2
#   7 7 0
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' > package.json
npm install --silent --no-audit --no-fund \
  pg@8.23.1 @electric-sql/pglite@0.5.14 @electric-sql/pglite-socket@0.2.17
cat > program.mjs <<'PROGRAM'
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import pg from 'pg';

const db = await PGlite.create();
const server = new PGLiteSocketServer({ db, port: 0, host: '127.0.0.1' });
await server.start();
const [host, port] = server.getServerConn().split(':');
const client = new pg.Client({ host, port: Number(port), user: 'postgres', database: 'postgres' });
await client.connect();
for (const rows of [undefined, 2, 3, 5, 7]) {
  const result = await client.query({ text: 'SELECT generate_series(1, 7) AS n', rows });
  console.log(rows ?? 'none', result.rows.length, result.rowCount);
}
await client.end();
await server.stop();
await db.close();
PROGRAM
expected='none 7 7
2 7 1
3 7 1
5 7 2
7 7 0'
seen=$(node program.mjs)
echo "$seen"
[ "$seen" = "$expected" ]
