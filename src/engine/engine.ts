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

/**
 * Every capacity is a power of two, at most 65,536 (statements: 32,768); what does not fit is
 * counted in `dropped`.
 */
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
  /** A hash of where an application without a given name is; see `place` in the segment's header. */
  readonly place?: bigint;
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
  /** Says what this thread uses and no hook reaches: bits of `UNSEEN`. */
  setUnseen(libraries: number): void;
}

/**
 * How a query or request ended. Numbers are written into the arena: they never change their
 * meaning. Aborted is a request whose client left before the response was complete; it counts as
 * one with an error.
 */
export const OUTCOME = { ok: 0, error: 1, aborted: 2 } as const;
export type RequestOutcome = (typeof OUTCOME)[keyof typeof OUTCOME];
export type Outcome = Exclude<RequestOutcome, typeof OUTCOME.aborted>;

/** Indices into {@link EngineRecorder.registers}. */
export const REGISTER = { startNs: 0, statementId: 1 } as const;

/**
 * Stands for every statement or route that found no place in its table, and for the statements
 * that have given theirs to others.
 */
export const OTHER_ID = 0;

/** What a finding says. Numbers are written into the arena: they never change their meaning. */
export const VERDICT = { nPlusOne: 1 } as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

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

  /**
   * @param route as far as it is known; '' where it is not.
   * @returns a handle, or {@link NO_HANDLE}. `registers[startNs]` holds the start.
   */
  beginRequest(route: string): number;

  /** The route of a request in flight has become known. */
  nameRequest(handle: number, route: string): void;

  /**
   * @param durationNs negative for a request that ends now.
   * @returns the duration, or -1 if the handle is not in flight.
   */
  endRequest(
    handle: number,
    route: string,
    startNs: number,
    durationNs: number,
    statusCode: number,
    queryCount: number,
    outcome: RequestOutcome,
  ): number;

  /**
   * @param sql the text as the driver got it.
   * @param requestHandle what `beginRequest` gave, or {@link NO_HANDLE} outside a request.
   * @param poolWaitNs how long the query waited for a pool client before this call; 0 if none.
   * @param standardConformingStrings the connection's setting; undefined where it is unknown.
   * @returns a handle, or {@link NO_HANDLE}: end such a query by {@link recordQuery}.
   * `registers[startNs]` and `registers[statementId]` are set in either case.
   */
  beginQuery(
    sql: string,
    requestHandle: number,
    poolWaitNs: number,
    standardConformingStrings?: boolean,
  ): number;

  /**
   * A caller waits for a pool client from now on: in flight until {@link endWait}, and no query.
   * A quarter of the slots is left to queries.
   *
   * @param statementId what it is to be run; {@link OTHER_ID} where that is not known.
   * @returns a handle, or {@link NO_HANDLE}. `registers[startNs]` holds the start in either case.
   */
  beginWait(statementId: number, requestHandle: number): number;

  /**
   * @param isTimedOut the caller got no client, for whatever reason: the wait is added to
   * `totals.poolWaitNs` and counted in `totals.poolTimeoutCount`. Otherwise nothing is added, as
   * the query that follows carries its `poolWaitNs`.
   * @param startNs of a wait that got {@link NO_HANDLE}, so that its time-out is counted too.
   * @returns the wait in nanoseconds, or -1 if the handle is no wait in flight.
   */
  endWait(handle: number, isTimedOut: boolean, startNs?: number): number;

  /**
   * @param rowCount rows returned or affected; -1 where unknown.
   * @param sqlState of a query that failed; left out where the error has none. Anything but five
   * characters of 0-9 and A-Z counts as none.
   * @returns the duration in nanoseconds, or -1 if the handle is no query in flight.
   */
  endQuery(handle: number, outcome: Outcome, rowCount: number, sqlState?: string): number;

  /**
   * The identity of a statement, stored if it is new; {@link OTHER_ID} where there is no room.
   * It keeps its row for as long as a query in flight or a record of the ring refers to it, and
   * for `recentQueriesMax` queries from here on.
   */
  internStatement(sql: string, standardConformingStrings?: boolean): number;

  /** Records a query that has ended already. */
  recordQuery(
    statementId: number,
    requestHandle: number,
    startNs: number,
    durationNs: number,
    poolWaitNs: number,
    outcome: Outcome,
    rowCount: number,
    sqlState?: string,
  ): void;

  /** Counted with earlier findings of the same verdict, statement and route. */
  recordFinding(
    verdict: Verdict,
    statementId: number,
    route: string,
    queryCount: number,
    totalNs: number,
  ): void;

  /**
   * What a connection pool is doing.
   *
   * @param row the caller's choice, from 0 to 15.
   * @param name host, port and database, never a password: cut to 64 bytes; '' frees the row.
   */
  recordPool(
    row: number,
    name: string,
    total: number,
    idle: number,
    waiting: number,
    max: number,
  ): void;

  /** Counts a fault of the tool's own that was caught. */
  recordFault(): void;

  /**
   * Text and fingerprint of a statement; undefined for an identity that was never given out, or
   * whose row another statement has taken.
   */
  statement(id: number): StatementIdentity | undefined;

  /** A consistent copy of everything; safe to call at any time. */
  snapshot(options?: SnapshotOptions): RecorderSnapshot;
}

