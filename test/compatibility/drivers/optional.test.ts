import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import { ROOT, runNode } from '../../support/processes.ts';
import { CHECKS, createItems, runCases } from './checks.ts';
import { LIBRARIES, NODE_24, OPTIONAL_LIBRARIES } from './libraries.ts';
import { proveRows } from './rows.ts';
import { type Cell, writeTable } from './table.ts';

proveRows('optional drivers', OPTIONAL_LIBRARIES);

it('records pg.native to the end in pipelines, refusals, and without its hooks', async () => {
  const database = await createItems();
  try {
    const program = 'test/compatibility/drivers/optional/pg-native/life.mjs';
    const { stdout, stderr } = await runNode([program, database.url]);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      pipeline: [
        ['SELECT 1 AS a', 'pipeline', 1, null, true],
        // libpq has gone on by the time that the driver tells of the error.
        ['SELECT 1 / 0 AS b', 'pipeline', -1, null, true],
        ['SELECT n FROM generate_series(1, 3) n', 'pipeline', 3, null, true],
      ],
      whileRunning: [['SELECT pg_sleep(0.05)', 'uninstrumented', 1, null, true]],
      isBack: true,
      // Nothing is sent.
      refused: [],
      left: 0,
      faults: 0,
    });
  } finally {
    await database.drop();
  }
});

it.each([
  ['7', NODE_24],
  ['6', undefined],
])('books what Prisma %s puts together on who asked for it', async (version, execPath) => {
  const database = await createItems();
  try {
    await database.query('CREATE TABLE notes (id int PRIMARY KEY, text text)');
    await database.query(
      "INSERT INTO items (name) SELECT 'item ' || n FROM generate_series(21, 200) n",
    );
    const folder = './test/compatibility/drivers';
    const program = `${folder}/optional/prisma-batches.mjs`;
    const args = ['--import', `${folder}/with.mjs`, program, version, database.url];
    const { code, stdout, stderr } = await runNode(args, { ...(execPath && { execPath }) });
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
      told: {
        'one statement for all': ['of 1 Item 3 SELECT'],
        'a statement each': [
          'of 1  3 BEGIN',
          'of 1 Item 1 SELECT',
          'of 2 Item 1 SELECT',
          'of 3 Item 1 SELECT',
          'of 1  3 COMMIT',
        ],
        'other models': ['of the item Item 1 SELECT', 'of the note Note 1 SELECT'],
        'with one that is in no scope': ['of one Item 2 SELECT'],
        'a transaction': [
          'of it  1 BEGIN',
          'of it Item 1 SELECT',
          'of it Note 1 SELECT',
          'of it  1 SELECT',
          'of it Item 1 UPDATE',
          'of it  1 COMMIT',
        ],
        'a transaction that fails': [
          'of it  1 BEGIN',
          'of it Note 1 SELECT',
          'of it  1 SELECT',
          'of it  1 ROLLBACK',
        ],
        'a transaction with a function': [
          'of it  1 BEGIN',
          'of it Item 1 SELECT',
          'of it Note 1 SELECT',
          'of it  1 COMMIT',
        ],
      },
      busy: { own: 800, wrong: 0, isRight: true },
      faults: 0,
    });
  } finally {
    await database.drop();
  }
});

const OTHER_NODES = ['22', '24', '26'];
const cellsOf: Record<string, Record<string, Cell>> = {};

describe.each(OTHER_NODES)('Node %s', (version) => {
  const node = join(
    ROOT,
    'test/compatibility/drivers/optional/node_modules',
    `node${version}/bin/node`,
  );

  it('hooks what is imported once a middleware is made, with no flag', async () => {
    const database = await createItems();
    try {
      const program = 'test/compatibility/drivers/imported-later.mjs';
      const { stdout, stderr } = await runNode([program, database.url], { execPath: node });
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual({ recorded: 2, faults: 0 });
    } finally {
      await database.drop();
    }
  });

  it.each(LIBRARIES)('passes every check with $label', async (library) => {
    const database = await createItems();
    try {
      const run = await runCases(library, database, node);
      for (const proof of Object.values(CHECKS)) proof.check(run);
      cellsOf[library.label] = { ...cellsOf[library.label], [version]: { isProven: true } };
    } finally {
      await database.drop();
    }
  });
});

afterAll(async () => {
  const rows = LIBRARIES.map(({ label }) => ({ label, cells: cellsOf[label] ?? {} }));
  const isWhole = rows.every(({ cells }) => OTHER_NODES.every((version) => version in cells));
  if (isWhole) await writeTable('other Nodes', OTHER_NODES, rows);
});
