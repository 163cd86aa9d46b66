import type {
  DashboardData,
  DashboardSource,
  DashboardStats,
  StatsJson,
} from '../../../src/dashboard/data.ts';

/** A moment that every sample is counted from, so that two runs show the same. */
export const SAMPLE_NOW = Date.UTC(2026, 4, 12, 9, 30, 0);

export function createSource(data: DashboardData): DashboardSource {
  return { stats: () => toStatsJson(data), data: () => data };
}

export function createEmptyData(overrides: Partial<DashboardData> = {}): DashboardData {
  return {
    scope: 'process',
    app: 'shop',
    pid: 4711,
    takenAt: SAMPLE_NOW,
    slowQueryThresholdMs: 100,
    nPlusOneThreshold: 5,
    stats: createStats(),
    slowQueries: [],
    failedQueries: [],
    inFlight: [],
    nPlusOne: [],
    requests: [],
    statements: [],
    pools: [],
    threads: [],
    ended: { count: 0, requestCount: 0, queryCount: 0 },
    notes: [],
    status: {
      engine: 'native',
      reason: 'the prebuilt addon was loaded',
      overheadNs: 0,
      faultCount: 0,
      poolTimeoutCount: 0,
      dropped: { queries: 0, requests: 0, statements: 0, torn: 0 },
    },
    ...overrides,
  };
}

export function createStats(overrides: Partial<DashboardStats> = {}): DashboardStats {
  return {
    totalRequests: 0,
    totalQueries: 0,
    avgQueriesPerRequest: 0,
    slowQueryCount: 0,
    nPlusOneCount: 0,
    unscopedQueries: 0,
    lateQueries: 0,
    ...overrides,
  };
}

export function toStatsJson({
  stats,
  slowQueries,
  failedQueries,
  nPlusOne,
  status,
}: DashboardData): StatsJson {
  return {
    total_requests: stats.totalRequests,
    total_queries: stats.totalQueries,
    avg_queries_per_request: stats.avgQueriesPerRequest,
    slow_query_count: stats.slowQueryCount,
    n_plus_one_count: stats.nPlusOneCount,
    recent_slow_queries: slowQueries.slice(0, 50).map((query) => ({
      sql: query.sql,
      duration_ms: query.durationMs,
      route: query.route,
      timestamp: new Date(query.timestamp).toISOString(),
      call_site: query.callSite,
      sql_state: query.sqlState,
      statement_count: query.statementCount ?? 1,
      is_statement_count_minimum: query.isStatementCountMinimum ?? false,
      tables: [],
      models: [],
    })),
    recent_n_plus_one: [...new Set(nPlusOne.map(({ sql }) => sql))].slice(0, 50),
    recent_failed_queries: failedQueries.map((query) => ({
      sql: query.sql,
      duration_ms: query.durationMs,
      route: query.route,
      timestamp: new Date(query.timestamp).toISOString(),
      sql_state: query.sqlState,
    })),
    unscoped_queries: stats.unscopedQueries,
    late_queries: stats.lateQueries,
    waiting_for_client: { count: 0, longest_ms: 0 },
    pool_timeout_count: status.poolTimeoutCount,
    fault_count: status.faultCount,
    ignores: [],
    unseen_drivers: [],
    without_call_sites: [],
  };
}
