import { findIgnored, findRepeatedStatements } from '../analysis/index.ts';
import {
  createDashboardHandler,
  type DashboardHandler,
  type StatsScope,
} from '../dashboard/index.ts';
import { instrumentLoaded } from '../drivers/index.ts';
import { VERDICT } from '../engine/engine.ts';
import {
  describeSites,
  getRecorder,
  isDisabled,
  type RecordedQuery,
  type Recorder,
  type Scope,
  type ScopeEnd,
  type ScopeObserver,
} from '../recorder/index.ts';
import type { HostSnapshot } from '../segments/index.ts';
import { numberOption } from '../util/options.ts';
import { createDashboardSource } from './dashboard-source.ts';
import { createHostView, hostStatsOf } from './host-stats.ts';
import {
  type PerformanceOptions,
  type ResolvedPerformanceOptions,
  resolvePerformanceOptions,
} from './options.ts';
import { type PerformanceStats, RECENT_MAX, type SlowQuery, StatsStore } from './stats.ts';

/** Those that are in use: jobs belong to none of them, and are told to all. */
const middlewares = new Set<WeakRef<PerformanceMiddleware>>();

/** Lets every middleware of the process look at a job; nothing of it adds to requests. */
export function observeJob(scope: Scope): void {
  for (const reference of middlewares) {
    const middleware = reference.deref();
    if (middleware === undefined) middlewares.delete(reference);
    else middleware.observe(scope);
  }
}

function keepForJobs(middleware: PerformanceMiddleware): void {
  for (const reference of middlewares) {
    if (reference.deref() === undefined) middlewares.delete(reference);
  }
  middlewares.add(new WeakRef(middleware));
}

/**
 * Counts every query of every request, flags slow queries and N+1 patterns, puts the figures
 * into response headers, and serves the dashboard.
 *
 * Its figures speak for this middleware and this process.
 *
 * @example
 * ```ts
 * import { HyperApp, PerformanceMiddleware } from 'hyperdjango';
 *
 * const perf = new PerformanceMiddleware({ slowQueryThresholdMs: 100 });
 * const app = new HyperApp('myapp');
 * app.use(perf);
 * app.get('/hello', (c) => c.text('hello'));
 * const response = await app.fetch(new Request('http://localhost/hello'));
 * response.headers.get('X-Query-Count'); // '0'
 * perf.getStats().totalRequests; // 1
 * ```
 */
export class PerformanceMiddleware {
  /** As they hold, defaults filled in; frozen. */
  readonly options: ResolvedPerformanceOptions;
  /** The dashboard over HTTP; a framework asks it before it opens a request's scope. */
  readonly dashboard: DashboardHandler;

  readonly #store: StatsStore;
  readonly #observed = new WeakSet<Scope>();
  /** Undefined where `HYPERDJANGO_DISABLED` turns everything off. */
  readonly #recorder: Recorder | undefined;
  readonly #unscopedAtStart: number;
  /** Made when it is first asked for. */
  #host: (() => HostSnapshot) | undefined;

  /** @throws {OptionError} where an option is unknown or out of its range. */
  constructor(options: PerformanceOptions = {}) {
    this.options = resolvePerformanceOptions(options);
    this.#store = new StatsStore(this.options.maxHistory);
    this.#recorder = isDisabled() ? undefined : getRecorder();
    this.#unscopedAtStart = this.#recorder?.unscopedQueryCount ?? 0;
    this.dashboard = createDashboardHandler({
      path: this.options.dashboardPath,
      authorize: this.options.authorize,
      source: createDashboardSource(this.options, this.#store, this.#recorder, (scope) =>
        this.getStats({ scope }),
      ),
    });
    instrumentLoaded();
    keepForJobs(this);
  }

