import { basename, join } from 'node:path';
import { expect } from 'vitest';

import { NOTHING_DROPPED } from '../../../src/engine/engine.ts';
import { loadEngine } from '../../../src/engine/load.ts';
import { createDatabase, type TestDatabase } from '../../support/postgres.ts';
import { ROOT, runNode } from '../../support/processes.ts';
import type { Column, Library } from './libraries.ts';

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

interface ServerStatement {
  readonly query: string;
  readonly calls: number;
  readonly maxMs: number;
}

/** What `recorded.mjs` prints. */
interface Recorded {
  readonly texts: readonly string[];
  readonly models: readonly (string | null)[];
  readonly rows: { readonly returned: number; readonly recorded: readonly number[] };
  readonly duration: { readonly recordedMs: readonly number[]; readonly clientMs: number };
  readonly error: { readonly code: string; readonly recorded: readonly (string | undefined)[] };
  readonly sites: Readonly<Record<string, readonly (Site | null)[]>>;
  readonly parameterHashes: readonly (number | null)[];
  readonly callers: string;
  readonly saturated: { readonly plain: Saturated; readonly inTransaction: Saturated };
  readonly server?: readonly ServerStatement[];
  readonly ended: Counts;
  readonly left: number;
  readonly dropped: unknown;
  readonly faults: number;
}

/** One run of all cases with a library. */
export interface Run {
  readonly library: Library;
  readonly recorded: Recorded;
  readonly server: readonly ServerStatement[];
}

/** Runs all cases with a library on a database of its own, by this Node or another. */
export async function runCases(
  library: Library,
  database: TestDatabase,
  node?: string,
): Promise<Run> {
  const recorded = (await runProgram(
    library,
    database.url,
    'recorded.mjs',
    true,
    node,
  )) as Recorded;
  return { library, recorded, server: recorded.server ?? (await statementsOf(database)) };
}

/** What the application could notice of a library, with the hooks or without them. */
export async function runBehaviour(
  library: Library,
  database: TestDatabase,
  isHooked: boolean,
): Promise<unknown> {
  return runProgram(library, database.url, 'behaviour.mjs', isHooked, library.node);
}

/** A database with twenty items, whose statements the server counts from here. */
export async function createItems(): Promise<TestDatabase> {
  const database = await createDatabase();
  await database.query('CREATE EXTENSION pg_stat_statements');
  await database.query('CREATE TABLE items (id serial PRIMARY KEY, name text)');
  await database.query(
    "INSERT INTO items (name) SELECT 'item ' || n FROM generate_series(1, 20) n",
  );
  await database.query(
    'SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)',
  );
  return database;
}

async function runProgram(
  library: Library,
  url: string,
  program: string,
  isHooked: boolean,
  execPath: string | undefined = library.node,
): Promise<unknown> {
  const preload = isHooked ? ['--import', join(FOLDER, 'with.mjs')] : [];
  const args = [...preload, join(FOLDER, program), library.name, url];
  const { code, stdout, stderr } = await runNode(args, { ...(execPath && { execPath }) });
  if (code !== 0) throw new Error(`${program} ${library.name} exited with ${code}: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as unknown;
}

async function statementsOf(database: TestDatabase): Promise<ServerStatement[]> {
  return database.query<ServerStatement>(
    `SELECT query, calls::int, max_exec_time AS "maxMs" FROM pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND query NOT LIKE '%pg_stat_statements%'`,
  );
}

/** What the driver asks for itself when it opens a connection, and nobody records. */
const OF_THE_DRIVER = /left join pg_catalog\.pg_type b on b\.oid = a\.typelem/i;

/** pg_stat_statements counts a prepared one only where it is prepared. */
const PREPARED_UTILITY = /^(?:commit|savepoint)\b/;

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

/** What each column says of a run. */
export const CHECKS: Readonly<
  Record<Exclude<Column, 'cannot tell'>, { readonly title: string; check(run: Run): void }>
> = {
  once: {
    title: 'records what the server ran, each statement exactly as often',
    check({ library, recorded, server }) {
      const ran = server.map(({ query, calls }) => ({
        text: engine.normalizeSql(query).text,
        count: calls,
      }));
      const counts = countsOf(Object.values(recorded.ended), library);
      expect(counts).toEqual(countsOf(ran, library));
      expect([recorded.left, recorded.faults]).toEqual([0, 0]);
      expect(recorded.dropped).toEqual(NOTHING_DROPPED);
    },
  },
  text: {
    title: 'records the statement that it sends, and the model where the ORM tells',
    check({ library, recorded }) {
      const texts = recorded.texts.filter((text) => text !== 'DISCARD ALL');
      expect(texts).toHaveLength(1);
      expect(texts[0]).toMatch(library.text);
      expect(recorded.models[0]).toBe(library.model ?? null);
    },
  },
  scope: {
    title: 'books each of 800 queries on its scope, 200 at once on a pool of 5',
    check({ recorded }) {
      const none = { seen: 400, wrong: 0 };
      expect(recorded.saturated).toEqual({ plain: none, inTransaction: none });
    },
  },
  'call site': {
    title: 'knows the function and the file of the application that asked',
    check({ library, recorded }) {
      for (const [name, sites] of Object.entries(recorded.sites)) {
        const isCaller = new RegExp(recorded.callers.slice(1, -1) || `^${name}$`);
        const [first, ...further] = sites;
        expect(first).toBeNull();
        expect(further).toHaveLength(3);
        for (const site of further) {
          expect(basename(site?.file ?? '')).toBe(`${basename(library.name)}.mjs`);
          expect(site?.functionName).toMatch(isCaller);
        }
      }
    },
  },
  values: {
    title: 'tells the same values again from others',
    check({ recorded }) {
      const [first, same, other, sameAgain, ...rest] = recorded.parameterHashes;
      expect([first, rest]).toEqual([null, []]);
      expect(same).toBeGreaterThanOrEqual(0);
      expect(sameAgain).toBe(same);
      expect(other).toBeGreaterThanOrEqual(0);
      expect(other).not.toBe(same);
    },
  },
  duration: {
    title: 'measures between what the server took and what the caller waited',
    check({ recorded, server }) {
      const slept = server.find(({ query }) => /pg_sleep/i.test(query));
      const { recordedMs, clientMs } = recorded.duration;
      expect(recordedMs).toHaveLength(1);
      expect(recordedMs[0]).toBeGreaterThanOrEqual(slept?.maxMs ?? 50);
      expect(recordedMs[0]).toBeLessThanOrEqual(clientMs);
    },
  },
  error: {
    title: 'keeps the SQLSTATE of an error',
    check({ library, recorded }) {
      const recordedStates = recorded.error.recorded.filter(Boolean);
      expect(recordedStates).toEqual(['22012']);
      expect(recorded.error.code).toBe(library.errorCode ?? '22012');
    },
  },
  rows: {
    title: 'counts the rows that the caller got',
    check({ recorded }) {
      expect(recorded.rows.returned).toBe(4);
      expect(recorded.rows.recorded).toContain(4);
    },
  },
};
