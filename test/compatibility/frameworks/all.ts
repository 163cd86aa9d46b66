import {
  express,
  expressOn,
  fastify,
  hono,
  koa,
  node,
} from '../../frameworks/support/applications.ts';
import type { Framework } from '../../frameworks/support/program.ts';
import { nestOnExpress, nestOnFastify } from './nest.ts';

const express4 = expressOn('Express 4', async () => {
  // Its types are those of Express 5, under this name it has none.
  const name: string = 'express4';
  return ((await import(name)) as { default: typeof import('express') }).default;
});

export const frameworks: readonly Framework[] = [
  node,
  express,
  express4,
  fastify,
  koa,
  hono,
  nestOnExpress,
  nestOnFastify,
];