  /**
   * The figures since the middleware was made.
   *
   * With the scope `host` they are those of all processes of the application on this host, the
   * dead ones included, since the first of them started: every request and query counts there,
   * whichever middleware saw it, and slow queries to within 1.1 % of the threshold.
   *
   * @param options `scope` is `process` if it is not given.
   * @throws Error with the scope `host` where the directory of segments is not this user's alone.
   * @example
   * ```ts
   * import { PerformanceMiddleware } from 'hyperdjango/performance';
   *
   * const perf = new PerformanceMiddleware();
   * perf.getStats({ scope: 'host' }).totalQueries >= perf.getStats().totalQueries; // true
   * ```
   */
  getStats(options: { readonly scope?: StatsScope } = {}): PerformanceStats {
    if (options.scope === 'host' && this.#recorder !== undefined) {
      this.#host ??= createHostView(this.#recorder);
      return hostStatsOf(this.#host(), this.options.slowQueryThresholdMs);
    }
    const unscoped = this.#recorder?.unscopedQueryCount ?? 0;
    return this.#store.stats(unscoped - this.#unscopedAtStart, this.#recorder?.ignores.all() ?? []);
  }

  /**
   * Counts a query that no driver hook sees. Inside a request it belongs to that request;
   * outside it feeds the totals and the slow list only.
   *
   * Does nothing but count a fault where `durationMs` is no duration: it never throws.
   *
   * @param sql literals in it are dropped before anything is kept.
   * @example
   * ```ts
   * import { PerformanceMiddleware } from 'hyperdjango/performance';
   *
   * const perf = new PerformanceMiddleware();
   * perf.recordQuery('SELECT * FROM users WHERE id = $1', { durationMs: 2.3 });
   * perf.getStats().totalQueries; // 1
   * ```
   */
  recordQuery(sql: string, timing: { readonly durationMs: number }): void {
    const recorder = this.#recorder;
    if (recorder === undefined) return;
    try {
      const durationMs = numberOption('recordQuery.durationMs', timing.durationMs, {
        min: 0,
        max: Number.MAX_SAFE_INTEGER,
      });
      const scope = recorder.currentScope();
      const query = recorder.record(String(sql), durationMs * 1e6);
      if (query === undefined || (scope !== undefined && this.#observed.has(scope))) return;
      this.#store.addQueries(1);
      const slow = this.#slowQuery(query, String(sql));
      if (slow !== undefined) this.#store.addSlowQueries(1, [{ ...slow, route: null }]);
    } catch (error) {
      recorder.reportFault(error);
    }
  }

  /**
   * Counts the scope, its queries and its end; a second call for one scope does nothing. For
   * authors of framework adapters.
   */
  observe(scope: Scope): void {
    if (this.#observed.has(scope)) return;
    // What other processes read is one for all middlewares.
    const isFirstObserver = scope.observers.length === 0;
    const observer = new RequestObserver(
      this.options.slowQueryThresholdMs * 1e6,
      (query) => this.#slowQuery(query),
      (end, slowCount) => this.#addRequest(scope, end, slowCount, isFirstObserver),
      this.#store,
    );
    this.#observed.add(scope);
    scope.observers.push(observer);
  }

  /** Puts `X-Query-Count` and `X-Query-Time` on a response, as things stand now. */
  writeHeaders(scope: Scope, headers: { set(name: string, value: string): void }): void {
    if (!this.options.headers || this.#recorder === undefined) return;
    const queryMs = scope.queryTimeNs(this.#recorder.engine.nowNs()) / 1e6;
    headers.set('X-Query-Count', String(scope.queryCount));
    const tenths = Math.round(queryMs * 10);
    headers.set('X-Query-Time', `${Math.trunc(tenths / 10)}.${tenths % 10}ms`);
  }

  #slowQuery(query: RecordedQuery, sql?: string): Omit<SlowQuery, 'route'> | undefined {
    const durationMs = query.durationNs / 1e6;
    if (this.#recorder === undefined || durationMs < this.options.slowQueryThresholdMs) {
      return undefined;
    }
    return {
      sql: this.#recorder.statementText(query, sql),
      durationMs,
      timestamp: Date.now() - durationMs,
    };
  }

  #addRequest(scope: Scope, end: ScopeEnd, slowCount: number, isFirstObserver: boolean): void {
    const recorder = this.#recorder;
    if (recorder === undefined) return;
    const nowNs = recorder.engine.nowNs();
    const durationMs = (nowNs - scope.startNs) / 1e6;
    const startedAt = Date.now() - durationMs;
    if (isFirstObserver && scope.hasIgnored) {
      const { nPlusOneThreshold } = this.options;
      for (const ignored of findIgnored(scope, nPlusOneThreshold, recorder.core)) {
        ignored.findingCount += 1;
      }
    }
    const repeated = findRepeatedStatements(
      scope,
      this.options.nPlusOneThreshold,
      recorder.core,
      recorder.callSites,
    );
    for (const { statementId, sql, count, totalMs, sites } of repeated) {
      const callSite = describeSites(sites);
      const pattern = { sql, route: scope.name, count, totalMs, callSite, timestamp: startedAt };
      this.#store.addNPlusOne(pattern);
      if (!isFirstObserver) continue;
      recorder.core.recordFinding(
        VERDICT.nPlusOne,
        statementId,
        scope.name,
        count,
        Math.round(totalMs * 1e6),
      );
    }
    if (scope.kind === 'job') return;
    const space = scope.name.indexOf(' ');
    this.#store.addRequest({
      id: this.#store.nextRequestId,
      method: scope.name.slice(0, space),
      route: scope.name.slice(space + 1),
      status: end.statusCode,
      startedAt,
      durationMs,
      queryCount: scope.queryCount,
      queryMs: scope.queryTimeNs(nowNs) / 1e6,
      slowCount,
      nPlusOneCount: repeated.length,
      aborted: end.isAborted,
    });
  }
}

/**
 * What one middleware keeps of one request until it is closed: only then its route is known,
 * and only then it counts.
 */
class RequestObserver implements ScopeObserver {
  readonly #slowThresholdNs: number;
  readonly #slowQuery: (query: RecordedQuery) => Omit<SlowQuery, 'route'> | undefined;
  readonly #closed: (end: ScopeEnd, slowCount: number) => void;
  readonly #store: StatsStore;
  #slowQueries: Omit<SlowQuery, 'route'>[] = [];
  #slowCount = 0;
  #countedQueries = 0;

  constructor(
    slowThresholdNs: number,
    slowQuery: (query: RecordedQuery) => Omit<SlowQuery, 'route'> | undefined,
    closed: (end: ScopeEnd, slowCount: number) => void,
    store: StatsStore,
  ) {
    this.#slowThresholdNs = slowThresholdNs;
    this.#slowQuery = slowQuery;
    this.#closed = closed;
    this.#store = store;
  }

  onQueryEnded(query: RecordedQuery, scope: Scope): void {
    const slow = query.durationNs < this.#slowThresholdNs ? undefined : this.#slowQuery(query);
    if (slow !== undefined) {
      this.#slowCount += 1;
      if (this.#slowQueries.length === RECENT_MAX) this.#slowQueries.shift();
      this.#slowQueries.push(slow);
    }
    if (scope.isClosed) this.#countLate(scope);
  }

  onScopeClosed(scope: Scope, end: ScopeEnd): void {
    this.#closed(end, this.#slowCount);
    this.#countedQueries = scope.queryCount;
    this.#flush(scope.name);
  }

  /** A request may go on issuing queries after its response: they are counted all the same. */
  #countLate(scope: Scope): void {
    if (scope.kind === 'request') {
      this.#store.addQueries(scope.queryCount - this.#countedQueries);
    }
    this.#countedQueries = scope.queryCount;
    this.#flush(scope.name);
  }

  #flush(route: string): void {
    if (this.#slowCount === 0) return;
    this.#store.addSlowQueries(
      this.#slowCount,
      this.#slowQueries.map((slow) => ({ ...slow, route })),
    );
    this.#slowQueries = [];
    this.#slowCount = 0;
  }
}
