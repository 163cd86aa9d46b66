import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { loadEngine } from '../../../src/engine/load.ts';
import { createDatabase, type TestDatabase } from '../../support/postgres.ts';
import { ROOT, runNode } from '../../support/processes.ts';
import { type Column, COLUMNS, LIBRARIES, type Library } from './libraries.ts';
import { type Cell, type Row, writeTable } from './table.ts';

const FOLDER = join(ROOT, 'test/compatibility/drivers');
const { engine } = loadEngine();

interface Site {
  readonly functionName: string | null;
  readonly file: string;
}

interface Saturated {
  readonly seen: number;
  readonly wrong: number;
  readonly example?: unknown;
}

type Counts = Readonly<Record<string, { readonly text: string; readonly count: number }>>;

/** What `recorded.mjs` prints. */
interface Recorded {
  readonly texts: readonly string[];
  readonly rows: { readonly returned: number; readonly recorded: readonly number[] };
  readonly duration: { readonly recordedMs: readonly number[]; readonly clientMs: number };
  readonly error: { readonly code: string; readonly recorded: readonly (string | undefined)[] };
  readonly sites: Readonly<Record<string, readonly (Site | null)[]>>;
  readonly callers: string;
  readonly saturated: { readonly plain: Saturated; readonly inTransaction: Saturated };
  readonly server?: readonly ServerStatement[];
  readonly ended: Counts;
  readonly left: number;
  readonly dropped: unknown;
  readonly faults: number;
}

interface ServerStatement {
  readonly query: string;
  readonly calls: number;
  readonly maxMs: number;
}

/** What the driver asks for itself when it opens a connection, and nobody records. */
const OF_THE_DRIVER = /left join pg_catalog\.pg_type b on b\.oid = a\.typelem/i;

/** pg_stat_statements counts a prepared one only where it is prepared. */
const PREPARED_UTILITY = /^(?:commit|savepoint)\b/;

async function runProgram(
  library: Library,
  url: string,
  program: string,
  isRecorded: boolean,
): Promise<unknown> {
  const preload = isRecorded ? ['--import', join(FOLDER, 'with.mjs')] : [];
  const { code, stdout, stderr } = await runNode([
    ...preload,
    join(FOLDER, program),
    library.name,
    url,
  ]);
  if (code !== 0) throw new Error(`${program} ${library.name} exited with ${code}: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as unknown;
}

async function createItems(): Promise<TestDatabase> {
  const database = await createDatabase();
  await database.query('CREATE EXTENSION pg_stat_statements');
  await database.query('CREATE TABLE items (id serial PRIMARY KEY, name text)');
  await database.query("INSERT INTO items (name) SELECT 'item ' || n FROM generate_series(1, 20) n");
  await database.query(
    'SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)',
  );
  return database;
}

async function statementsOf(database: TestDatabase): Promise<ServerStatement[]> {
  return database.query<ServerStatement>(
    `SELECT query, calls::int, max_exec_time AS "maxMs" FROM pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND query NOT LIKE '%pg_stat_statements%'`,
  );
}

/** The server numbers the parameters of each statement from 1, and marks lists by comments. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/\$\d+/g, '$')
    .replaceAll(/\(\$(?:, …| )\)/g, '($)');
}

/** Runs by statement; the server counts the statements of one text one by one. */
function countsOf(
  runs: readonly { readonly text: string; readonly count: number }[],
  { hasPreparedUtilities = false }: Library,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { text, count } of runs) {
    if (OF_THE_DRIVER.test(text)) continue;
    for (const statement of plain(text).split(';')) {
      if (hasPreparedUtilities && PREPARED_UTILITY.test(statement)) continue;
      counts[statement] = (counts[statement] ?? 0) + count;
    }
  }
  return counts;
}

const rows: Row[] = [];

describe.each(LIBRARIES)('$label', (library) => {
  let database: TestDatabase;
  let recorded: Recorded;
  let server: readonly ServerStatement[];
  const cells: Partial<Record<Column, Cell>> = {};

  beforeAll(async () => {
    database = await createItems();
    recorded = (await runProgram(library, database.url, 'recorded.mjs', true)) as Recorded;
    server = recorded.server ?? (await statementsOf(database));
  });

  afterAll(async () => {
    await database.drop();
    for (const [column, why] of Object.entries(library.impossible ?? {})) {
      cells[column as Column] = { isProven: false, why };
    }
    rows.push({ label: library.label, cells: cells as Row['cells'] });
  });

  const proves = (column: Column, title: string, prove: () => Promise<void> | void): void => {
    if (library.impossible?.[column] !== undefined) return;
    it(title, async () => {
      await prove();
      cells[column] = { isProven: true };
    });
  };

  proves('once', 'records what the server ran, each statement exactly as often', () => {
    const ran = server.map(({ query, calls }) => ({
      text: engine.normalizeSql(query).text,
      count: calls,
    }));
    const counts = countsOf(Object.values(recorded.ended), library);
    expect(counts).toEqual(countsOf(ran, library));
    expect([recorded.left, recorded.faults]).toEqual([0, 0]);
    expect(recorded.dropped).toEqual({ queries: 0, requests: 0, statements: 0, torn: 0 });
  });

  proves('text', 'records the statement that it sends', () => {
    expect(recorded.texts).toHaveLength(1);
    expect(recorded.texts[0]).toMatch(library.text);
  });

  proves('scope', 'books each of 800 queries on its scope, 200 at once on a pool of 5', () => {
    const none = { seen: 400, wrong: 0 };
    expect(recorded.saturated).toEqual({ plain: none, inTransaction: none });
  });

  proves('call site', 'knows the function and the file of the application that asked', () => {
    for (const [name, sites] of Object.entries(recorded.sites)) {
      const isCaller = new RegExp(recorded.callers.slice(1, -1) || `^${name}$`);
      const [first, ...further] = sites;
      expect(first).toBeNull();
      expect(further).toHaveLength(3);
      for (const site of further) {
        expect(site).toMatchObject({ file: expect.stringMatching(`${library.name}.mjs$`) as string });
        expect(site?.functionName).toMatch(isCaller);
      }
    }
  });

  proves('duration', 'measures between what the server took and what the caller waited', () => {
    const slept = server.find(({ query }) => /pg_sleep/i.test(query));
    const { recordedMs, clientMs } = recorded.duration;
    expect(recordedMs).toHaveLength(1);
    expect(recordedMs[0]).toBeGreaterThanOrEqual(slept?.maxMs ?? 50);
    expect(recordedMs[0]).toBeLessThanOrEqual(clientMs);
  });

  proves('error', 'keeps the SQLSTATE of an error', () => {
    expect(recorded.error).toEqual({ code: '22012', recorded: ['22012'] });
  });

  proves('rows', 'counts the rows that the caller got', () => {
    expect(recorded.rows).toEqual({ returned: 4, recorded: [4] });
  });

  proves('cannot tell', 'looks the same to the application with and without the hooks', async () => {
    const without = await runProgram(library, database.url, 'behaviour.mjs', false);
    expect(await runProgram(library, database.url, 'behaviour.mjs', true)).toEqual(without);
  });
});

afterAll(async () => {
  // A run of a few tests must not write a table with holes.
  const isWhole = rows.every(({ cells }) => COLUMNS.every((column) => column in cells));
  if (isWhole && rows.length === LIBRARIES.length) await writeTable('drivers', COLUMNS, rows);
});
