import { findRepeatedStatements } from '../analysis/index.ts';
import { createDashboardHandler, type DashboardHandler } from '../dashboard/index.ts';
import { instrumentLoaded } from '../drivers/index.ts';
import {
  getRecorder,
  isDisabled,
  type RecordedQuery,
  type Recorder,
  type Scope,
  type ScopeEnd,
  type ScopeObserver,
} from '../recorder/index.ts';
import { numberOption } from '../util/options.ts';
import { createDashboardSource } from './dashboard-source.ts';
import {
  type PerformanceOptions,
  type ResolvedPerformanceOptions,
  resolvePerformanceOptions,
} from './options.ts';
import { type PerformanceStats, StatsStore } from './stats.ts';

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
 * console.log(perf.getStats().totalRequests);
 * ```
 */
export class PerformanceMiddleware {
  readonly options: ResolvedPerformanceOptions;
  /** The dashboard over HTTP; a framework asks it before it opens a request's scope. */
  readonly dashboard: DashboardHandler;

  readonly #store: StatsStore;
  readonly #observed = new WeakMap<Scope, RequestObserver>();
  /** Undefined where `HYPERDJANGO_DISABLED` turns everything off. */
  readonly #recorder: Recorder | undefined;
  readonly #unscopedAtStart: number;

  /** @throws {OptionError} where an option is unknown or out of its range. */
  constructor(options: PerformanceOptions = {}) {
    this.options = resolvePerformanceOptions(options);
    this.#store = new StatsStore(this.options.maxHistory);
    this.#recorder = isDisabled() ? undefined : getRecorder();
    this.#unscopedAtStart = this.#recorder?.unscopedQueryCount ?? 0;
    this.dashboard = createDashboardHandler({
      path: this.options.dashboardPath,
      authorize: this.options.authorize,
      source: createDashboardSource(this.options, this.#store, this.#recorder, () =>
        this.getStats(),
      ),
    });
    instrumentLoaded();
  }

  /** The figures since the middleware was made. */
  getStats(): PerformanceStats {
    const unscoped = this.#recorder?.unscopedQueryCount ?? 0;
    return this.#store.stats(unscoped - this.#unscopedAtStart);
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
   * console.log(perf.getStats().totalQueries); // 1
   * ```
   */
  recordQuery(sql: string, { durationMs }: { readonly durationMs: number }): void {
    const recorder = this.#recorder;
    if (recorder === undefined) return;
    try {
      numberOption('recordQuery.durationMs', durationMs, { min: 0, max: Number.MAX_SAFE_INTEGER });
      const scope = recorder.currentScope();
      const query = recorder.record(String(sql), durationMs * 1e6);
      if (query === undefined || (scope !== undefined && this.#observed.has(scope))) return;
      this.#store.addQueries(1);
      this.#noteIfSlow(query, null);
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
    const observer = new RequestObserver((query) => this.#noteIfSlow(query, scope.name), {
      closed: (end, slowCount) => this.#addRequest(scope, end, slowCount),
      addedLate: (count) => this.#store.addQueries(count),
    });
    this.#observed.set(scope, observer);
    scope.observers.push(observer);
  }

  /** Puts `X-Query-Count` and `X-Query-Time` on a response, as things stand now. */
  writeHeaders(scope: Scope, headers: { set(name: string, value: string): void }): void {
    if (!this.options.headers || this.#recorder === undefined) return;
    const queryMs = scope.queryTimeNs(this.#recorder.engine.nowNs()) / 1e6;
    headers.set('X-Query-Count', String(scope.queryCount));
    headers.set('X-Query-Time', `${queryMs.toFixed(1)}ms`);
  }

  #noteIfSlow(query: RecordedQuery, route: string | null): boolean {
    const durationMs = query.durationNs / 1e6;
    if (durationMs < this.options.slowQueryThresholdMs) return false;
    this.#store.addSlowQuery({
      sql: this.#recorder?.statementText(query) ?? '',
      durationMs,
      route,
      timestamp: Date.now() - durationMs,
    });
    return true;
  }

  #addRequest(scope: Scope, end: ScopeEnd, slowCount: number): void {
    const recorder = this.#recorder;
    if (recorder === undefined) return;
    const nowNs = recorder.engine.nowNs();
    const durationMs = (nowNs - scope.startNs) / 1e6;
    const startedAt = Date.now() - durationMs;
    const repeated = findRepeatedStatements(scope, this.options.nPlusOneThreshold, recorder.core);
    for (const { sql, count, totalMs } of repeated) {
      this.#store.addNPlusOne({ sql, route: scope.name, count, totalMs, timestamp: startedAt });
    }
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

interface RequestEvents {
  closed(end: ScopeEnd, slowCount: number): void;
  /** A request may go on issuing queries after its response: they are counted all the same. */
  addedLate(count: number): void;
}

/** What one middleware keeps of one request until it is closed. */
class RequestObserver implements ScopeObserver {
  readonly #noteIfSlow: (query: RecordedQuery) => boolean;
  readonly #events: RequestEvents;
  #slowCount = 0;
  #countedQueries = 0;

  constructor(noteIfSlow: (query: RecordedQuery) => boolean, events: RequestEvents) {
    this.#noteIfSlow = noteIfSlow;
    this.#events = events;
  }

  onQueryEnded(query: RecordedQuery, scope: Scope): void {
    if (this.#noteIfSlow(query)) this.#slowCount += 1;
    if (!scope.isClosed || scope.queryCount === this.#countedQueries) return;
    this.#events.addedLate(scope.queryCount - this.#countedQueries);
    this.#countedQueries = scope.queryCount;
  }

  onScopeClosed(scope: Scope, end: ScopeEnd): void {
    this.#countedQueries = scope.queryCount;
    this.#events.closed(end, this.#slowCount);
  }
}
