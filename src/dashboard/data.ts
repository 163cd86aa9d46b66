/**
 * What the dashboard shows. {@link StatsJson} is a wire format that others read; its keys
 * never change. {@link DashboardData} feeds the page and belongs to this version of it.
 *
 * No field ever holds a value of a query: `sql` is always the normalised text.
 */

/** Whose figures: this middleware's in this process, or those of all processes of the app. */
export type StatsScope = 'process' | 'host';

/** What {@link StatsJson} has besides with the scope `host`. */
export interface HostJson {
  readonly processes: {
    /** Those that run now. */
    readonly running: number;
    /** Those that have ended; the figures keep what they did. */
    readonly ended: number;
  };
  /** What the figures cannot know, in sentences; empty where they are complete. */
  readonly notes: readonly string[];
}

/** The body of `{dashboardPath}/json`. */
export interface StatsJson {
  readonly total_requests: number;
  readonly total_queries: number;
  /** Not rounded; 0 where there were no requests. */
  readonly avg_queries_per_request: number;
  readonly slow_query_count: number;
  /** Pairs of request and fingerprint. */
  readonly n_plus_one_count: number;
  /** Newest first, at most 50. */
  readonly recent_slow_queries: readonly SlowQueryJson[];
  /** Distinct texts, newest first, at most 50. */
  readonly recent_n_plus_one: readonly string[];
  /**
   * Queries that failed, newest first, at most 50: of the whole process, as far as its memory of
   * the last queries goes.
   */
  readonly recent_failed_queries: readonly FailedQueryJson[];
  /** Queries that ran outside every request. */
  readonly unscoped_queries: number;
  /** Those of `total_queries` that began after the end of their request. Null for all processes. */
  readonly late_queries: number | null;
  /** Callers that wait for a client of a pool now. */
  readonly waiting_for_client: { readonly count: number; readonly longest_ms: number };
  /** Waits for a client that ended without one, since the start. */
  readonly pool_timeout_count: number;
  /** Faults of the tool's own that were caught; the application saw none of them. */
  readonly fault_count: number;
  /** What the application ignores on purpose; `finding_count` is 0 where there was nothing to. */
  readonly ignores: readonly IgnoredJson[];
  /** Drivers that talk to a server while none of their queries is recorded, such as `postgres.js`. */
  readonly unseen_drivers: readonly string[];
  /** ORMs whose queries are recorded without call sites. */
  readonly without_call_sites: readonly string[];
  readonly processes?: HostJson['processes'];
  readonly notes?: HostJson['notes'];
}

export interface IgnoredJson {
  readonly reason: string;
  readonly call_count: number;
  readonly finding_count: number;
}

export interface SlowQueryJson {
  readonly sql: string;
  readonly duration_ms: number;
  /** Null outside a request. */
  readonly route: string | null;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  /** Such as `report (src/reports.ts:12)`; null where it is not known. */
  readonly call_site: string | null;
  /** Of a query that failed; null where it succeeded, and where its error carried none. */
  readonly sql_state: string | null;
  /** Of the text, which counts as one query. */
  readonly statement_count: number;
  /** Whether there may be more statements: the text was cut. */
  readonly is_statement_count_minimum: boolean;
  /** Tables and views that the text names, such as `public.users`. */
  readonly tables: readonly string[];
  /** Models that an ORM ran it for, such as `User`. */
  readonly models: readonly string[];
}

export type FailedQueryJson = Pick<
  SlowQueryJson,
  'sql' | 'duration_ms' | 'route' | 'timestamp' | 'sql_state'
>;

