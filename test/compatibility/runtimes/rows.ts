import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createDatabase, type TestDatabase } from '../../support/postgres.ts';
import { type Cell, type Row, writeTable } from '../drivers/table.ts';
import { QUERIES, REQUESTS, type Start, visit, type Visit } from './application.ts';

export const COLUMNS = [
  'engine',
  'once',
  'route',
  'call site',
  'dashboard',
  'quiet',
  'register',
  'postgres.js',
] as const;
type Column = (typeof COLUMNS)[number];

/** An application, and which of its routes are asked for. */
export interface Run extends Omit<Start, 'databaseUrl'> {
  readonly routes: readonly string[];
}

/** A row of the table: a runtime, a layout of packages, or a bundle. */
export interface Runtime {
  readonly label: string;
  readonly engine: 'native' | 'portable';
  /** What `status()` says of it. */
  readonly reason: RegExp;
  /** The application with `performance()` on it; once the packages are installed. */
  readonly own: () => Run | Promise<Run>;
  /** The one that knows nothing of us, preloaded with `register`. */
  readonly registered?: () => Run | Promise<Run>;
  /** Columns that the runtime itself makes impossible, and why. */
  readonly impossible?: Readonly<Partial<Record<Column, string>>>;
}

/** The one warning that says that the portable engine runs. */
const PORTABLE = /^\(node:\d+\) \[HYPERDJANGO_PORTABLE_ENGINE\] HyperDjangoWarning: .+$/;
/** As the visit asks for the page through a proxy. */
const REFUSED = /\[HYPERDJANGO_DASHBOARD\]/;
const HINT = /^\(Use `.+ --trace-warnings .+$/;
const REGISTER = /^hyperdjango: watching HTTP requests/;

function linesOf({ stderr }: Visit): string[] {
  return stderr
    .split('\n')
    .filter((line) => line !== '' && !REFUSED.test(line) && !HINT.test(line));
}

function expectOnce(seen: Visit, { routes }: Run): void {
  expect(seen.wrong).toEqual([]);
  const requests = REQUESTS * routes.length;
  expect(seen.data.stats).toMatchObject({
    totalRequests: requests,
    totalQueries: requests * QUERIES,
    unscopedQueries: 0,
  });
}

function expectRoutes({ data }: Visit, { routes }: Run): void {
  const named = new Set(data.nPlusOne.map(({ route }) => route));
  expect(named).toEqual(new Set(routes.map((route) => `GET /${route}/:id`)));
}

function expectSites({ data }: Visit): void {
  expect(data.nPlusOne.length).toBeGreaterThan(0);
  for (const { callSite } of data.nPlusOne) {
    expect(callSite).toMatch(/^(?:Module\.)?find(?:Item|Row) \(.+\.[cm]?js:\d+\)$/);
  }
}

/** Proves every column for every runtime, and writes the table where all of it was run. */
export function proveRuntimes(table: string, runtimes: readonly Runtime[]): void {
  const rows: Row[] = [];
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(async () => database.drop());

  describe.each(runtimes)('$label', (runtime) => {
    const { impossible = {} } = runtime;
    const cells: Partial<Record<Column, Cell>> = {};
    let own: Run;
    let seen: Visit;

    beforeAll(async () => {
      own = await runtime.own();
      seen = await visit({ ...own, databaseUrl: database.url }, own.routes);
    });

    afterAll(() => {
      for (const [column, why] of Object.entries(impossible)) {
        cells[column as Column] = { isProven: false, why };
      }
      rows.push({ label: runtime.label, cells });
    });

    function prove(column: Column, title: string, proof: () => void | Promise<void>): void {
      if (impossible[column] !== undefined) return;
      it(title, async () => {
        await proof();
        cells[column] = { isProven: true, ...(column === 'engine' && { text: runtime.engine }) };
      });
    }

    prove('engine', `runs on the ${runtime.engine} engine, and says why`, () => {
      expect(seen.data.status.engine).toBe(runtime.engine);
      expect(seen.reason).toMatch(runtime.reason);
    });

    prove('once', 'counts each query once, in its own request', () => expectOnce(seen, own));

    prove('route', "names a request by its route's pattern", () => expectRoutes(seen, own));

    prove('call site', 'knows the function that asked again and again', () => expectSites(seen));

    prove('dashboard', 'shows the dashboard to who may see it', () => {
      expect(seen.page).toEqual({ status: 200, type: 'text/html; charset=utf-8' });
      expect(seen.pageByProxy).toBe(404);
    });

    prove('quiet', 'ends by itself, and says nothing but which engine it lacks', () => {
      expect(seen.code).toBe(0);
      const said = linesOf(seen);
      expect(said).toHaveLength(runtime.engine === 'native' ? 0 : 1);
      for (const line of said) expect(line).toMatch(PORTABLE);
    });

    const { registered } = runtime;
    if (registered !== undefined) {
      prove('register', 'sees the same of an application that knows nothing of it', async () => {
        const run = await registered();
        const outside = await visit({ ...run, databaseUrl: database.url }, run.routes);
        expectOnce(outside, run);
        expectRoutes(outside, run);
        if (impossible['call site'] === undefined) expectSites(outside);
        expect(outside.code).toBe(0);
        expect(linesOf(outside)).toEqual([expect.stringMatching(REGISTER)]);
        if (run.routes.includes('rows')) cells['postgres.js'] = { isProven: true };
      });
    }

    prove('postgres.js', 'sees postgres.js too, by register or by instrument()', () => {
      if (own.routes.includes('rows')) expectOnce(seen, own);
      else expect(cells['postgres.js']).toEqual({ isProven: true });
    });
  });

  afterAll(async () => {
    // A run of a few tests must not write a table with holes.
    const isWhole = rows.every(({ cells }) => COLUMNS.every((column) => column in cells));
    if (isWhole && rows.length === runtimes.length) await writeTable(table, COLUMNS, rows);
  });
}
