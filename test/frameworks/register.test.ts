import { express, fastify, hono, koa, node } from './support/applications.ts';
import { describeRegistered } from './support/registered.ts';

describeRegistered([node, express, fastify, koa, hono]);