/** The body of `{dashboardPath}/data`. Lists hold at most 1,000 rows each. */
export interface DashboardData {
  readonly scope: StatsScope;
  readonly app: string;
  /** Of the process that answers. */
  readonly pid: number;
  /** Milliseconds since the Unix epoch, like every other point in time here. */
  readonly takenAt: number;
  readonly slowQueryThresholdMs: number;
  readonly nPlusOneThreshold: number;
  readonly stats: DashboardStats;
  /** The newest and the longest, each of them once. */
  readonly slowQueries: readonly SlowQueryRow[];
  /** Newest first. */
  readonly failedQueries: readonly FailedQueryRow[];
  /** Requests that have not ended, and queries and waits of none, the oldest first. */
  readonly inFlight: readonly InFlightRow[];
  readonly nPlusOne: readonly NPlusOneRow[];
  /** Newest first. */
  readonly requests: readonly RequestRow[];
  readonly statements: readonly StatementRow[];
  readonly pools: readonly PoolRow[];
  /** Those that run, each with a row for each of its threads; the main thread's first. */
  readonly threads: readonly ThreadRow[];
  /** What has ended and is in the sums all the same: processes, or threads of this one. */
  readonly ended: EndedSums;
  /** What the figures cannot know, in sentences. */
  readonly notes: readonly string[];
  readonly status: DashboardStatus;
}

/** The figures of {@link StatsJson}, under this project's own names. */
export interface DashboardStats {
  readonly totalRequests: number;
  readonly totalQueries: number;
  readonly avgQueriesPerRequest: number;
  readonly slowQueryCount: number;
  readonly nPlusOneCount: number;
  readonly unscopedQueries: number;
  readonly lateQueries: number | null;
}

/** What a statement is about: see {@link SlowQueryJson}. */
export interface TargetsRow {
  readonly tables?: readonly string[];
  readonly models?: readonly string[];
}

/** A text of several statements counts as one query. */
export interface StatementCountRow {
  readonly statementCount?: number;
  /** Whether there may be more: the text was cut. */
  readonly isStatementCountMinimum?: boolean;
}

export interface SlowQueryRow extends TargetsRow, StatementCountRow {
  readonly sql: string;
  readonly durationMs: number;
  /** Null outside a request. */
  readonly route: string | null;
  readonly timestamp: number;
  /** Such as `report (src/reports.ts:12)`; null where it is not known. */
  readonly callSite: string | null;
  /** Of a query that failed; null where it succeeded, and where its error carried none. */
  readonly sqlState: string | null;
}

export interface FailedQueryRow extends StatementCountRow {
  readonly sql: string;
  readonly pid: number;
  readonly durationMs: number;
  /** Null outside a request. */
  readonly route: string | null;
  readonly timestamp: number;
  /** Null where the error carried none. */
  readonly sqlState: string | null;
}

/** What has begun and not ended. */
export interface InFlightRow {
  readonly pid: number;
  readonly threadId: number;
  /** Null as long as no route has matched, and for a query outside every request. */
  readonly route: string | null;
  readonly isRequest: boolean;
  readonly elapsedMs: number;
  /** Its queries and waits that have not ended, the oldest first; at most 5. */
  readonly queries: readonly OpenQueryRow[];
  readonly queryCount: number;
}

export interface OpenQueryRow {
  /** Empty for a wait of which it is not known what is to be run. */
  readonly sql: string;
  readonly elapsedMs: number;
  /** Whether it waits for a client of a pool, and has not been sent. */
  readonly isWaiting: boolean;
}

/** A statement that ran again and again in the requests of one route. */
export interface NPlusOneRow extends TargetsRow {
  readonly sql: string;
  readonly route: string | null;
  /** Requests in which it did. */
  readonly requestCount: number;
  /** How often the statement ran in all of them. */
  readonly runCount: number;
  /** The most runs in one request; null where only the sum is known. */
  readonly runCountMax: number | null;
  /** The sum of those runs' durations. */
  readonly totalMs: number;
  /**
   * Runs whose parameters were compared with those of the same request before them: a sample. 0
   * where none were, as in what other processes write down.
   */
  readonly comparedCount: number;
  /** Of these, how many had other parameters than any before. */
  readonly differingCount: number;
  /** Whether the runs of a request overlapped in time; null where that is not known. */
  readonly isParallel: boolean | null;
  /**
   * Such as `listOrders (src/orders.ts:12)`; with `× n` behind each of several, or `or` between them
   * where it is not known how the runs are shared out. Null where none is known.
   */
  readonly callSite: string | null;
  /** The same for all keys at once; null where the statement has no form that says so. */
  readonly batched: BatchedSql | null;
  /** When it was last seen. */
  readonly timestamp: number;
}

/** One statement in place of many. */
export interface BatchedSql {
  readonly sql: string;
  /** What else has to change, in a sentence. */
  readonly advice: string;
}

