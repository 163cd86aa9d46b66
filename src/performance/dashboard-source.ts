import type {
  DashboardData,
  DashboardSource,
  DashboardStatus,
  StatementRow,
  StatsJson,
  StatsScope,
} from '../dashboard/index.ts';
import type { StatementSnapshot } from '../engine/engine.ts';
import { quantileOf } from '../engine/histogram.ts';
import type { Recorder } from '../recorder/index.ts';
import type { ResolvedPerformanceOptions } from './options.ts';
import { targetsOf } from './targets.ts';
import type { PerformanceStats, StatsStore } from './stats.ts';

/** Rows of each list on the page. */
const ROWS_MAX = 1_000;

/** What the dashboard of one middleware shows. */
export function createDashboardSource(
  options: ResolvedPerformanceOptions,
  store: StatsStore,
  recorder: Recorder | undefined,
  getStats: (scope: StatsScope) => PerformanceStats,
): DashboardSource {
  return {
    stats: (scope) => toStatsJson(getStats(scope), recorder),
    data(): DashboardData {
      const {
        recentSlowQueries,
        recentNPlusOne: _texts,
        ignores: _ignores,
        ...stats
      } = getStats('process');
      const snapshot = recorder?.core.snapshot();
      return {
        app: options.appName,
        pid: process.pid,
        takenAt: Date.now(),
        slowQueryThresholdMs: options.slowQueryThresholdMs,
        nPlusOneThreshold: options.nPlusOneThreshold,
        stats,
        slowQueries: recentSlowQueries.map((row) => ({ ...row, ...targetsOf(recorder, row.sql) })),
        nPlusOne: store
          .recentNPlusOnes()
          .map((row) => ({ ...row, ...targetsOf(recorder, row.sql) })),
        requests: store.recentRequests().slice(0, ROWS_MAX),
        statements: (snapshot?.statements ?? [])
          .toSorted((a, b) => b.totalNs - a.totalNs)
          .slice(0, ROWS_MAX)
          .map((statement) => ({
            ...toStatementRow(statement),
            ...targetsOf(recorder, statement.text, statement.fingerprint),
          })),
        pools: recorder?.pools.states() ?? [],
        status: toStatus(recorder, snapshot?.dropped),
      };
    },
  };
}

function toStatsJson(stats: PerformanceStats, recorder: Recorder | undefined): StatsJson {
  return {
    total_requests: stats.totalRequests,
    total_queries: stats.totalQueries,
    avg_queries_per_request: stats.avgQueriesPerRequest,
    slow_query_count: stats.slowQueryCount,
    n_plus_one_count: stats.nPlusOneCount,
    recent_slow_queries: stats.recentSlowQueries.map(({ sql, durationMs, route, timestamp }) => ({
      sql,
      duration_ms: durationMs,
      route,
      timestamp: new Date(timestamp).toISOString(),
      ...targetsOf(recorder, sql),
    })),
    recent_n_plus_one: stats.recentNPlusOne,
    unscoped_queries: stats.unscopedQueries,
    ignores: stats.ignores.map(({ reason, callCount, findingCount }) => ({
      reason,
      call_count: callCount,
      finding_count: findingCount,
    })),
  };
}

function toStatementRow(statement: StatementSnapshot): StatementRow {
  const { durations, callCount, totalNs, maxNs } = statement;
  // A bucket's bound may lie above the largest value that fell into it.
  const quantileMs = (q: number): number => Math.min(quantileOf(durations, q), maxNs) / 1e6;
  return {
    sql: statement.text,
    fingerprint: statement.fingerprint,
    calls: callCount,
    errors: statement.errorCount,
    rows: statement.rowCount,
    totalMs: totalNs / 1e6,
    meanMs: callCount === 0 ? 0 : totalNs / callCount / 1e6,
    p50Ms: quantileMs(0.5),
    p95Ms: quantileMs(0.95),
    p99Ms: quantileMs(0.99),
    maxMs: maxNs / 1e6,
    poolWaitMs: statement.poolWaitNs / 1e6,
  };
}

function toStatus(
  recorder: Recorder | undefined,
  dropped: DashboardStatus['dropped'] = { queries: 0, requests: 0, statements: 0, torn: 0 },
): DashboardStatus {
  return {
    engine: recorder?.engine.kind ?? 'portable',
    reason: recorder?.engineReason ?? 'HYPERDJANGO_DISABLED is set',
    overheadNs: recorder?.overheadNs() ?? 0,
    dropped,
  };
}
