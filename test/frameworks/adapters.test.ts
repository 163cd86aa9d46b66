import { express, fastify, hono, koa, node } from './support/applications.ts';
import { describeFramework } from './support/cases.ts';

for (const framework of [node, express, fastify, koa, hono]) {
  describeFramework(framework, { name: '' });
}
