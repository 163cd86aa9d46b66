/** How each library that can be hooked is told, by its file or by one of its objects. */
import {
  type DrizzleDatabase,
  type DrizzleRelation,
  type DrizzleSelect,
  instrumentDrizzleDatabase,
  instrumentDrizzleRelation,
  instrumentDrizzleSelect,
  uninstrumentDrizzle,
} from './drizzle.ts';
import {
  instrumentOrchid,
  instrumentRelationLoader,
  type OrchidQueries,
  type RelationLoader,
  uninstrumentLazyQueries,
} from './lazy-queries.ts';
import {
  instrumentModels,
  MIKRO_ORM,
  type ModelSource,
  OBJECTION,
  SEQUELIZE,
  TYPEORM,
  uninstrumentModels,
} from './models.ts';
import {
  instrumentNativeClient,
  type NativeClientClass,
  uninstrumentNativeClient,
} from './pg-native.ts';
import { instrumentPool, uninstrumentPool } from './pg-pool.ts';
import { instrumentClient, uninstrumentClient } from './pg.ts';
import type { PgClientClass, PgPoolClass } from './pg-types.ts';
import { instrumentPglite, type Pglite, uninstrumentPglite } from './pglite.ts';
import {
  instrumentPrismaEngine,
  instrumentPrismaLoader,
  type PrismaEngine,
  type PrismaLoader,
  uninstrumentPrismaPart,
} from './prisma-batches.ts';
import { instrumentPrisma, type PrismaClient, uninstrumentPrisma } from './prisma.ts';
import {
  instrumentPostgresJs,
  type PostgresJsQuery,
  uninstrumentPostgresJs,
} from './postgres-js.ts';

/** What `instrument()` takes a copy of, and is told by name where it goes without. */
export type Library = 'pg' | 'postgres.js' | 'PGlite' | 'Drizzle' | 'Prisma';

/** One thing to hook, and to put back. */
export interface Hook {
  /** Undefined for what has only more to tell of what is hooked elsewhere. */
  readonly library: Library | undefined;
  readonly target: object;
  instrument(): void;
  uninstrument(): void;
}

type Exports = Readonly<Record<string, unknown>>;

/** Files by their end, and what is in them; the folder of a package may have any name. */
const FILES: readonly (readonly [RegExp, (exports: unknown) => Hook[]])[] = [
  [/[\\/]lib[\\/](?:native[\\/])?client\.js$/, (exports) => ifClient(exports)],
  [/[\\/]pg-pool[\\/]index\.js$/, (exports) => ifPool(exports)],
  // node-postgres in one file over a WebSocket.
  [/[\\/]@neondatabase[\\/]serverless[\\/]index\.m?js$/, (exports) => pgOf(Object(exports))],
  [/[\\/]src[\\/]query\.js$/, (exports) => ifPostgresJs(prototypeOf(exports, 'Query'))],
  [/[\\/]pglite[\\/]dist[\\/]index\.c?js$/, (exports) => ifPglite(prototypeOf(exports, 'PGlite'))],
  [
    /[\\/]pg-core[\\/](?:(?:async[\\/])?db|query-builders[\\/](?:query|select))\.c?js$/,
    (exports) => [
      ...ifDrizzle(prototypeOf(exports, 'PgDatabase')),
      ...ifDrizzle(prototypeOf(exports, 'BasePgAsyncDatabase')),
      ...ifDrizzle(prototypeOf(exports, 'PgSelectBuilder')),
      ...ifDrizzle(prototypeOf(exports, 'RelationalQueryBuilder')),
    ],
  ],
  [
    /[\\/]sequelize[\\/]lib[\\/]dialects[\\/]postgres[\\/]query\.js$/,
    (exports) => ifModels(prototypeOf(exports, 'Query'), SEQUELIZE),
  ],
  [
    /[\\/]typeorm[\\/]query-builder[\\/](?:Select|Insert|Update|Delete|SoftDelete)QueryBuilder\.js$/,
    (exports) =>
      Object.keys(exports as Exports).flatMap((name) =>
        ifModels(prototypeOf(exports, name), TYPEORM),
      ),
  ],
  [
    /[\\/]typeorm[\\/]query-builder[\\/]RelationLoader\.js$/,
    (exports) => ifRelationLoader(prototypeOf(exports, 'RelationLoader')),
  ],
  [/[\\/]pqb[\\/]dist[\\/]index\.m?js$/, (exports) => ifOrchid(prototypeOf(exports, 'Db'))],
  [
    /[\\/]objection[\\/]lib[\\/]queryBuilder[\\/]QueryBuilder\.js$/,
    (exports) => ifModels(prototypeOf(exports, 'QueryBuilder'), OBJECTION),
  ],
  [
    /[\\/]@mikro-orm[\\/](?:sql|knex)[\\/]query[\\/]QueryBuilder\.js$/,
    (exports) => ifModels(prototypeOf(exports, 'QueryBuilder'), MIKRO_ORM),
  ],
];

