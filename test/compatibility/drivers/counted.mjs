// Runs what gives rows in other ways than a list, and prints how many were recorded of each query.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import process from 'node:process';

const [name, url] = process.argv.slice(2);
const { recorder, ended } = globalThis.recording;
const seen = {};

/** Keeps the rows of each query of the work, as recorded, and what its caller counted. */
async function count(label, work) {
  const scope = recorder.openScope('job', label);
  let got;
  try {
    got = await recorder.runIn(scope, async () => await work());
  } catch (error) {
    got = error.code;
  }
  recorder.closeScope(scope, { statusCode: 0, isAborted: false });
  const recorded = ended.filter((query) => query.scope === label).map(({ rowCount }) => rowCount);
  seen[label] = [got, ...recorded];
}

const NUMBERS = 'SELECT n FROM generate_series(1, 25) n';

async function countPostgresJs() {
  const { default: postgres } = await import('postgres');
  const sql = postgres(url, { max: 1, onnotice() {} });
  const lengthOf = async (batches, isOver = () => false) => {
    let length = 0;
    for await (const rows of batches) {
      length += rows.length;
      if (isOver()) break;
    }
    return length;
  };
  const read = (text) => async () => (await sql.unsafe(text)).length;
  await sql.unsafe(`
    CREATE TABLE copied (n int);
    CREATE PROCEDURE next(INOUT a int) LANGUAGE plpgsql AS $$ BEGIN a := a + 1; END $$;
  `);
  await count('a cursor', () => lengthOf(sql.unsafe(NUMBERS).cursor(10)));
  await count('a cursor of even reads', () => lengthOf(sql.unsafe(NUMBERS).cursor(5)));
  await count('a cursor, left early', async () => {
    const length = await lengthOf(sql.unsafe(NUMBERS).cursor(10), () => true);
    // It is closed by then, as they share the connection.
    await sql.unsafe('SELECT 1 WHERE false');
    return length;
  });
  await count('a cursor with a function', async () => {
    let length = 0;
    await sql`SELECT n FROM generate_series(1, ${25}::int) n`.cursor(10, (rows) => {
      length += rows.length;
    });
    return length;
  });
  await count('a cursor with a function that closes it', async () => {
    let length = 0;
    await sql.unsafe(NUMBERS).cursor(10, (rows) => {
      length += rows.length;
      return sql.CLOSE;
    });
    return length;
  });
  await count('a cursor that fails', () =>
    lengthOf(sql.unsafe('SELECT 1 / (15 - n) FROM generate_series(1, 25) n').cursor(10)),
  );
  await count('forEach', async () => {
    let length = 0;
    await sql.unsafe(NUMBERS).forEach(() => {
      length += 1;
    });
    return length;
  });
  await count('described only', async () => (await sql.unsafe(NUMBERS).describe()).columns.length);
  await count('described in vain', async () => sql.unsafe('SELECT n FROM nowhere').describe());
  await count('described, then run', async () => {
    await sql`SELECT 7 AS seven`.describe();
    return (await sql`SELECT 7 AS seven`).length;
  });
  await count('SHOW', read('SHOW server_version'));
  await count('EXPLAIN', read('EXPLAIN SELECT 1'));
  await count('CALL with a result', read('CALL next(1)'));
  await count('CREATE TABLE', read('CREATE TABLE created (n int)'));
  const readAll = (text) => async () => {
    const results = await sql.unsafe(text).simple();
    return 'count' in results ? results.count : results.map((one) => one.count ?? one.length);
  };
  await count(
    'several',
    readAll('SELECT 1; SHOW work_mem; SELECT n FROM generate_series(1, 5) n;'),
  );
  await count('a change before rows', readAll("INSERT INTO copied VALUES (0), (0); SELECT ';';"));
  await count('rows before a change', readAll(`${NUMBERS}; DELETE FROM copied`));
  await count(
    'changes',
    readAll('INSERT INTO copied VALUES (1); INSERT INTO copied VALUES (2), (3)'),
  );
  await count('one that ends', readAll('DELETE FROM copied; -- all'));
  await count('COPY in', async () => {
    await pipeline(Readable.from(['1\n', '2\n3\n']), await sql`COPY copied FROM STDIN`.writable());
    return 3;
  });
  await count('COPY out', async () => {
    let text = '';
    for await (const chunk of await sql`COPY copied TO STDOUT`.readable()) text += chunk;
    return text.split('\n').length - 1;
  });
  await count('as values', async () => (await sql.unsafe(NUMBERS).values()).length);
  await sql.end();
}

