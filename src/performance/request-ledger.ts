/** What one middleware writes down of the requests that it observes. */
import { findIgnored, findRepeatedStatements } from '../analysis/index.ts';
import { VERDICT } from '../engine/engine.ts';
import {
  describeCallSite,
  describeSites,
  type RecordedQuery,
  type Recorder,
  type Scope,
  type ScopeEnd,
  type ScopeObserver,
} from '../recorder/index.ts';
import type { ResolvedPerformanceOptions } from './options.ts';
import { RECENT_MAX, type SlowQuery, type StatsStore } from './stats.ts';

const { pid } = process;

type UnroutedSlowQuery = Omit<SlowQuery, 'route'>;

export class RequestLedger {
  readonly store: StatsStore;
  readonly slowThresholdNs: number;
  readonly #nPlusOneThreshold: number;
  readonly #recorder: Recorder;
  /** Of the request before: most often of the next one too, whose row can share them. */
  #name = '';
  #method = '';
  #route = '';

  constructor(options: ResolvedPerformanceOptions, store: StatsStore, recorder: Recorder) {
    this.store = store;
    this.slowThresholdNs = options.slowQueryThresholdMs * 1e6;
    this.#nPlusOneThreshold = options.nPlusOneThreshold;
    this.#recorder = recorder;
  }

  /** @returns undefined where it was fast enough. */
  slowQuery(query: RecordedQuery, sql?: string): UnroutedSlowQuery | undefined {
    if (query.durationNs < this.slowThresholdNs) return undefined;
    const durationMs = query.durationNs / 1e6;
    const site = this.#recorder.callSite(query);
    // Its first run took no stack: the next one will.
    if (query.stack === undefined && query.scope !== undefined) {
      this.#recorder.callSites.wantOnce(query.statementId);
    }
    return {
      sql: this.#recorder.statementText(query, sql),
      durationMs,
      timestamp: Date.now() - durationMs,
      callSite: site === undefined ? null : describeCallSite(site),
    };
  }

  addRequest(scope: Scope, end: ScopeEnd, slowCount: number, isFirstObserver: boolean): void {
    const durationMs = (scope.endNs - scope.startNs) / 1e6;
    const startedAt = Date.now() - durationMs;
    const nPlusOneCount = this.#addRepeated(scope, startedAt, isFirstObserver);
    if (scope.kind === 'job') return;
    this.#splitName(scope.name);
    this.store.addRequest({
      id: this.store.nextRequestId,
      pid,
      method: this.#method,
      route: this.#route,
      status: end.statusCode,
      startedAt,
      durationMs,
      queryCount: scope.queryCount,
      queryMs: scope.queryTimeNs(scope.endNs) / 1e6,
      slowCount,
      nPlusOneCount,
      aborted: end.isAborted,
    });
  }

  #splitName(name: string): void {
    if (name === this.#name) return;
    const space = name.indexOf(' ');
    this.#name = name;
    this.#method = name.slice(0, space);
    this.#route = name.slice(space + 1);
  }

  /** @returns how many statements the scope ran too often. */
  #addRepeated(scope: Scope, startedAt: number, isFirstObserver: boolean): number {
    const recorder = this.#recorder;
    const { core, callSites } = recorder;
    if (isFirstObserver && scope.hasIgnored) {
      for (const ignored of findIgnored(scope, this.#nPlusOneThreshold, recorder)) {
        ignored.findingCount += 1;
      }
    }
    const repeated = findRepeatedStatements(scope, this.#nPlusOneThreshold, recorder, callSites);
    for (const { statementId, sql, count, totalMs, isParallel, sites } of repeated) {
      this.store.addNPlusOne({
        sql,
        route: scope.name,
        count,
        totalMs,
        isParallel,
        callSite: describeSites(sites),
        timestamp: startedAt,
      });
      // What other processes read is one for all middlewares.
      if (!isFirstObserver) continue;
      const totalNs = Math.round(totalMs * 1e6);
      core.recordFinding(VERDICT.nPlusOne, statementId, scope.name, count, totalNs);
    }
    return repeated.length;
  }
}

/**
 * What one middleware keeps of one request until it is closed: only then its route is known,
 * and only then it counts.
 */
export class RequestObserver implements ScopeObserver {
  readonly ledger: RequestLedger;
  readonly slowThresholdNs: number;
  readonly #isFirst: boolean;
  #slowQueries: UnroutedSlowQuery[] | undefined;
  #slowCount = 0;
  #countedQueries = 0;

  /** @param isFirst whether no other middleware observes the scope before this one. */
  constructor(ledger: RequestLedger, isFirst: boolean) {
    this.ledger = ledger;
    this.slowThresholdNs = ledger.slowThresholdNs;
    this.#isFirst = isFirst;
  }

  onQueryEnded(query: RecordedQuery, scope: Scope): void {
    const slow = this.ledger.slowQuery(query);
    if (slow !== undefined) {
      this.#slowQueries ??= [];
      this.#slowCount += 1;
      if (this.#slowQueries.length === RECENT_MAX) this.#slowQueries.shift();
      this.#slowQueries.push(slow);
    }
    if (scope.isClosed) this.#countLate(scope);
  }

  onScopeClosed(scope: Scope, end: ScopeEnd): void {
    this.ledger.addRequest(scope, end, this.#slowCount, this.#isFirst);
    this.#countedQueries = scope.queryCount;
    this.#flush(scope.name);
  }

  /** A request may go on issuing queries after its response: they are counted all the same. */
  #countLate(scope: Scope): void {
    if (scope.kind === 'request') {
      this.ledger.store.addQueries(scope.queryCount - this.#countedQueries);
    }
    this.#countedQueries = scope.queryCount;
    this.#flush(scope.name);
  }

  #flush(route: string): void {
    if (this.#slowQueries === undefined) return;
    this.ledger.store.addSlowQueries(
      this.#slowCount,
      this.#slowQueries.map((slow) => ({ ...slow, route })),
    );
    this.#slowQueries = undefined;
    this.#slowCount = 0;
  }
}
