import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { ROOT, runNode } from '../support/processes.ts';

const MODULES = join(ROOT, 'node_modules');

let database: TestDatabase;
let folder: string;

/** Installs a copy of the driver, as npm would for a package that brings its own. */
async function installDriver(modules: string, name: string): Promise<void> {
  const packages = await readdir(MODULES);
  for (const one of packages.filter((entry) => /^(?:pg|postgres-|split2|xtend)/.test(entry))) {
    await cp(join(MODULES, one), join(modules, one === 'pg' ? name : one), { recursive: true });
  }
}

beforeAll(async () => {
  database = await createDatabase();
  folder = await mkdtemp(join(tmpdir(), 'hyperdjango-copies-'));
  const modules = join(folder, 'node_modules');
  const orm = join(modules, 'orm');
  await mkdir(orm, { recursive: true });
  await installDriver(modules, 'pg');
  await installDriver(modules, 'pg-by-another-name');
  await installDriver(join(orm, 'node_modules'), 'pg');
  await writeFile(join(orm, 'index.mjs'), "export { default } from 'pg';\n");
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.drop();
});

it('hooks every copy that is loaded after the middleware: required, renamed, imported', async () => {
  const script = 'test/fixtures/drivers/later-copies.mjs';
  const { code, stdout, stderr } = await runNode([script, database.url, folder]);
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual({ copies: 3, counts: [1, 2, 3] });
});

it('does nothing at all where HYPERDJANGO_DISABLED is set, and everything else works', async () => {
  const script = 'test/fixtures/drivers/disabled.mjs';
  const { code, stdout, stderr } = await runNode([script, database.url], {
    env: { HYPERDJANGO_DISABLED: '1', HYPERDJANGO_ENGINE: 'none' },
  });
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual({
    statuses: [200, 200, 404],
    headers: [],
    body: [{ one: 1 }],
    stats: {
      totalRequests: 0,
      totalQueries: 0,
      avgQueriesPerRequest: 0,
      slowQueryCount: 0,
      nPlusOneCount: 0,
      recentSlowQueries: [],
      recentNPlusOne: [],
      unscopedQueries: 0,
      lateQueries: 0,
      ignores: [],
    },
    status: {
      engine: 'portable',
      reason: 'HYPERDJANGO_DISABLED is set',
      segment: null,
      unseen: [],
      withoutCallSites: [],
      dropped: {
        queries: 0,
        requests: 0,
        statements: 0,
        routes: 0,
        pools: 0,
        findings: 0,
        waits: 0,
        torn: 0,
      },
      overheadNs: 0,
      faults: 0,
    },
    isUntouched: true,
    globals: [],
  });
});
