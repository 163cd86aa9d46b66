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

export function toStatsJson({ stats, slowQueries, nPlusOne }: DashboardData): StatsJson {
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
      tables: [],
      models: [],
    })),
    recent_n_plus_one: [...new Set(nPlusOne.map(({ sql }) => sql))].slice(0, 50),
    unscoped_queries: stats.unscopedQueries,
    late_queries: stats.lateQueries,
    ignores: [],
    unseen_drivers: [],
    without_call_sites: [],
  };
}
