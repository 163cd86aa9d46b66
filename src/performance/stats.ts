import type { Repetition } from '../analysis/index.ts';
import type { RequestRow } from '../dashboard/index.ts';
import { RingBuffer } from '../util/ring.ts';

/** The most entries of each "recent" list. */
export const RECENT_MAX = 50;

/** What {@link PerformanceMiddleware.getStats} gives. */
export interface PerformanceStats {
  readonly totalRequests: number;
  /** Statements of those requests, and those given to `recordQuery`. */
  readonly totalQueries: number;
  /** Not rounded; 0 before the first request. */
  readonly avgQueriesPerRequest: number;
  readonly slowQueryCount: number;
  /** Pairs of a request and a statement that it ran too often. */
  readonly nPlusOneCount: number;
  /** Newest first, at most 50. */
  readonly recentSlowQueries: readonly SlowQuery[];
  /** Distinct normalised texts, newest first, at most 50. */
  readonly recentNPlusOne: readonly string[];
  /** Queries that ran outside every request. */
  readonly unscopedQueries: number;
  /**
   * Those of `totalQueries` that began after the end of their request: left running by it, or by
   * another one's, in whose place a limiter ran them. Null with the scope `host`.
   */
  readonly lateQueries: number | null;
  /** What `ignore(reason, fn)` has kept out of the findings of this process; empty with the scope `host`. */
  readonly ignores: readonly IgnoredPatterns[];
}

/** The work that is ignored for one reason. */
export interface IgnoredPatterns {
  readonly reason: string;
  /** How often it was run. */
  readonly callCount: number;
  /** Pairs of a request and a statement that it kept out; 0 where it ignored nothing. */
  readonly findingCount: number;
}

/** One query that took at least `slowQueryThresholdMs`. */
export interface SlowQuery {
  /** Normalised: no value of yours is in it. */
  readonly sql: string;
  readonly durationMs: number;
  /** Such as `GET /users/:id`; null outside a request. */
  readonly route: string | null;
  /** When it was issued, in milliseconds since the Unix epoch. */
  readonly timestamp: number;
  /** Such as `report (src/reports.ts:12)`; null where it is not known. */
  readonly callSite: string | null;
  /** Of a query that failed; null where it succeeded, and where its error carried none. */
  readonly sqlState: string | null;
}

/** A statement that one request ran too often. */
export interface RepeatedQuery {
  readonly sql: string;
  readonly route: string;
  readonly count: number;
  /** The sum of those runs' durations. */
  readonly totalMs: number;
  readonly isParallel: boolean;
  readonly callSite: string | null;
  readonly timestamp: number;
  readonly repetition: Repetition;
}

/** The same over all requests of a route. */
export interface RepeatedQueries {
  readonly sql: string;
  readonly route: string;
  requestCount: number;
  runCount: number;
  runCountMax: number;
  totalMs: number;
  comparedCount: number;
  differingCount: number;
  /** Of the latest of them, as what follows. */
  isParallel: boolean;
  callSite: string | null;
  timestamp: number;
}

/** Totals since the start, and the newest of everything, in memory that never grows. */
export class StatsStore {
  readonly #requests: RingBuffer<RequestRow>;
  readonly #slowQueries = new RingBuffer<SlowQuery>(RECENT_MAX);
  /** The longest first, at most {@link RECENT_MAX}. */
  readonly #longestQueries: SlowQuery[] = [];
  /** By route and statement, in the order in which they were last seen. */
  readonly #nPlusOnes = new Map<string, RepeatedQueries>();
  /** A busy route repeats its own all the time: it is found without a look at its texts. */
  #newestNPlusOne: RepeatedQueries | undefined;
  #totalRequests = 0;
  #totalQueries = 0;
  #lateQueries = 0;
  #slowQueryCount = 0;
  #nPlusOneCount = 0;

  constructor(maxHistory: number) {
    this.#requests = new RingBuffer(maxHistory);
  }

