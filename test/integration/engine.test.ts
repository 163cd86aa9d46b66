import { afterAll, beforeAll, expect, it } from 'vitest';

import { Database, status } from '../../src/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createDatabase();
  db = new Database(database.url);
});

afterAll(async () => {
  await db.close();
  await database.drop();
});

it('the engine that was asked for did the work, call by call', async () => {
  const { engine } = getRecorder();
  expect(engine.kind).toBe(process.env['HYPERDJANGO_ENGINE']);
  const before = engine.callCounts();
  for (let id = 0; id < 7; id += 1) await db.query('SELECT $1::int AS id', [id]);
  const after = engine.callCounts();
  const calls = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
  expect([calls('beginQuery'), calls('endQuery')]).toEqual([7, 7]);
});

it('status tells the engine, why it is this one, and what it costs', async () => {
  for (let id = 0; id < 200; id += 1) await db.query('SELECT $1::int AS id', [id]);
  const { engine } = getRecorder();
  const isShared = engine.kind === 'native' && process.platform === 'linux';
  expect(status()).toEqual({
    engine: process.env['HYPERDJANGO_ENGINE'],
    reason: expect.stringMatching(
      isShared
        ? /^HYPERDJANGO_ENGINE=native$/
        : new RegExp(
            `^HYPERDJANGO_ENGINE=${engine.kind}; the portable engine records in private memory: .+$`,
          ),
    ),
    segment: isShared ? expect.stringContaining(`/${process.pid}-`) : null,
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
    overheadNs: expect.any(Number),
    faults: 0,
  });
  expect(status().overheadNs).toBeGreaterThan(0);
});

it('the engine’s own tables agree with what was run', async () => {
  const marker = 'SELECT $1::int AS engine_tables';
  for (let id = 0; id < 5; id += 1) await db.query(marker, [id]);
  await db.query("SELECT 'x'::int AS engine_tables").catch(() => {});
  const statements = getRecorder().core.snapshot().statements;
  const [good] = statements.filter(({ text }) => text === marker);
  expect(good).toMatchObject({ callCount: 6, errorCount: 1, rowCount: 5 });
  expect(good?.durations.counts.reduce((sum, count) => sum + count, 0)).toBe(6);
});
