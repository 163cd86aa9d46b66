import type {
  DashboardData,
  DashboardSource,
  NPlusOneRow,
  SlowQueryRow,
  StatsJson,
  StatsScope,
} from '../dashboard/index.ts';
import { batchedForm } from '../analysis/index.ts';
import { NOTHING_DROPPED, OTHER_ID } from '../engine/engine.ts';
import type { Recorder } from '../recorder/index.ts';
import type { HostSnapshot } from '../segments/index.ts';
import {
  callSitesIn,
  endedSumsOf,
  failedRowsOf,
  inFlightRowsOf,
  mergedPoolRows,
  overheadNsOf,
  ownPoolRows,
  type StatementSites,
  toStatementRow,
  toThreadRows,
  waitsOf,
} from './dashboard-rows.ts';
import { hostNPlusOnesOf, hostRequestsOf } from './host-rows.ts';
import { hostStatsOf, type LookOptions } from './host-stats.ts';
import { limiterNote } from './limiters.ts';
import type { ResolvedPerformanceOptions } from './options.ts';
import {
  type PerformanceStats,
  RECENT_MAX,
  type RepeatedQueries,
  type SlowQuery,
  type StatsStore,
} from './stats.ts';
import { statementCountOf, targetsOf } from './targets.ts';

/** Rows of each list on the page. */
const ROWS_MAX = 1_000;
/** Statements whose call sites are looked for at once, the longest totals first. */
const WANTED_MAX = 40;

/** What the dashboard of one middleware looks at. */
export interface DashboardParts {
  readonly options: ResolvedPerformanceOptions;
  readonly store: StatsStore;
  /** Undefined where everything is turned off. */
  readonly recorder: Recorder | undefined;
  /** Of this middleware and process. */
  readonly stats: () => PerformanceStats;
  /** Undefined where everything is turned off. Throws where others cannot be looked at. */
  readonly look: (scope: StatsScope, options: LookOptions) => HostSnapshot | undefined;
}

/** Processes, and what is missing from the look at them. */
interface View {
  readonly snapshot: HostSnapshot;
  readonly notes: readonly string[];
}

/** What the dashboard of one middleware shows. */
export function createDashboardSource(parts: DashboardParts): DashboardSource {
  return {
    stats(scope) {
      const { options, recorder } = parts;
      if (scope === 'process') {
        const notes = limiterNotes();
        const snapshot = parts.look('process', { histograms: false });
        const json = toStatsJson(parts.stats(), snapshot, recorder, ownUnseen(recorder));
        return notes.length === 0 ? json : { ...json, notes };
      }
      const view = hostViewOf(parts, { histograms: false });
      if (view === undefined) {
        return {
          ...toStatsJson(parts.stats(), undefined, recorder, ownUnseen(recorder)),
          ...NO_HOST,
        };
      }
      const { processes, foldedCount } = view.snapshot;
      const running = processes.filter(({ state }) => state === 'running');
      return {
        ...toStatsJson(
          hostStatsOf(view.snapshot, options.slowQueryThresholdMs),
          view.snapshot,
          recorder,
          {
            drivers: [...new Set(running.flatMap(({ unseenDrivers }) => unseenDrivers))],
            orms: [...new Set(running.flatMap(({ unseenOrms }) => unseenOrms))],
          },
        ),
        processes: {
          running: running.length,
          ended: processes.length - running.length + foldedCount,
        },
        notes: view.notes,
      };
    },
    data: (scope) => (scope === 'host' ? hostData(parts) : undefined) ?? processData(parts),
  };
}

const NO_HOST = { processes: { running: 0, ended: 0 }, notes: ['everything is turned off'] };

function processData(parts: DashboardParts): DashboardData {
  const { recorder, store } = parts;
  const snapshot = parts.look('process', { histograms: true });
  const sites = callSitesIn(recorder, snapshot);
  const { recentSlowQueries, recentNPlusOne: _texts, ignores: _ignores, ...stats } = parts.stats();
  return {
    ...commonData(parts, snapshot, sites),
    scope: 'process',
    stats,
    // What is long and new at once is one row.
    slowQueries: [...new Set([...recentSlowQueries, ...store.longestQueries()])].map((row) =>
      toSlowQueryRow(row, sites, recorder),
    ),
    nPlusOne: store.recentNPlusOnes().map((row) => toNPlusOneRow(row, recorder)),
    requests: store.recentRequests().slice(0, ROWS_MAX),
    pools: ownPoolRows(recorder, snapshot),
    notes: [...limiterNotes(), ...(snapshot === undefined ? [] : problemsOf(snapshot))],
  };
}

