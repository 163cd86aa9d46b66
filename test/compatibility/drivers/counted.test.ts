import { expect, it } from 'vitest';

import { runNode } from '../../support/processes.ts';
import { createItems } from './checks.ts';

/** By what was done: what the caller got, and the rows of each query of it that was recorded. */
type Counted = Readonly<Record<string, readonly (number | string)[]>>;

async function count(library: string): Promise<Counted> {
  const database = await createItems();
  try {
    const folder = 'test/compatibility/drivers';
    const args = ['--import', `./${folder}/with.mjs`, `${folder}/counted.mjs`];
    const { stdout, stderr } = await runNode([...args, library, database.url]);
    expect(stderr).toBe('');
    const { seen, ...rest } = JSON.parse(stdout) as { seen: Counted; left: number; faults: number };
    expect(rest).toEqual({ left: 0, faults: 0 });
    return seen;
  } finally {
    await database.drop();
  }
}

it('counts the rows that the caller of postgres.js got', async () => {
  expect(await count('postgres')).toEqual({
    'a cursor': [25, 25],
    'a cursor of even reads': [25, 25],
    'a cursor, left early': [10, 10, 0],
    'a cursor with a function': [25, 25],
    'a cursor with a function that closes it': [10, 10],
    'a cursor that fails': ['22012', -1],
    forEach: [25, 25],
    // Of one column, and no run.
    'described only': [1],
    'described in vain': ['42P01'],
    'described, then run': [1, 1],
    SHOW: [1, 1],
    EXPLAIN: [1, 1],
    'CALL with a result': [1, 1],
    'CREATE TABLE': [0, -1],
    several: [[1, 1, 5], 7],
    'a change before rows': [[2, 1], 3],
    // The driver has no result for the second one.
    'rows before a change': [25, -1],
    changes: [1, -1],
    'one that ends': [3, 3],
    'COPY in': [3, 3],
    'COPY out': [3, 3],
    'as values': [25, 25],
  });
});

it('counts the rows that the caller of PGlite got, or the server told', async () => {
  const { 'a live query': live = [], ...rest } = await count('pglite');
  expect(rest).toEqual({
    SELECT: [25, 25],
    'CREATE TABLE AS': [0, 25],
    'CREATE TABLE': [0, 0],
    UPDATE: [25, 25],
    SHOW: [1, 1],
    EXPLAIN: [1, 1],
    'COPY out': [25, 25],
    'COPY in': [3, 3],
    // Of the 28 that were changed, too.
    several: [[0, 1, 4], 33],
    changes: [[0, 0], 3],
    'described only': [1],
    'described in vain': ['42P01'],
    // With what begins and ends it.
    'a transaction': [2, 0, 2, 0],
    'by the protocol': [1, 1],
  });
  const [got, ...recorded] = live;
  expect(got).toBe(3);
  // What it asks of the catalogue, its first result, the DELETE, its second result.
  expect(recorded.filter((rows) => Number(rows) > 0)).toEqual([1, 3, 1, 2]);
});

it('counts the rows that a stream of Kysely read', async () => {
  expect(await count('kysely')).toEqual({
    'a stream': [25, 25],
    'a stream, left early': [10, 10],
  });
});