/** @param file a path, or the URL of an imported module. */
export function hooksOfFile(file: string, exports: unknown): Hook[] {
  for (const [pattern, find] of FILES) {
    if (pattern.test(file)) return find(exports);
  }
  return [];
}

/** @returns nothing where the object is of no library that is known here. */
export function hooksOf(target: unknown): Hook[] {
  if ((typeof target !== 'object' || target === null) && typeof target !== 'function') return [];
  const { PGlite, prototype, $qb } = target as Exports;
  const pg = pgOf(target);
  if (pg.length > 0) return pg;
  const pglite = [target, prototype, (PGlite as Partial<Exports> | undefined)?.['prototype']];
  return [
    ...ifPostgresJs(queryOf(target)),
    ...(pglite.map(ifPglite).find(({ length }) => length > 0) ?? []),
    ...drizzleOf(target),
    ...ifPrisma(target),
    // A table of it, or all of them with their query builder.
    ...ifOrchid(rootWith($qb ?? target, 'then')),
  ];
}

function pgOf(target: object): Hook[] {
  const { Client, Pool } = target as Exports;
  const { constructor } = target;
  // A module has both classes; a pool knows the class of its clients.
  const clients = [Client, constructor].map(ifClient).find(({ length }) => length > 0);
  const pools = [Pool, constructor].map(ifPool).find(({ length }) => length > 0);
  return [...(clients ?? []), ...(pools ?? [])];
}

function prototypeOf(exports: unknown, name: string): unknown {
  return ((exports as Exports | undefined)?.[name] as Partial<Exports> | undefined)?.['prototype'];
}

function ifClient(value: unknown): Hook[] {
  const Client = value as Partial<PgClientClass> | undefined;
  if (typeof value !== 'function' || typeof Client?.prototype?.query !== 'function') return [];
  const queries: unknown = Client.Query?.prototype;
  if (hasMethods(queries, ['submit', 'handleReadyForQuery'])) {
    return [hook('pg', value as unknown as PgClientClass, instrumentClient, uninstrumentClient)];
  }
  // Those of `pg.native`.
  if (!hasMethods(queries, ['submit', 'handleError', 'emit'])) return [];
  if (!hasMethods(Client.prototype, ['_connect', '_pulseQueryQueue'])) return [];
  const NativeClient = value as unknown as NativeClientClass;
  return [hook('pg', NativeClient, instrumentNativeClient, uninstrumentNativeClient)];
}

function ifPool(value: unknown): Hook[] {
  const Pool = value as Partial<PgPoolClass> | undefined;
  const isPool =
    typeof value === 'function' &&
    typeof Pool?.prototype?.connect === 'function' &&
    'totalCount' in Pool.prototype;
  if (!isPool) return [];
  return [hook('pg', value as unknown as PgPoolClass, instrumentPool, uninstrumentPool)];
}

/** @param value the prototype of postgres.js's queries. */
function ifPostgresJs(value: unknown): Hook[] {
  const isQuery = hasMethods(value, ['handle', 'cursor', 'forEach', 'describe']);
  if (!isQuery || !(value instanceof Promise)) return [];
  return [
    hook(
      'postgres.js',
      value as unknown as PostgresJsQuery,
      instrumentPostgresJs,
      uninstrumentPostgresJs,
    ),
  ];
}

/** The prototype of the queries of `sql`, or of the library itself; nothing is sent. */
function queryOf(target: object): unknown {
  if (typeof target !== 'function') return undefined;
  const { PostgresError, toCamel, unsafe, begin, default: own } = target as unknown as Exports;
  const isLibrary = typeof PostgresError === 'function' && typeof toCamel === 'function';
  if (isLibrary && typeof unsafe !== 'function') {
    const connect = (own ?? target) as (options: object) => object;
    return queryOf(connect({ max: 1 }));
  }
  if (typeof unsafe !== 'function' || typeof begin !== 'function') return undefined;
  return Object.getPrototypeOf((unsafe as (sql: string) => object)(''));
}

