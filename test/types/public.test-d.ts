/**
 * The public surface by its types: names, options, what comes back. Nothing here runs; the
 * compiler is the test (`npm run check`).
 */
import type { RequestHandler } from 'express';
import type { FastifyPluginCallback } from 'fastify';
import type { MiddlewareHandler } from 'hono';
import type { Middleware as KoaMiddleware } from 'koa';
import type pg from 'pg';
import { assertType, expectTypeOf } from 'vitest';

import type { ErrorCode, ListeningApp, Status } from 'hyperdjango';
import * as root from 'hyperdjango';
import { Database, type PgPool, type PoolStats, type Queryable } from 'hyperdjango/database';
import { instrument, uninstrument } from 'hyperdjango/drivers';
import * as express from 'hyperdjango/express';
import * as fastify from 'hyperdjango/fastify';
import { performance } from 'hyperdjango/hono';
import * as koa from 'hyperdjango/koa';
import * as nest from 'hyperdjango/nest';
import * as next from 'hyperdjango/next';
import * as node from 'hyperdjango/node';
import {
  type Authorize,
  PerformanceMiddleware,
  type PerformanceOptions,
  type PerformanceStats,
  type SlowQuery,
} from 'hyperdjango/performance';
import {
  type LoggedSlowQuery,
  PoolHealthChecker,
  type PoolHealthResult,
  QueryTimer,
  SlowQueryLog,
} from 'hyperdjango/pool';
import type * as profiling from 'hyperdjango/profiling';
import { elapsedNanos, nanos, profileHandler, Profiler, ProfileStore } from 'hyperdjango/profiling';
import { type NormalizedSql, normalizeSql, scanSql, type SqlSpans } from 'hyperdjango/sql';

declare const db: Database;
declare const perf: PerformanceMiddleware;
declare const app: root.HyperApp;

/** The root re-exports the very same things. */
export function theRoot(): void {
  expectTypeOf<keyof typeof root>().toEqualTypeOf<
    | 'Database'
    | 'HyperApp'
    | 'HyperDjangoError'
    | 'OptionError'
    | 'PerformanceMiddleware'
    | 'ignore'
    | 'runInScope'
    | 'status'
  >();
  expectTypeOf(root.Database).toEqualTypeOf<typeof Database>();
  expectTypeOf(root.PerformanceMiddleware).toEqualTypeOf<typeof PerformanceMiddleware>();
  expectTypeOf(root.status).toEqualTypeOf<() => Status>();
  expectTypeOf<Status>().toEqualTypeOf<{
    readonly engine: 'native' | 'portable';
    readonly reason: string;
    readonly segment: string | null;
    readonly unseen: readonly string[];
    readonly withoutCallSites: readonly string[];
    readonly dropped: {
      readonly queries: number;
      readonly requests: number;
      readonly statements: number;
      readonly routes: number;
      readonly pools: number;
      readonly findings: number;
      readonly waits: number;
      readonly torn: number;
    };
    readonly overheadNs: number;
    readonly faults: number;
  }>();
}

export function theApplication(): void {
  expectTypeOf(root.HyperApp).constructorParameters.toEqualTypeOf<[name: string]>();
  expectTypeOf(app.listen()).resolves.toEqualTypeOf<ListeningApp>();
  expectTypeOf<ListeningApp>().toEqualTypeOf<{
    readonly url: string;
    readonly port: number;
    close(): Promise<void>;
  }>();
  assertType(app.listen({ port: 0, hostname: '127.0.0.1' }));
  // @ts-expect-error: the option is called hostname
  assertType(app.listen({ host: '127.0.0.1' }));
  expectTypeOf(app.db).toEqualTypeOf<Database>();
  expectTypeOf(app.debug).toEqualTypeOf<boolean>();
  expectTypeOf(app.profiling).toEqualTypeOf<boolean>();
  expectTypeOf(app.fetch).toBeCallableWith(new Request('http://localhost/'));
  expectTypeOf(app.fetch).returns.toEqualTypeOf<Response | Promise<Response>>();
  app.onStartup(async () => {});
  app.onShutdown(() => {});
  app.use(perf);
  app.use(async (_, next) => next());
  app.get('/users/:id', (c) => c.json({ id: c.req.param('id') }));
  app.route('GET', '/users', async () => Response.json([]));
  class UserRoutes {
    @app.route('GET', '/users')
    @profileHandler
    async list(): Promise<Response> {
      return Response.json(await app.db.query('SELECT * FROM users'));
    }
    @app.route('GET', '/health')
    static health(): Response {
      return Response.json({});
    }
    // @ts-expect-error: a handler answers with a Response
    @app.route('GET', '/number')
    number(): number {
      return 1;
    }
  }
  app.register(new UserRoutes());
}

