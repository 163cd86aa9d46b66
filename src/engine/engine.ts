/**
 * The one seam between the recording core and everything above it. Two engines implement it:
 * `native` (Zig, through N-API) and `portable` (TypeScript). They give the same answers; the
 * conformance suite in `test/conformance/` runs on both.
 *
 * Time is in nanoseconds on the monotonic clock of the host (`CLOCK_MONOTONIC`), as a `number`:
 * exact for the first 104 days of uptime, within 2 ns for the first year.
 */
import type { NormalizedSql, NormalizeOptions, SqlSpans } from '../types/sql.ts';
import type { ReadWords } from './words.ts';

export type EngineKind = 'native' | 'portable';

export interface Engine {
  readonly kind: EngineKind;

  /** Monotonic time in nanoseconds. */
  nowNs(): number;

  /** Monotonic time in nanoseconds, exact at any uptime. */
  nowNsBigInt(): bigint;

  /** Never throws: a text that cannot be read gives `<unparsed: VERB HASH>`. */
  normalizeSql(sql: string, options?: NormalizeOptions): NormalizedSql;

  /** Byte spans (UTF-8) of the literals, parameters and comments in `sql`. */
  scanSql(sql: string, options?: NormalizeOptions): SqlSpans;

  /** A recorder with memory of its own, taken here once and never grown. */
  createRecorder(capacities: RecorderCapacities): EngineRecorder;

  /**
   * The memory in which this process records, and this thread's arena in it; the first call of the
   * process makes it, a later call of the same thread gives the same.
   *
   * @throws {HyperDjangoError} `ERR_HYPERDJANGO_ENGINE` where there is no memory. Everything else
   * that goes wrong is in the segment's `reason`.
   */
  openSegment(options: SegmentOptions): Segment;

  /** How often each entry point ran in this engine: tests prove with it which engine worked. */
  callCounts(): Readonly<Record<string, number>>;
}

/** Every capacity is a power of two; what does not fit is counted in `dropped`. */
export interface RecorderCapacities {
  readonly inFlightQueriesMax: number;
  readonly inFlightRequestsMax: number;
  readonly recentQueriesMax: number;
  readonly recentRequestsMax: number;
  readonly statementsMax: number;
  readonly routesMax: number;
}

/** The process's own, as far as its first thread knows them. */
export interface SegmentOptions {
  /** At most 64 bytes are kept, as of the script's. */
  readonly appName: string;
  /** File name of the script, without its folder. */
  readonly scriptName: string;
  /** Where segments lie; undefined for the default, see `segmentDirectory`. */
  readonly directory: string | undefined;
  readonly mainCapacities: RecorderCapacities;
  readonly workerCapacities: RecorderCapacities;
}

export interface Segment {
  /** This thread's own. */
  readonly recorder: EngineRecorder;
  /** Where other processes find it; null where the memory is private. */
  readonly path: string | null;
  /** Why it is private, or smaller than wanted; empty where all is as it should be. */
  readonly reason: string;
  /** -1 for a thread that found no arena: what it records is in no other reader's sight. */
  readonly arenaIndex: number;
  /** Words of the whole segment: every thread of this process. */
  readonly read: ReadWords;
  /** The application's name becomes known later than the segment. */
  setAppName(name: string): void;
  /** Adds to what recording has cost this thread, by a sample of its queries. */
  recordOverhead(queryCount: number, totalNs: number): void;
}

/** How a query or request ended. */
export const OUTCOME = { ok: 0, error: 1 } as const;
export type Outcome = (typeof OUTCOME)[keyof typeof OUTCOME];

/** Indices into {@link EngineRecorder.registers}. */
export const REGISTER = { startNs: 0, statementId: 1 } as const;

/** Stands for every statement or route that no longer found a place in its table. */
export const OTHER_ID = 0;

/** The handle of a query or request that found no free in-flight slot. */
export const NO_HANDLE = 0;

/**
 * A query is written down in two steps, `beginQuery` before it leaves and `endQuery` with its
 * last result, so that what is in flight can be named at any moment.
 *
 * Handles carry their slot's generation: ending one twice, or one of another recorder, does
 * nothing. No method throws.
 */
export interface EngineRecorder {
  /** What the last `beginQuery` or `beginRequest` found out: see {@link REGISTER}. */
  readonly registers: Float64Array;

  /** @returns a handle, or {@link NO_HANDLE}. `registers[startNs]` holds the start. */
  beginRequest(): number;