  /** The number that the next request to be counted will have. */
  get nextRequestId(): number {
    return this.#totalRequests + 1;
  }

  addRequest(request: RequestRow): void {
    this.#totalRequests += 1;
    this.#totalQueries += request.queryCount;
    this.#requests.push(request);
  }

  /** Queries recorded outside of any request. */
  addQueries(count: number): void {
    this.#totalQueries += count;
  }

  /** Queries that began after the end of their request, which is counted without them. */
  addLateQueries(count: number): void {
    this.#totalQueries += count;
    this.#lateQueries += count;
  }

  /** @param queries the newest of them, at most {@link RECENT_MAX}, oldest first. */
  addSlowQueries(count: number, queries: readonly SlowQuery[]): void {
    this.#slowQueryCount += count;
    for (const query of queries) {
      this.#slowQueries.push(query);
      this.#keepIfLong(query);
    }
  }

  addNPlusOne(found: RepeatedQuery): void {
    this.#nPlusOneCount += 1;
    const sum = this.#nPlusOneOf(found);
    this.#newestNPlusOne = sum;
    sum.requestCount += 1;
    sum.runCount += found.count;
    sum.runCountMax = Math.max(sum.runCountMax, found.count);
    sum.totalMs += found.totalMs;
    sum.comparedCount += found.repetition.comparedCount;
    sum.differingCount += found.repetition.differingCount;
    sum.isParallel = found.isParallel;
    sum.callSite = found.callSite ?? sum.callSite;
    sum.timestamp = found.timestamp;
  }

  /** The longest since the start, the longest first. */
  longestQueries(): readonly SlowQuery[] {
    return [...this.#longestQueries];
  }

  /** Newest first. */
  recentRequests(): RequestRow[] {
    return this.#requests.newestFirst();
  }

  /** Newest first. */
  recentNPlusOnes(): RepeatedQueries[] {
    return [...this.#nPlusOnes.values()].toReversed();
  }

  stats(unscopedQueries: number, ignores: readonly IgnoredPatterns[]): PerformanceStats {
    return {
      totalRequests: this.#totalRequests,
      totalQueries: this.#totalQueries,
      avgQueriesPerRequest:
        this.#totalRequests === 0 ? 0 : this.#totalQueries / this.#totalRequests,
      slowQueryCount: this.#slowQueryCount,
      nPlusOneCount: this.#nPlusOneCount,
      recentSlowQueries: this.#slowQueries.newestFirst(),
      recentNPlusOne: [...new Set(this.recentNPlusOnes().map(({ sql }) => sql))],
      unscopedQueries,
      lateQueries: this.#lateQueries,
      ignores,
    };
  }

  #keepIfLong(query: SlowQuery): void {
    const longest = this.#longestQueries;
    const place = longest.findLastIndex(({ durationMs }) => durationMs >= query.durationMs) + 1;
    if (place === RECENT_MAX) return;
    longest.splice(place, 0, query);
    if (longest.length > RECENT_MAX) longest.pop();
  }

  #nPlusOneOf({ sql, route }: RepeatedQuery): RepeatedQueries {
    const newest = this.#newestNPlusOne;
    if (newest?.sql === sql && newest.route === route) return newest;
    const key = JSON.stringify([route, sql]);
    const sum = this.#nPlusOnes.get(key) ?? {
      sql,
      route,
      requestCount: 0,
      runCount: 0,
      runCountMax: 0,
      totalMs: 0,
      comparedCount: 0,
      differingCount: 0,
      isParallel: false,
      callSite: null,
      timestamp: 0,
    };
    // The latest stands last; the one that was seen least lately gives way.
    this.#nPlusOnes.delete(key);
    this.#nPlusOnes.set(key, sum);
    if (this.#nPlusOnes.size > RECENT_MAX) {
      const [oldest] = this.#nPlusOnes.keys();
      if (oldest !== undefined) this.#nPlusOnes.delete(oldest);
    }
    return sum;
  }
}