export function theDatabase(config: pg.PoolConfig, pool: pg.Pool): void {
  assertType(new Database('postgres://localhost/mydb'));
  assertType(new Database(config));
  // @ts-expect-error: a URL or a config is needed
  assertType(new Database());
  expectTypeOf(db).toExtend<Queryable>();
  expectTypeOf(db.pool).toEqualTypeOf<PgPool>();
  // The driver's own declarations are not ours to bring; where they are, both ways.
  assertType<pg.Pool>(db.pool);
  assertType<PgPool>(pool);
  expectTypeOf(db.pool.connect()).resolves.toExtend<pg.PoolClient>();
  expectTypeOf(db.pool.query<{ id: number }>('SELECT 1 AS id')).resolves.toExtend<
    pg.QueryResult<{ id: number }>
  >();
  expectTypeOf(db.connect()).toEqualTypeOf<Promise<void>>();
  expectTypeOf(db.query('SELECT 1')).toEqualTypeOf<Promise<Record<string, unknown>[]>>();
  expectTypeOf(db.query<{ id: number }>('SELECT $1', [1])).toEqualTypeOf<
    Promise<{ id: number }[]>
  >();
  expectTypeOf(db.execute('SELECT $1', [1] as const)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(db.transaction(async () => 'done')).toEqualTypeOf<Promise<string>>();
  expectTypeOf(
    db.transaction(async (tx) => {
      expectTypeOf(tx).toEqualTypeOf<Queryable>();
      return tx.transaction(async (nested) => nested.execute('SELECT 1'));
    }),
  ).toEqualTypeOf<Promise<number>>();
  expectTypeOf(db.poolStats()).toEqualTypeOf<PoolStats>();
  expectTypeOf<keyof PoolStats>().toEqualTypeOf<'total' | 'idle' | 'active' | 'waiting' | 'max'>();
  expectTypeOf(db.close()).toEqualTypeOf<Promise<void>>();
}

export function thePerformanceMiddleware(): void {
  expectTypeOf<PerformanceOptions>().toEqualTypeOf<{
    readonly slowQueryThresholdMs?: number;
    readonly nPlusOneThreshold?: number;
    readonly maxHistory?: number;
    readonly dashboardPath?: string | false;
    readonly headers?: boolean;
    readonly authorize?: Authorize;
    readonly appName?: string;
  }>();
  assertType(new PerformanceMiddleware());
  // @ts-expect-error: durations carry their unit
  assertType(new PerformanceMiddleware({ slowQueryThreshold: 100 }));
  expectTypeOf(perf.recordQuery('SELECT 1', { durationMs: 2.3 })).toEqualTypeOf<void>();
  // @ts-expect-error: durations carry their unit
  perf.recordQuery('SELECT 1', { duration: 2.3 });
  expectTypeOf(perf.getStats()).toEqualTypeOf<PerformanceStats>();
  expectTypeOf<PerformanceStats>().toExtend<{
    readonly totalRequests: number;
    readonly totalQueries: number;
    readonly avgQueriesPerRequest: number;
    readonly slowQueryCount: number;
    readonly nPlusOneCount: number;
    readonly recentSlowQueries: readonly SlowQuery[];
    readonly recentNPlusOne: readonly string[];
  }>();
  expectTypeOf<SlowQuery>().toExtend<{ readonly sql: string; readonly durationMs: number }>();
  // Figures are for reading.
  // @ts-expect-error: readonly
  perf.getStats().totalRequests = 0;
  expectTypeOf(performance()).toEqualTypeOf<MiddlewareHandler>();
  assertType(performance(perf));
  assertType(performance({ headers: false }));
}

/** What each framework takes is what we give. */
export function theFrameworks(): void {
  assertType<RequestHandler>(express.performance(perf));
  assertType<FastifyPluginCallback>(fastify.performance({ headers: false }));
  assertType<KoaMiddleware>(koa.performance());
  assertType<RequestHandler>(nest.performance());
  expectTypeOf(node.performance()).toEqualTypeOf<node.NodeMiddleware>();
  expectTypeOf(node.setRoute).returns.toEqualTypeOf<void>();
  const handler = next.performance()(
    async (_request: Request, { params }: { params: Promise<{ id: string }> }) =>
      Response.json(await params),
  );
  expectTypeOf(handler).returns.toEqualTypeOf<Promise<Response>>();
  expectTypeOf(handler).parameter(1).toEqualTypeOf<{ params: Promise<{ id: string }> }>();
  expectTypeOf(root.ignore('why', () => 7)).toEqualTypeOf<number>();
  expectTypeOf(root.ignore('why', async () => 'x')).toEqualTypeOf<Promise<string>>();
  expectTypeOf(root.runInScope('job', () => 7)).toEqualTypeOf<number>();
  expectTypeOf(root.runInScope('job', async () => 'x')).toEqualTypeOf<Promise<string>>();
}

export function thePool(): void {
  assertType(new SlowQueryLog(db, { thresholdMs: 100, maxRows: 1_000 }));
  const slowLog = new SlowQueryLog(db);
  expectTypeOf(slowLog.ensureTable()).toEqualTypeOf<Promise<void>>();
  expectTypeOf(slowLog.record('SELECT $1', { durationMs: 1, params: [1] })).toEqualTypeOf<
    Promise<void>
  >();
  expectTypeOf(slowLog.getRecent({ limit: 50 })).toEqualTypeOf<Promise<LoggedSlowQuery[]>>();
  expectTypeOf(slowLog.getRecent()).resolves.items.toExtend<{
    readonly sql: string;
    readonly durationMs: number;
    readonly paramsSummary: string | null;
    readonly timestamp: Date;
  }>();
  expectTypeOf(slowLog.close()).toEqualTypeOf<Promise<void>>();

  const timer = new QueryTimer(db, { slowLog, thresholdMs: 100 });
  expectTypeOf(timer.install()).toEqualTypeOf<void>();
  expectTypeOf(timer.uninstall()).toEqualTypeOf<void>();
  expectTypeOf(timer.drain({ timeoutSeconds: 30 })).toEqualTypeOf<Promise<boolean>>();
  // @ts-expect-error: seconds, and not milliseconds
  assertType(timer.drain({ timeoutMs: 30 }));

  const checker = new PoolHealthChecker(db, { intervalSeconds: 30 });
  expectTypeOf(checker.check()).toEqualTypeOf<Promise<PoolHealthResult>>();
  expectTypeOf<PoolHealthResult>().toEqualTypeOf<{
    readonly checked: number;
    readonly dead: number;
    readonly removed: number;
  }>();
  expectTypeOf(checker.start()).toEqualTypeOf<void>();
  expectTypeOf(checker.stop()).toEqualTypeOf<void>();
}

export function theProfiler(): void {
  expectTypeOf<keyof typeof profiling>().toEqualTypeOf<
    | 'elapsedNanos'
    | 'nanos'
    | 'profileHandler'
    | 'Profiler'
    | 'ProfileStore'
    | 'toChromeTrace'
    | 'toFlameGraph'
    | 'toSpeedscope'
  >();
  expectTypeOf(nanos).toEqualTypeOf<() => bigint>();
  expectTypeOf(elapsedNanos).toEqualTypeOf<(start: bigint) => bigint>();
  const handler = async (id: number): Promise<string> => String(id);
  expectTypeOf(profileHandler(handler)).toEqualTypeOf<typeof handler>();
  const profiler = new Profiler('work', { maxSpans: 10 });
  expectTypeOf(profiler.span('sync', () => 1)).toEqualTypeOf<number>();
  expectTypeOf(profiler.span('async', async () => 'a')).toEqualTypeOf<Promise<string>>();
  expectTypeOf(profiler.start('open').end()).toEqualTypeOf<void>();
  const store = new ProfileStore({ capacity: 10 });
  store.add(profiler.finish());
  expectTypeOf(store.list()).items.toEqualTypeOf<profiling.Profile>();
}

export function theRest(target: pg.Pool, code: ErrorCode): void {
  instrument(target);
  uninstrument(target);
  // @ts-expect-error: a text is no driver
  instrument('pg');
  expectTypeOf(normalizeSql('SELECT 1', { engine: 'portable' })).toEqualTypeOf<NormalizedSql>();
  expectTypeOf<NormalizedSql>().toExtend<{ readonly text: string; readonly fingerprint: string }>();
  expectTypeOf(scanSql('SELECT 1', { placeholders: 'question' })).toEqualTypeOf<SqlSpans>();
  expectTypeOf<keyof SqlSpans>().toEqualTypeOf<'literals' | 'parameters' | 'comments'>();
  // @ts-expect-error: there are two engines
  assertType(normalizeSql('SELECT 1', { engine: 'rust' }));
  expectTypeOf<root.HyperDjangoError>().toExtend<Error & { readonly code: ErrorCode }>();
  expectTypeOf<root.OptionError>().toExtend<TypeError & { readonly option: string }>();
  expectTypeOf(code).toExtend<`ERR_HYPERDJANGO_${string}`>();
}
