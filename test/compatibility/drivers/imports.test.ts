import { expect, it } from 'vitest';

import { runNode } from '../../support/processes.ts';
import { createItems } from './checks.ts';

it('hooks what is imported once `register` is, with no flag', async () => {
  const database = await createItems();
  try {
    const args = ['test/compatibility/drivers/imported-later.mjs', database.url, 'register'];
    const { stdout, stderr } = await runNode(args, { env: { HYPERDJANGO_QUIET: '1' } });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ recorded: 2, faults: 0 });
  } finally {
    await database.drop();
  }
});

it('says what was imported before any hook, until it is given to instrument()', async () => {
  const database = await createItems();
  try {
    const args = ['test/compatibility/drivers/imported-before.mjs', database.url];
    const { stdout, stderr } = await runNode(args, { env: { NODE_NO_WARNINGS: '1' } });
    expect(stderr).toBe('');
    // From Node 26 on, V8 follows what is awaited back to who awaits it.
    const lost = Number(process.versions.node.split('.')[0]) < 26 ? ['Drizzle'] : [];
    expect(JSON.parse(stdout)).toEqual({
      seen: [
        ['db', '1', [], lost, '1', []],
        ['sql', null, ['postgres.js'], [], '1', []],
        ['pglite', null, ['PGlite'], [], '1', []],
      ],
      without: [],
    });
  } finally {
    await database.drop();
  }
});
