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
