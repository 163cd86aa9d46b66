import {
  createDashboardHandler,
  type DashboardHandler,
  type StatsScope,
} from '../dashboard/index.ts';
import { instrumentLoaded } from '../drivers/index.ts';
import { getRecorder, isDisabled, type Recorder, type Scope } from '../recorder/index.ts';
import type { HostSnapshot } from '../segments/index.ts';
import { NoMiddleware } from '../util/adapter.ts';
import { knownOptions, numberOption, oneOfOption } from '../util/options.ts';
import { createDashboardSource } from './dashboard-source.ts';
import { createLook, hostStatsOf, type Look } from './host-stats.ts';
import {
  type PerformanceOptions,
  type ResolvedPerformanceOptions,
  resolvePerformanceOptions,
} from './options.ts';
import { RequestLedger, RequestObserver } from './request-ledger.ts';
import { type PerformanceStats, StatsStore } from './stats.ts';

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
export class PerformanceMiddleware extends NoMiddleware {
  /** As they hold, defaults filled in; frozen. */
  readonly options: ResolvedPerformanceOptions;
  /** The dashboard over HTTP; a framework asks it before it opens a request's scope. */
  readonly dashboard: DashboardHandler;

  readonly #store: StatsStore;
  /** Undefined where `HYPERDJANGO_DISABLED` turns everything off. */
  readonly #ledger: RequestLedger | undefined;
  readonly #recorder: Recorder | undefined;
  readonly #unscopedAtStart: number;
  /** Made when it is first asked for. */
  #look: Look | undefined;

  /** @throws {OptionError} where an option is unknown or out of its range. */
  constructor(options: PerformanceOptions = {}) {
    super();
    this.options = resolvePerformanceOptions(options);
    this.#store = new StatsStore(this.options.maxHistory);
    this.#recorder = isDisabled() ? undefined : getRecorder();
    const { appName } = this.options;
    if (appName !== undefined) this.#recorder?.nameApp(appName);
    this.#ledger = this.#recorder && new RequestLedger(this.options, this.#store, this.#recorder);
    this.#unscopedAtStart = this.#recorder?.unscopedQueryCount ?? 0;
    this.dashboard = createDashboardHandler({
      path: this.options.dashboardPath,
      authorize: this.options.authorize,
      source: createDashboardSource({
        options: this.options,
        store: this.#store,
        recorder: this.#recorder,
        stats: () => this.getStats(),
        look: (...args) => this.#lookAt(...args),
      }),
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
   * @throws {OptionError} where an option is unknown, or the scope none of the two; Error with the scope `host` where the directory of segments is not this user's alone.
   * @example
   * ```ts
   * import { PerformanceMiddleware } from 'hyperdjango/performance';
   *
   * const perf = new PerformanceMiddleware();
   * perf.getStats({ scope: 'host' }).totalQueries >= perf.getStats().totalQueries; // true
   * ```
   */
  getStats(options: { readonly scope?: StatsScope } = {}): PerformanceStats {
    knownOptions('getStats', options, ['scope']);
    const { scope = 'process' } = options;
    oneOfOption('getStats.scope', scope, ['process', 'host']);
    if (scope === 'host') {
      const host = this.#lookAt('host', { histograms: false });
      if (host !== undefined) return hostStatsOf(host, this.options.slowQueryThresholdMs);
    }
    this.#ledger?.settle();
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
    const ledger = this.#ledger;
    if (recorder === undefined || ledger === undefined) return;
    try {
      const durationMs = numberOption('recordQuery.durationMs', timing.durationMs, {
        min: 0,
        max: Number.MAX_SAFE_INTEGER,
      });
      const scope = recorder.currentScope();
      const query = recorder.record(String(sql), durationMs * 1e6);
      if (query === undefined || (scope !== undefined && this.#isObserving(scope))) return;
      this.#store.addQueries(1);
      const slow = ledger.slowQuery(query, String(sql));
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
    if (this.#ledger === undefined || this.#isObserving(scope)) return;
    const isFirst = scope.observers.length === 0;
    this.#recorder?.observe(scope, new RequestObserver(this.#ledger, isFirst));
  }

  #isObserving({ observers }: Scope): boolean {
    for (const observer of observers) {
      if (observer instanceof RequestObserver && observer.ledger === this.#ledger) return true;
    }
    return false;
  }

  /** Puts `X-Query-Count` and `X-Query-Time` on a response, as things stand now. */
  writeHeaders(scope: Scope, headers: { set(name: string, value: string): void }): void {
    const recorder = this.#recorder;
    if (!this.options.headers || recorder === undefined) return;
    // Where a driver goes unseen, nobody knows whether it is none.
    if (scope.queryCount === 0 && recorder.unseen.hasDrivers) return;
    const queryMs = scope.queryTimeNs(recorder.engine) / 1e6;
    headers.set('X-Query-Count', String(scope.queryCount));
    const tenths = Math.round(queryMs * 10);
    headers.set('X-Query-Time', `${Math.trunc(tenths / 10)}.${tenths % 10}ms`);
  }

  #lookAt(...[scope, options]: Parameters<Look>): HostSnapshot | undefined {
    if (this.#recorder === undefined) return undefined;
    this.#ledger?.settle();
    this.#look ??= createLook(this.#recorder);
    return this.#look(scope, options);
  }
}
