import type { NPlusOneRow, RequestRow } from '../dashboard/index.ts';
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
}

/** Totals since the start, and the newest of everything, in memory that never grows. */
export class StatsStore {
  readonly #requests: RingBuffer<RequestRow>;
  readonly #slowQueries = new RingBuffer<SlowQuery>(RECENT_MAX);
  readonly #nPlusOnes = new RingBuffer<NPlusOneRow>(RECENT_MAX);
  /** In order of their last appearance. */
  readonly #nPlusOneTexts = new Set<string>();
  #newestNPlusOneText: string | undefined;
  #totalRequests = 0;
  #totalQueries = 0;
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

  /** Queries that no request counts: issued after its end, or recorded outside of any. */
  addQueries(count: number): void {
    this.#totalQueries += count;
  }

  /** @param queries the newest of them, at most {@link RECENT_MAX}, oldest first. */
  addSlowQueries(count: number, queries: readonly SlowQuery[]): void {
    this.#slowQueryCount += count;
    for (const query of queries) this.#slowQueries.push(query);
  }

  addNPlusOne(pattern: NPlusOneRow): void {
    this.#nPlusOneCount += 1;
    this.#nPlusOnes.push(pattern);
    if (pattern.sql === this.#newestNPlusOneText) return;
    this.#newestNPlusOneText = pattern.sql;
    this.#nPlusOneTexts.delete(pattern.sql);
    this.#nPlusOneTexts.add(pattern.sql);
    if (this.#nPlusOneTexts.size <= RECENT_MAX) return;
    for (const oldest of this.#nPlusOneTexts) {
      this.#nPlusOneTexts.delete(oldest);
      break;
    }
  }

  /** Newest first. */
  recentRequests(): RequestRow[] {
    return this.#requests.newestFirst();
  }

  /** Newest first. */
  recentNPlusOnes(): NPlusOneRow[] {
    return this.#nPlusOnes.newestFirst();
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
      recentNPlusOne: [...this.#nPlusOneTexts].toReversed(),
      unscopedQueries,
      ignores,
    };
  }
}