function ifPglite(value: unknown): Hook[] {
  if (!hasMethods(value, ['query', 'exec', '_runExclusiveQuery', 'execProtocolRaw'])) return [];
  return [hook('PGlite', value as Pglite, instrumentPglite, uninstrumentPglite)];
}

/** The builders that a database of Drizzle makes. */
function drizzleOf(target: object): Hook[] {
  const prototype: unknown = Object.getPrototypeOf(target);
  if (!hasMethods(target, ['select', 'insert', 'execute']) || !('session' in target)) return [];
  const database = target as DrizzleDatabase;
  const relation = Object.values(database.query ?? {})[0];
  return [
    ...ifDrizzle(rootWith(prototype, 'insert')),
    ...ifDrizzle(Object.getPrototypeOf(database.select())),
    ...(relation === undefined ? [] : ifDrizzle(Object.getPrototypeOf(relation))),
  ];
}

/** A client is a proxy, which keeps the one that it was made of. */
function ifPrisma(target: object): Hook[] {
  const { _originalClient: client } = target as Exports;
  const prototype: unknown = Object.getPrototypeOf(client ?? Object.prototype);
  if (!hasMethods(prototype, ['_request', '$queryRaw', '$transaction'])) return [];
  const { _engine, _requestHandler } = client as Exports;
  const { dataloader } = (_requestHandler ?? {}) as Exports;
  const engine: unknown = Object.getPrototypeOf(_engine ?? Object.prototype);
  const loader: unknown = Object.getPrototypeOf(dataloader ?? Object.prototype);
  return [
    hook('Prisma', prototype as PrismaClient, instrumentPrisma, uninstrumentPrisma),
    ...(hasMethods(engine, ['transaction', 'requestBatch'])
      ? [hook(undefined, engine as PrismaEngine, instrumentPrismaEngine, uninstrumentPrismaPart)]
      : []),
    ...(hasMethods(loader, ['request', 'dispatchBatches'])
      ? [hook(undefined, loader as PrismaLoader, instrumentPrismaLoader, uninstrumentPrismaPart)]
      : []),
  ];
}

/** @param value the prototype of what runs an ORM's statements. */
function ifModels(value: unknown, source: ModelSource): Hook[] {
  if (typeof value !== 'object' || value === null) return [];
  if (!source.methods.some((name) => Object.hasOwn(value, name))) return [];
  return [hook(undefined, value, (target) => instrumentModels(target, source), uninstrumentModels)];
}

function ifRelationLoader(value: unknown): Hook[] {
  if (!hasMethods(value, ['load', 'enableLazyLoad'])) return [];
  return [
    hook(undefined, value as RelationLoader, instrumentRelationLoader, uninstrumentLazyQueries),
  ];
}

function ifOrchid(value: unknown): Hook[] {
  if (!hasMethods(value, ['then', 'findBy', 'toSQL'])) return [];
  return [hook(undefined, value as OrchidQueries, instrumentOrchid, uninstrumentLazyQueries)];
}

function rootWith(prototype: unknown, name: string): unknown {
  for (let next = prototype; next; next = Object.getPrototypeOf(next) as unknown) {
    if (Object.hasOwn(next, name)) return next;
  }
  return undefined;
}

function ifDrizzle(value: unknown): Hook[] {
  if (hasMethods(value, ['insert', 'update', 'delete', 'execute', 'with'])) {
    return [
      hook('Drizzle', value as DrizzleDatabase, instrumentDrizzleDatabase, uninstrumentDrizzle),
    ];
  }
  if (hasMethods(value, ['from'])) {
    return [hook('Drizzle', value as DrizzleSelect, instrumentDrizzleSelect, uninstrumentDrizzle)];
  }
  if (hasMethods(value, ['findMany', 'findFirst'])) {
    return [
      hook('Drizzle', value as DrizzleRelation, instrumentDrizzleRelation, uninstrumentDrizzle),
    ];
  }
  return [];
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  // Not by their value: a getter on a prototype may throw.
  return names.every((name) => name in value);
}

function hook<T extends object>(
  library: Library | undefined,
  target: T,
  instrument: (target: T) => void,
  undo: (target: T) => void,
): Hook {
  return {
    library,
    target,
    instrument: () => instrument(target),
    uninstrument: () => undo(target),
  };
}