/** @returns undefined where everything is turned off. */
function hostData(parts: DashboardParts): DashboardData | undefined {
  const view = hostViewOf(parts, { histograms: true });
  if (view === undefined) return undefined;
  const { snapshot, notes } = view;
  const { recorder } = parts;
  const { slowQueryThresholdMs, nPlusOneThreshold } = parts.options;
  const sites = callSitesIn(recorder, snapshot);
  const {
    recentSlowQueries,
    recentNPlusOne: _texts,
    ignores: _ignores,
    ...stats
  } = hostStatsOf(snapshot, slowQueryThresholdMs);
  return {
    ...commonData(parts, snapshot, sites),
    scope: 'host',
    stats,
    slowQueries: recentSlowQueries.map((row) => toSlowQueryRow(row, sites, recorder)),
    nPlusOne: hostNPlusOnesOf(snapshot, sites).map((row) => ({
      ...row,
      ...targetsOf(recorder, row.sql),
    })),
    requests: hostRequestsOf(
      snapshot.processes,
      slowQueryThresholdMs * 1e6,
      nPlusOneThreshold,
    ).slice(0, ROWS_MAX),
    pools: mergedPoolRows(snapshot),
    notes,
  };
}

function commonData(
  { options, recorder }: DashboardParts,
  snapshot: HostSnapshot | undefined,
  sites: StatementSites,
): Omit<
  DashboardData,
  'scope' | 'stats' | 'slowQueries' | 'nPlusOne' | 'requests' | 'pools' | 'notes'
> {
  const statements = (snapshot?.merged.statements ?? []).slice(0, ROWS_MAX).map((statement) => ({
    ...toStatementRow(statement, sites),
    ...targetsOf(recorder, statement.text, statement.fingerprint),
    requestsPerRunMax: recorder?.models.servedMax(statement.fingerprint) ?? 1,
  }));
  wantSites(recorder, snapshot, statements);
  const own = snapshot?.processes.find(({ pid }) => pid === process.pid);
  return {
    app:
      (recorder?.app.isFixed === true ? recorder.app.name : options.appName) ??
      (own?.appName || 'app'),
    pid: process.pid,
    takenAt: Date.now(),
    slowQueryThresholdMs: options.slowQueryThresholdMs,
    nPlusOneThreshold: options.nPlusOneThreshold,
    statements,
    threads: toThreadRows(snapshot),
    failedQueries: failedRowsOf(snapshot, RECENT_MAX),
    inFlight: inFlightRowsOf(snapshot),
    ended: endedSumsOf(snapshot),
    status: {
      engine: recorder?.engine.kind ?? 'portable',
      reason: recorder?.engineReason ?? 'HYPERDJANGO_DISABLED is set',
      overheadNs: overheadNsOf(recorder, snapshot),
      faultCount: snapshot?.merged.totals.faultCount ?? 0,
      poolTimeoutCount: snapshot?.merged.totals.poolTimeoutCount ?? 0,
      dropped: { ...(snapshot?.merged.dropped ?? NOTHING_DROPPED) },
    },
  };
}

/** Somebody looks at these statements: their next runs tell where they come from. */
function wantSites(
  recorder: Recorder | undefined,
  snapshot: HostSnapshot | undefined,
  rows: DashboardData['statements'],
): void {
  if (recorder === undefined) return;
  const wanted = new Set(
    rows
      .slice(0, WANTED_MAX)
      .filter(({ callSites }) => callSites.length === 0)
      .map(({ fingerprint }) => fingerprint),
  );
  const own = snapshot?.processes
    .find(({ pid }) => pid === process.pid)
    ?.threads.find(({ arenaIndex }) => arenaIndex === recorder.segment.arenaIndex);
  for (const { id, fingerprint } of own?.records.statements ?? []) {
    if (id !== OTHER_ID && wanted.has(fingerprint)) recorder.callSites.want(id);
  }
}

