/**
 * What one middleware writes down of the requests that it observes.
 *
 * Requests that have ended are counted some at a time. Other work has filled the processor's caches
 * by the end of each, and to fetch this part of the code once for many of them costs less. Whoever
 * asks for figures has all of them counted first.
 */
import { AsyncResource } from 'node:async_hooks';

import { findIgnored, findRepeatedStatements } from '../analysis/index.ts';
import type { RequestRow } from '../dashboard/index.ts';
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

/** Requests that have ended, and are counted together. */
const ENDED_MAX = 32;
/** Their queries. */
const ENDED_QUERIES_MAX = 2_000;
/** Other processes see an N+1 this much later at most. */
const SETTLE_AFTER_MS = 100;

type UnroutedSlowQuery = Omit<SlowQuery, 'route'>;

/** A scope that has ended and is not counted yet. */
interface Ended {
  readonly observer: RequestObserver;
  readonly scope: Scope;
  readonly end: ScopeEnd;
}

export class RequestLedger {
  readonly store: StatsStore;
  readonly slowThresholdNs: number;
  readonly #nPlusOneThreshold: number;
  readonly #recorder: Recorder;
  #ended: Ended[] = [];
  #endedQueries = 0;
  /** A timer of its own context keeps no request alive that happened to start it. */
  readonly #context = new AsyncResource('hyperdjango.requests');
  #timer: NodeJS.Timeout | undefined;
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
      sqlState: query.sqlState ?? null,
    };
  }

  /** Counts the scope soon; now if it is not over and done. */
  add(ended: Ended): void {
    const { scope } = ended;
    this.#ended.push(ended);
    this.#endedQueries += scope.queryCount;
    const isFull = this.#ended.length >= ENDED_MAX || this.#endedQueries >= ENDED_QUERIES_MAX;
    if (isFull || scope.kind === 'job' || scope.hasRunning) this.settle();
    else if (this.#timer === undefined) this.#settleLater();
  }

  /** Counts all that has ended. */
  settle(): void {
    const ended = this.#ended;
    if (ended.length === 0) return;
    this.#ended = [];
    this.#endedQueries = 0;
    const clockOffsetMs = Date.now() - this.#recorder.engine.nowNs() / 1e6;
    for (const { observer, scope, end } of ended) {
      try {
        observer.count(scope, end, clockOffsetMs);
      } catch (error) {
        this.#recorder.reportFault(error);
      }
    }
  }

  #settleLater(): void {
    this.#timer = this.#context.runInAsyncScope(() =>
      setTimeout(() => {
        this.#timer = undefined;
        this.settle();
      }, SETTLE_AFTER_MS),
    );
    this.#timer.unref();
  }

  /** @param clockOffsetMs from the engine's clock to the Unix epoch. */
  addRequest(
    scope: Scope,
    end: ScopeEnd,
    slowCount: number,
    isFirstObserver: boolean,
    clockOffsetMs: number,
  ): RequestRow | undefined {
    const startedAt = clockOffsetMs + scope.startNs / 1e6;
    const nPlusOneCount = this.#addRepeated(scope, startedAt, isFirstObserver);
    if (scope.kind === 'job') return undefined;
    this.#splitName(scope.name);
    const row: RequestRow = {
      id: this.store.nextRequestId,
      pid,
      method: this.#method,
      route: this.#route,
      status: end.statusCode,
      startedAt,
      durationMs: (scope.endNs - scope.startNs) / 1e6,
      queryCount: scope.queryCount,
      queryMs: scope.queryTimeNs(this.#recorder.engine) / 1e6,
      slowCount,
      nPlusOneCount,
      aborted: end.isAborted,
      failedCount: scope.failedCount,
      sqlState: scope.failedQuery?.sqlState ?? null,
    };
    this.store.addRequest(row);
    return row;
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
    for (const { statementId, sql, count, totalMs, isParallel, sites, repetition } of repeated) {
      this.store.addNPlusOne({
        sql,
        route: scope.name,
        count,
        totalMs,
        isParallel,
        callSite: describeSites(sites),
        timestamp: startedAt,
        repetition,
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
  #row: RequestRow | undefined;

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
    this.ledger.add({ observer: this, scope, end });
  }

  onLateQuery(): void {
    this.ledger.settle();
  }

  count(scope: Scope, end: ScopeEnd, clockOffsetMs: number): void {
    this.#row = this.ledger.addRequest(scope, end, this.#slowCount, this.#isFirst, clockOffsetMs);
    this.#countedQueries = scope.queryCount;
    this.#flush(scope.name);
  }

  /** A request may go on issuing queries after its response: they are counted all the same. */
  #countLate(scope: Scope): void {
    // What it has counted before is taken off.
    this.ledger.settle();
    const lateCount = scope.queryCount - this.#countedQueries;
    if (this.#row !== undefined && lateCount > 0) {
      this.ledger.store.addLateQueries(lateCount);
      this.#row.lateQueryCount = (this.#row.lateQueryCount ?? 0) + lateCount;
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
