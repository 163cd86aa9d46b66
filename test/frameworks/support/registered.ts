import { beforeAll } from 'vitest';

import { observeServers } from '../../../src/frameworks/server.ts';
import { PerformanceMiddleware } from '../../../src/performance/index.ts';
import { createDatabase } from '../../support/postgres.ts';
import { Bench, describeFramework, look } from './cases.ts';
import { createPool, type Framework, Program } from './program.ts';

/** All cases, once more, with nothing of ours on the applications. A file of its own for it. */
export function describeRegistered(frameworks: readonly Framework[]): void {
  const outside = new PerformanceMiddleware();
  const looksWithout = new Map<Framework, unknown>();

  beforeAll(async () => {
    const database = await createDatabase();
    const pool = createPool(database);
    for (const framework of frameworks) {
      const program = new Program(pool, []);
      const server = await framework.start(program);
      looksWithout.set(framework, await look(new Bench(program, server, outside)));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    await pool.end();
    await database.drop();
    // What `hyperdjango/register` does.
    observeServers(outside);
  });

  for (const framework of frameworks) {
    describeFramework(framework, { name: ', register alone', outside, looksWithout });
  }
}
