#!/bin/sh
# PGlite 0.5.14, `exec()` with several statements: `affectedRows` of each result is the running sum
# over the statements so far, not what the statement itself affected; a SELECT at the end repeats it.
#
# Seen, for CREATE TABLE, INSERT of two rows, INSERT of one, DELETE of one, SELECT:
#   [0,2,3,4,4]
# and for the same statements one by one:
#   [0,2,1,1,0]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' > package.json
npm install --silent --no-audit --no-fund @electric-sql/pglite@0.5.14
cat > program.mjs <<'PROGRAM'
import { PGlite } from '@electric-sql/pglite';

const statements = [
  'CREATE TABLE notes (id int)',
  'INSERT INTO notes VALUES (1), (2)',
  'INSERT INTO notes VALUES (3)',
  'DELETE FROM notes WHERE id = 1',
  'SELECT 1',
];
const together = await PGlite.create();
console.log(JSON.stringify((await together.exec(statements.join('; '))).map((r) => r.affectedRows)));
await together.close();
const apart = await PGlite.create();
const counts = [];
for (const sql of statements) counts.push((await apart.query(sql)).affectedRows);
console.log(JSON.stringify(counts));
await apart.close();
PROGRAM
expected='[0,2,3,4,4]
[0,2,1,1,0]'
seen=$(node program.mjs)
echo "$seen"
[ "$seen" = "$expected" ]