export interface SnapshotOptions {
  /**
   * false leaves the histograms of statements and routes empty: a fraction of the memory to copy.
   *
   * @defaultValue true
   */
  readonly histograms?: boolean;
  /**
   * false leaves out the records of what has ended lately.
   *
   * @defaultValue true
   */
  readonly recent?: boolean;
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

/** Sums over everything that the arena has seen; they never fall. */
export interface RecorderTotals {
  readonly errorCount: number;
  /** Sum over the queries whose row count was known. */
  readonly rowCount: number;
  readonly totalNs: number;
  /** Of the queries, and of the waits that ended without a client. */
  readonly poolWaitNs: number;
  /** Waits for a pool client that ended without one. */
  readonly poolTimeoutCount: number;
  /** Of all queries. */
  readonly durations: HistogramSnapshot;
  readonly requestErrorCount: number;
  readonly requestTotalNs: number;
  /** Faults of the tool's own that were caught; the application saw none of them. */
  readonly faultCount: number;
}

export interface PoolSnapshot {
  /** Such as `localhost:5432/shop`. */
  readonly name: string;
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
  readonly max: number;
  readonly updatedNs: number;
}

export interface FindingSnapshot {
  /** See {@link VERDICT}. */
  readonly verdict: number;
  /** The statement may have no row any more: its fingerprint stays. */
  readonly statementId: number;
  readonly fingerprint: string;
  readonly routeId: number;
  /** How often it was found, and the queries and their time in all of that. */
  readonly count: number;
  readonly queryCount: number;
  readonly totalNs: number;
  readonly firstNs: number;
  readonly lastNs: number;
}

export interface InFlightRequest {
  readonly handle: number;
  readonly startNs: number;
  /** {@link OTHER_ID} as long as the route is not known. */
  readonly routeId: number;
}

export interface InFlightQuery {
  readonly statementId: number;
  readonly requestHandle: number;
  readonly startNs: number;
  /** Whoever asked waits for a pool client: nothing has been sent, and no query counts yet. */
  readonly isWaiting: boolean;
}

export interface EndedQuery {
  readonly statementId: number;
  readonly requestHandle: number;
  readonly startNs: number;
  readonly durationNs: number;
  readonly poolWaitNs: number;
  readonly outcome: Outcome;
  /** Undefined where it succeeded, and where the error carried none. */
  readonly sqlState: string | undefined;
  readonly rowCount: number;
}

export interface EndedRequest {
  /** What its queries name; {@link NO_HANDLE} where it had found no in-flight slot. */
  readonly handle: number;
  readonly routeId: number;
  readonly startNs: number;
  readonly durationNs: number;
  readonly statusCode: number;
  readonly queryCount: number;
  readonly outcome: RequestOutcome;
}

export interface RecorderSnapshot {
  readonly takenAtNs: number;
  /** Ended queries and requests since the start, those that the rings forgot included. */
  readonly queryCount: number;
  readonly requestCount: number;
  readonly totals: RecorderTotals;
  readonly statements: readonly StatementSnapshot[];
  /**
   * Whether the statements add up. Only a writer that gave rows to other statements during each
   * of several attempts to copy the table, or died while it did, makes this false: then a row may
   * be missing or counted under other as well. `totals` are right in any case.
   */
  readonly areStatementsConsistent: boolean;
  /** How often a statement gave its row to another one; its calls are counted under other. */
  readonly evictedStatementCount: number;
  readonly routes: readonly RouteSnapshot[];
  /** Waits for a pool client too. */
  readonly inFlightQueries: readonly InFlightQuery[];
  readonly inFlightRequests: readonly InFlightRequest[];
  /** Oldest first. */
  readonly recentQueries: readonly EndedQuery[];
  /** Oldest first. */
  readonly recentRequests: readonly EndedRequest[];
  readonly pools: readonly PoolSnapshot[];
  readonly findings: readonly FindingSnapshot[];
  readonly lastActive: LastActive;
  readonly dropped: DroppedCounts;
  /** When each kind of drop happened first and last; without those that never happened. */
  readonly dropRanges: Readonly<Partial<Record<DropKind, TimeRange>>>;
}

/** When a query or a request last began or ended: whom a stuck thread was working for. */
export interface LastActive {
  /** 0 before the first one. */
  readonly atNs: number;
  /** {@link NO_HANDLE} outside a request. */
  readonly requestHandle: number;
}

export interface TimeRange {
  readonly firstNs: number;
  readonly lastNs: number;
}

/** What did not fit; nothing is ever lost without being counted here. */
export interface DroppedCounts {
  /** Queries that found no in-flight slot; their totals are complete. */
  readonly queries: number;
  /** Requests that found no in-flight slot; their totals are complete. */
  readonly requests: number;
  /** Queries counted under {@link OTHER_ID}, as the statement table had no room. */
  readonly statements: number;
  /** Requests counted under {@link OTHER_ID}, as the route table was full. */
  readonly routes: number;
  /** Reports of pools that found no row. */
  readonly pools: number;
  /** Findings that gave their row to newer ones. */
  readonly findings: number;
  /** Waits for a pool client that found no in-flight slot; time-outs are counted all the same. */
  readonly waits: number;
  /** Records that a reader found half-written or damaged, and left out. */
  readonly torn: number;
}

export const NOTHING_DROPPED: DroppedCounts = {
  queries: 0,
  requests: 0,
  statements: 0,
  routes: 0,
  pools: 0,
  findings: 0,
  waits: 0,
  torn: 0,
};

export type DropKind = Exclude<keyof DroppedCounts, 'torn'>;