async function countPglite() {
  const { PGlite } = await import('@electric-sql/pglite');
  const { live } = await import('@electric-sql/pglite/live');
  const pglite = await PGlite.create({ extensions: { live } });
  const read = (text) => async () => (await pglite.query(text)).rows.length;
  await pglite.exec('CREATE TABLE numbers AS SELECT n FROM generate_series(1, 25) n');
  await count('SELECT', read('SELECT n FROM numbers'));
  await count('CREATE TABLE AS', read('CREATE TABLE made AS SELECT n FROM numbers'));
  await count('CREATE TABLE', read('CREATE TABLE created (n int)'));
  await count('UPDATE', async () => (await pglite.query('UPDATE made SET n = n')).affectedRows);
  await count('SHOW', read('SHOW server_version'));
  await count('EXPLAIN', read('EXPLAIN SELECT 1'));
  await count('COPY out', async () => {
    const { blob } = await pglite.query("COPY made TO '/dev/blob'");
    return (await blob.text()).split('\n').length - 1;
  });
  await count('COPY in', async () => {
    const blob = new Blob(['1\n2\n3\n']);
    return (await pglite.query("COPY made FROM '/dev/blob'", [], { blob })).affectedRows;
  });
  const readAll = (text) => async () => (await pglite.exec(text)).map(({ rows }) => rows.length);
  await count(
    'several',
    readAll('UPDATE made SET n = 0; SHOW work_mem; SELECT n FROM numbers LIMIT 4'),
  );
  await count('changes', readAll('INSERT INTO made VALUES (1); INSERT INTO made VALUES (2), (3)'));
  await count('described only', async () => {
    return (await pglite.describeQuery('SELECT n FROM numbers')).resultFields.length;
  });
  await count('described in vain', () => pglite.describeQuery('SELECT n FROM nowhere'));
  await count('a transaction', () =>
    pglite.transaction(async (tx) => (await tx.query('SELECT n FROM numbers LIMIT 2')).rows.length),
  );
  await count('by the protocol', async () => {
    const text = new TextEncoder().encode('SELECT 1 AS one');
    const message = new Uint8Array([0x51, 0, 0, 0, text.length + 5, ...text, 0]);
    await pglite.runExclusive(() => pglite.execProtocol(message));
    return 1;
  });
  let changed;
  await count('a live query', async () => {
    const next = new Promise((resolve) => {
      changed = resolve;
    });
    const query = await pglite.live.query('SELECT n FROM numbers WHERE n < 4', [], ({ rows }) => {
      if (rows.length === 2) changed();
    });
    await pglite.query('DELETE FROM numbers WHERE n = 1');
    await next;
    await query.unsubscribe();
    return query.initialResults.rows.length;
  });
  await pglite.close();
}

/** Its streams are those of pg-cursor. */
async function countKysely() {
  const { Kysely, PostgresDialect, sql } = await import('kysely');
  const { default: pg } = await import('pg');
  const { default: cursor } = await import('pg-cursor');
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const db = new Kysely({ dialect: new PostgresDialect({ pool, cursor }) });
  const numbers = () =>
    db
      .selectFrom(sql`generate_series(1, 25)`.as('n'))
      .select('n')
      .stream(10);
  await count('a stream', async () => {
    let length = 0;
    for await (const row of numbers()) length += row.n > 0;
    return length;
  });
  await count('a stream, left early', async () => {
    for await (const { n } of numbers()) if (n === 3) break;
    // The driver reads ten at a time.
    return 10;
  });
  await db.destroy();
}

await { postgres: countPostgresJs, pglite: countPglite, kysely: countKysely }[name]();
const { inFlightQueries } = recorder.core.snapshot();
console.log(JSON.stringify({ seen, left: inFlightQueries.length, faults: recorder.faultCount }));
process.exit(0);
