import { join } from 'node:path';

import { ROOT } from '../../support/processes.ts';

/** The libraries of the table, and where the suite finds them. */
export interface Library {
  readonly label: string;
  /** Its file in `libraries/`. */
  readonly name: string;
  /** What the statement of `findItem` looks like, normalised. */
  readonly text: RegExp;
  /** The model of `findItem`, where the library tells. */
  readonly model?: string;
  /** Columns that the library itself makes impossible, and why. */
  readonly impossible?: Readonly<Record<string, string>>;
  /** What it calls a division by zero. */
  readonly errorCode?: string;
  /** Another Node, where this one is too old for it. */
  readonly node?: string;
  /** It prepares COMMIT and SAVEPOINT. */
  readonly hasPreparedUtilities?: boolean;
}

const PLAIN = /^SELECT id, name FROM items WHERE id = \$1$/;
const QUOTED = /^select "id", "name" from "items" where (?:"items"\.)?"id" = \$1(?: limit \$2)?$/;

const PRISMA = /^SELECT "public"\."items"\."id", .+ WHERE "public"\."items"\."id" = \$1 LIMIT \$2/;

export const LIBRARIES: readonly Library[] = [
  { label: 'pg 8.23', name: 'pg', text: PLAIN },
  { label: 'pg, callbacks', name: 'pg-callback', text: PLAIN },
  { label: 'pg-cursor 2.22', name: 'pg-cursor', text: PLAIN },
  { label: 'pg-query-stream 4.17', name: 'pg-query-stream', text: PLAIN },
  { label: 'postgres.js 3.4', name: 'postgres', text: PLAIN, hasPreparedUtilities: true },
  {
    label: 'postgres.js, `unsafe`',
    name: 'postgres-unsafe',
    text: PLAIN,
    hasPreparedUtilities: true,
  },
  { label: 'Neon 1.2, over a WebSocket', name: 'neon', text: PLAIN },
  { label: 'PGlite 0.5', name: 'pglite', text: PLAIN },
  { label: 'Drizzle 0.45 on pg', name: 'drizzle-pg', text: QUOTED },
  {
    label: 'Drizzle 0.45 on postgres.js',
    name: 'drizzle-postgres',
    text: QUOTED,
    hasPreparedUtilities: true,
  },
  { label: 'Drizzle 1.0 on pg', name: 'drizzle-1-pg', text: QUOTED },
  {
    label: 'Drizzle 1.0 on postgres.js',
    name: 'drizzle-1-postgres',
    text: QUOTED,
    hasPreparedUtilities: true,
  },
  { label: 'Kysely 0.28', name: 'kysely', text: QUOTED },
  { label: 'Knex 3.3', name: 'knex', text: QUOTED },
  { label: 'Objection 3.1', name: 'objection', text: QUOTED, model: 'Item' },
  {
    label: 'TypeORM 1.1',
    name: 'typeorm',
    model: 'Item',
    text: /FROM "items" "Item" WHERE \(\("Item"\."id" = \$1\)\)/,
  },
  {
    label: 'Sequelize 6.37',
    name: 'sequelize',
    model: 'item',
    text: /^SELECT "id", "name" FROM "items" AS "item" WHERE "item"\."id" = \$1$/,
  },
  {
    label: 'MikroORM 7.2',
    name: 'mikro-orm',
    model: 'Item',
    text: /^select "i0"\.\* from "items" as "i0" where "i0"\."id" = \$1 limit \$2$/,
  },
  {
    label: 'Orchid ORM 1.78',
    name: 'orchid-orm',
    text: /^SELECT "items"\."id", "items"\."name" FROM "items" WHERE "items"\."id" = \$1 LIMIT \$2$/,
  },
  { label: 'pg-promise 12.7', name: 'pg-promise', text: PLAIN },
];

const NODES = join(ROOT, 'test/compatibility/drivers/optional/node_modules');
const NODE_22 = join(NODES, 'node22/bin/node');
export const NODE_24 = join(NODES, 'node24/bin/node');

/** What is heavy, or needs another Node. */
export const OPTIONAL_LIBRARIES: readonly Library[] = [
  {
    label: 'Prisma 7.10 on pg, Node 24',
    name: '../optional/prisma7/prisma',
    model: 'Item',
    text: PRISMA,
    errorCode: 'P2010',
    node: NODE_24,
  },
  {
    label: 'Prisma 6.19 on pg',
    name: '../optional/prisma6/prisma',
    model: 'Item',
    text: PRISMA,
    errorCode: 'P2010',
  },
  {
    label: 'Kysely 0.29, Node 22',
    name: '../optional/kysely-029',
    text: QUOTED,
    node: NODE_22,
  },
  {
    label: '@effect/sql-pg 0.53, Effect 3',
    name: '../optional/effect-sql-pg',
    text: PLAIN,
    impossible: {
      'call site': 'Effect runs a query from a scheduler of its own, with no frame of who asked.',
    },
  },
  { label: 'pg.native, pg-native 3.9', name: '../optional/pg-native/pg-native', text: PLAIN },
  { label: 'Slonik 49.10, Node 24', name: '../optional/slonik', text: PLAIN, node: NODE_24 },
];

export const COLUMNS = [
  'once',
  'text',
  'scope',
  'call site',
  'values',
  'duration',
  'error',
  'rows',
  'cannot tell',
] as const;
export type Column = (typeof COLUMNS)[number];