export interface RequestRow {
  /** Unique in the list. */
  readonly id: number | string;
  readonly pid: number;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly queryCount: number;
  /**
   * Queries that began after its end, beside `queryCount`: perhaps another's, see `docs/frameworks.md`.
   * Absent where there were none, or in other processes.
   */
  lateQueryCount?: number;
  /**
   * The sum of the queries' durations: over `durationMs` where they ran side by side. Null where
   * the ring of another process has forgotten some of them.
   */
  readonly queryMs: number | null;
  readonly slowCount: number;
  readonly nPlusOneCount: number;
  /** Whether the client went away before the response was complete. */
  readonly aborted: boolean;
  /** Its queries that failed; of other processes, as far as their rings remember. */
  readonly failedCount: number;
  /** Of the last of them. */
  readonly sqlState: string | null;
}

export interface StatementRow extends TargetsRow, StatementCountRow {
  readonly sql: string;
  /** 16 hex digits, unique in the list. */
  readonly fingerprint: string;
  readonly calls: number;
  readonly errors: number;
  readonly rows: number;
  readonly totalMs: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The sum of the waits for a pool client, which durations leave out. */
  readonly poolWaitMs: number;
  /** Where the application asks for it, as far as that is known; at most 8. */
  readonly callSites: readonly string[];
  /** The most requests that one run of it has served: an ORM may put the questions of several into one. */
  readonly requestsPerRunMax?: number;
}

export interface PoolRow {
  readonly name: string;
  /** Such as `thread 2`, or `4 pools`; empty for the only one of its name. */
  readonly where: string;
  readonly total: number;
  readonly idle: number;
  readonly active: number;
  readonly waiting: number;
  readonly max: number;
  /** How old the figures are; 0 for a pool of the thread that answers. */
  readonly ageMs: number;
  /** Null where the driver does not tell, and for other threads and processes. */
  readonly times: PoolTimesRow | null;
}

/** Since the pool was first seen, in milliseconds. */
export interface PoolTimesRow {
  readonly checkoutCount: number;
  /** From asking for a client to having it. */
  readonly waitTotalMs: number;
  readonly waitMaxMs: number;
  /** Waits that ended without a client: by a time-out, or as none could be opened. */
  readonly timeoutCount: number;
  /** Connections that were opened for a checkout; their time is part of its wait. */
  readonly connectCount: number;
  readonly connectTotalMs: number;
  readonly connectMaxMs: number;
  /** Clients that the application took and gave back. */
  readonly heldCount: number;
  readonly heldTotalMs: number;
  readonly heldMaxMs: number;
}

/** One thread that records, as its process has written it down. */
export interface ThreadRow {
  readonly pid: number;
  /** 0 is the main thread. */
  readonly threadId: number;
  readonly engine: 'native' | 'portable';
  /** Of the process. */
  readonly startedAt: number;
  /** Every request that has ended, whichever middleware saw it. */
  readonly requestCount: number;
  /** Every query that has ended, those outside requests too. */
  readonly queryCount: number;
  readonly queryMs: number;
  readonly requestsInFlight: number;
  readonly queriesInFlight: number;
  /** Callers that wait for a client of a pool. */
  readonly waitsInFlight: number;
  /** How long its event loop has been busy without a break; null where nobody can tell. */
  readonly loopBusyMs: number | null;
}

export interface EndedSums {
  readonly count: number;
  readonly requestCount: number;
  readonly queryCount: number;
}

export interface DashboardStatus {
  readonly engine: 'native' | 'portable';
  /** Why this engine runs. */
  readonly reason: string;
  /** Mean cost of a recorded query; 0 where it was not sampled yet. */
  readonly overheadNs: number;
  /** Faults of the tool's own that were caught; the application saw none of them. */
  readonly faultCount: number;
  /** Waits for a client of a pool that ended without one. */
  readonly poolTimeoutCount: number;
  /** By kind, such as `queries`; in the order in which they are to be told. */
  readonly dropped: Readonly<Record<string, number>>;
}

/**
 * Where the handler gets its bodies from. Both methods run only for a request that may see
 * the dashboard.
 */
export interface DashboardSource {
  stats(scope: StatsScope): StatsJson;
  data(scope: StatsScope): DashboardData;
}