  /** @param durationNs as the caller measured it, so that scope and engine agree. */
  endRequest(
    handle: number,
    route: string,
    startNs: number,
    durationNs: number,
    statusCode: number,
    queryCount: number,
    outcome: Outcome,
  ): void;

  /**
   * @param sql the text as the driver got it.
   * @param requestHandle what `beginRequest` gave, or {@link NO_HANDLE} outside a request.
   * @param poolWaitNs how long the query waited for a pool client before this call; 0 if none.
   * @returns a handle, or {@link NO_HANDLE}: end such a query by {@link recordQuery}.
   * `registers[startNs]` and `registers[statementId]` are set in either case.
   */
  beginQuery(sql: string, requestHandle: number, poolWaitNs: number): number;

  /**
   * @param rowCount rows returned or affected; -1 where unknown.
   * @returns the duration in nanoseconds, or -1 if the handle is not in flight.
   */
  endQuery(handle: number, outcome: Outcome, rowCount: number): number;

  /** The identity of a statement, stored if it is new; {@link OTHER_ID} where the table is full. */
  internStatement(sql: string): number;

  /** Records a query that has ended already. */
  recordQuery(
    statementId: number,
    requestHandle: number,
    startNs: number,
    durationNs: number,
    poolWaitNs: number,
    outcome: Outcome,
    rowCount: number,
  ): void;

  /** Text and fingerprint of a statement; undefined for an identity that was never given out. */
  statement(id: number): StatementIdentity | undefined;

  /** A consistent copy of everything; safe to call at any time. */
  snapshot(): RecorderSnapshot;
}

export interface StatementIdentity {
  /** 16 hex digits. */
  readonly fingerprint: string;
  /** Normalised, at most 8 kB. */
  readonly text: string;
}

export interface StatementSnapshot extends StatementIdentity {
  readonly id: number;
  readonly callCount: number;
  readonly errorCount: number;
  /** Sum over the calls whose row count was known. */
  readonly rowCount: number;
  readonly totalNs: number;
  readonly minNs: number;
  readonly maxNs: number;
  readonly poolWaitNs: number;
  readonly durations: HistogramSnapshot;
}

export interface RouteSnapshot {
  readonly id: number;
  readonly route: string;
  readonly requestCount: number;
  readonly errorCount: number;
  readonly queryCount: number;
  readonly totalNs: number;
  readonly maxNs: number;
  readonly durations: HistogramSnapshot;
}

/**
 * A base-2 exponential histogram, as in OpenTelemetry's data model: bucket `offset + i` counts
 * values in `(base^(offset+i), base^(offset+i+1)]` with `base = 2^(2^-scale)`.
 */
export interface HistogramSnapshot {
  readonly scale: number;
  readonly offset: number;
  /** Without leading or trailing zeros; empty where nothing was recorded. */
  readonly counts: readonly number[];
  readonly zeroCount: number;
}

export interface InFlightQuery {
  readonly statementId: number;
  readonly requestHandle: number;
  readonly startNs: number;
}

export interface EndedQuery extends InFlightQuery {
  readonly durationNs: number;
  readonly poolWaitNs: number;
  readonly outcome: Outcome;
  readonly rowCount: number;
}

export interface EndedRequest {
  readonly routeId: number;
  readonly startNs: number;
  readonly durationNs: number;
  readonly statusCode: number;
  readonly queryCount: number;
  readonly outcome: Outcome;
}

export interface RecorderSnapshot {
  readonly takenAtNs: number;
  /** Ended queries and requests since the start, those that the rings forgot included. */
  readonly queryCount: number;
  readonly requestCount: number;
  readonly statements: readonly StatementSnapshot[];
  readonly routes: readonly RouteSnapshot[];
  readonly inFlightQueries: readonly InFlightQuery[];
  readonly inFlightRequests: readonly { readonly handle: number; readonly startNs: number }[];
  /** Oldest first. */
  readonly recentQueries: readonly EndedQuery[];
  /** Oldest first. */
  readonly recentRequests: readonly EndedRequest[];
  readonly dropped: DroppedCounts;
}

/** What did not fit; nothing is ever lost without being counted here. */
export interface DroppedCounts {
  /** Queries that found no in-flight slot; their totals are complete. */
  readonly queries: number;
  /** Requests that found no in-flight slot; their totals are complete. */
  readonly requests: number;
  /** Queries counted under {@link OTHER_ID}, as the statement table was full. */
  readonly statements: number;
  /** Records that a reader found half-written and left out. */
  readonly torn: number;
}