/** Where others cannot be looked at, this process stands alone, and the notes say so. */
function hostViewOf(parts: DashboardParts, options: LookOptions): View | undefined {
  const { recorder } = parts;
  const notes = recorder === undefined ? [] : privacyNotes(recorder);
  try {
    const snapshot = parts.look('host', options);
    return snapshot && { snapshot, notes: [...notes, ...problemsOf(snapshot)] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'an error';
    const snapshot = parts.look('process', options);
    return snapshot && { snapshot, notes: [...notes, `other processes are missing: ${reason}`] };
  }
}

function limiterNotes(): string[] {
  return [limiterNote()].filter(Boolean);
}

function privacyNotes({ engine, segment }: Recorder): string[] {
  if (segment.path !== null) return [];
  const reach =
    engine.kind === 'portable' ? '; of the others it sees those with the native engine alone' : '';
  return [`pid ${process.pid}: ${segment.reason}${reach}`];
}

function problemsOf({ problems, processes }: HostSnapshot): string[] {
  const running = processes.filter(({ state }) => state === 'running');
  return [
    ...problems,
    ...running.flatMap(({ pid, problems: own }) => own.map((problem) => `pid ${pid}: ${problem}`)),
  ];
}

function toSlowQueryRow(
  row: SlowQuery,
  sites: StatementSites,
  recorder: Recorder | undefined,
): SlowQueryRow {
  const callSite = row.callSite ?? sites.ofText(row.sql);
  return { ...row, callSite, ...statementCountOf(row.sql), ...targetsOf(recorder, row.sql) };
}

function toNPlusOneRow(row: RepeatedQueries, recorder: Recorder | undefined): NPlusOneRow {
  return { ...row, batched: batchedForm(row.sql) ?? null, ...targetsOf(recorder, row.sql) };
}

interface Unseen {
  readonly drivers: readonly string[];
  readonly orms: readonly string[];
}

function ownUnseen(recorder: Recorder | undefined): Unseen {
  return recorder?.unseen ?? { drivers: [], orms: [] };
}

function toStatsJson(
  stats: PerformanceStats,
  snapshot: HostSnapshot | undefined,
  recorder: Recorder | undefined,
  unseen: Unseen,
): StatsJson {
  const waits = waitsOf(snapshot);
  return {
    total_requests: stats.totalRequests,
    total_queries: stats.totalQueries,
    avg_queries_per_request: stats.avgQueriesPerRequest,
    slow_query_count: stats.slowQueryCount,
    n_plus_one_count: stats.nPlusOneCount,
    recent_slow_queries: stats.recentSlowQueries.map(
      ({ sql, durationMs, route, timestamp, callSite, sqlState }) => {
        const { statementCount, isStatementCountMinimum } = statementCountOf(sql);
        return {
          sql,
          duration_ms: durationMs,
          route,
          timestamp: new Date(timestamp).toISOString(),
          call_site: callSite,
          sql_state: sqlState,
          statement_count: statementCount,
          is_statement_count_minimum: isStatementCountMinimum,
          ...targetsOf(recorder, sql),
        };
      },
    ),
    recent_n_plus_one: stats.recentNPlusOne,
    recent_failed_queries: failedRowsOf(snapshot, RECENT_MAX).map((row) => ({
      sql: row.sql,
      duration_ms: row.durationMs,
      route: row.route,
      timestamp: new Date(row.timestamp).toISOString(),
      sql_state: row.sqlState,
    })),
    unscoped_queries: stats.unscopedQueries,
    unseen_drivers: unseen.drivers,
    without_call_sites: unseen.orms,
    late_queries: stats.lateQueries,
    waiting_for_client: { count: waits.count, longest_ms: waits.longestMs },
    pool_timeout_count: snapshot?.merged.totals.poolTimeoutCount ?? 0,
    fault_count: snapshot?.merged.totals.faultCount ?? 0,
    ignores: stats.ignores.map(({ reason, callCount, findingCount }) => ({
      reason,
      call_count: callCount,
      finding_count: findingCount,
    })),
  };
}
