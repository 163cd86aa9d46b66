import { beforeAll } from 'vitest';

import { observeServers } from '../../src/frameworks/server.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { createDatabase } from '../support/postgres.ts';
import { express, fastify, hono, koa, node } from './support/applications.ts';
import { Bench, describeFramework, look } from './support/cases.ts';
import { createPool, type Framework, Program } from './support/program.ts';

const frameworks = [node, express, fastify, koa, hono];
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
  describeFramework(framework, {
    name: ', register alone',
    outside,
    looksWithout,
    isUnnamed: ({ name }) => name.startsWith('Hono'),
  });
}
