/**
 * What the dashboard shows. {@link StatsJson} is a wire format that others read; its keys
 * never change. {@link DashboardData} feeds the page and belongs to this version of it.
 *
 * No field ever holds a value of a query: `sql` is always the normalised text.
 */

/** Whose figures: this middleware's in this process, or those of all processes of the app. */
export type StatsScope = 'process' | 'host';

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
  /** Queries that ran outside every request. */
  readonly unscoped_queries: number;
  /** What the application ignores on purpose; `finding_count` is 0 where there was nothing to. */
  readonly ignores: readonly IgnoredJson[];
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
  /** Tables and views that the text names, such as `public.users`. */
  readonly tables: readonly string[];
  /** Models that an ORM ran it for, such as `User`. */
  readonly models: readonly string[];
}

/** The body of `{dashboardPath}/data`. Lists hold at most 1,000 rows each. */
export interface DashboardData {
  readonly app: string;
  readonly pid: number;
  /** Milliseconds since the Unix epoch, like every other point in time here. */
  readonly takenAt: number;
  readonly slowQueryThresholdMs: number;
  readonly nPlusOneThreshold: number;
  readonly stats: DashboardStats;
  readonly slowQueries: readonly SlowQueryRow[];
  readonly nPlusOne: readonly NPlusOneRow[];
  /** Newest first. */
  readonly requests: readonly RequestRow[];
  readonly statements: readonly StatementRow[];
  readonly pools: readonly PoolRow[];
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
}

/** What a statement is about: see {@link SlowQueryJson}. */
export interface TargetsRow {
  readonly tables?: readonly string[];
  readonly models?: readonly string[];
}

export interface SlowQueryRow extends TargetsRow {
  readonly sql: string;
  readonly durationMs: number;
  /** Null outside a request. */
  readonly route: string | null;
  readonly timestamp: number;
}

/** A statement that ran again and again in one request. */
export interface NPlusOneRow extends TargetsRow {
  readonly sql: string;
  readonly route: string | null;
  /** How often the statement ran in that request. */
  readonly count: number;
  /** The sum of those runs' durations. */
  readonly totalMs: number;
  /**
   * Such as `listOrders (src/orders.ts:12)`; with `× n` behind each of several, or `or` between them
   * where it is not known how the runs are shared out. Null, or missing, where none is known.
   */
  readonly callSite?: string | null;
  readonly timestamp: number;
}

export interface RequestRow {
  /** Unique within the process. */
  readonly id: number;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly queryCount: number;
  /** The sum of the queries' durations: over `durationMs` where they ran side by side. */
  readonly queryMs: number;
  readonly slowCount: number;
  readonly nPlusOneCount: number;
  /** Whether the client went away before the response was complete. */
  readonly aborted: boolean;
}

export interface StatementRow extends TargetsRow {
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
}

export interface PoolRow {
  readonly name: string;
  readonly total: number;
  readonly idle: number;
  readonly active: number;
  readonly waiting: number;
  readonly max: number;
}

export interface DashboardStatus {
  readonly engine: 'native' | 'portable';
  /** Why this engine runs. */
  readonly reason: string;
  /** Mean cost of a recorded query; 0 where it was not sampled yet. */
  readonly overheadNs: number;
  readonly dropped: {
    readonly queries: number;
    readonly requests: number;
    readonly statements: number;
    readonly torn: number;
  };
}

/**
 * Where the handler gets its bodies from. Both methods run only for a request that may see
 * the dashboard.
 */
export interface DashboardSource {
  stats(scope: StatsScope): StatsJson;
  data(): DashboardData;
}
