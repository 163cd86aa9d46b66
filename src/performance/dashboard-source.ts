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
  mergedPoolRows,
  overheadNsOf,
  ownPoolRows,
  type StatementSites,
  toStatementRow,
  toThreadRows,
} from './dashboard-rows.ts';
import { hostNPlusOnesOf, hostRequestsOf } from './host-rows.ts';
import { hostStatsOf, type LookOptions } from './host-stats.ts';
import type { ResolvedPerformanceOptions } from './options.ts';
import type { PerformanceStats, RepeatedQueries, SlowQuery, StatsStore } from './stats.ts';
import { targetsOf } from './targets.ts';

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
      if (scope === 'process') return toStatsJson(parts.stats(), recorder);
      const view = hostViewOf(parts, { histograms: false });
      if (view === undefined) return { ...toStatsJson(parts.stats(), recorder), ...NO_HOST };
      const { processes, foldedCount } = view.snapshot;
      const running = processes.filter(({ state }) => state === 'running').length;
      return {
        ...toStatsJson(hostStatsOf(view.snapshot, options.slowQueryThresholdMs), recorder),
        processes: { running, ended: processes.length - running + foldedCount },
        notes: view.notes,
      };
    },
    data: (scope) => (scope === 'host' ? hostData(parts) : undefined) ?? processData(parts),
  };
}

const NO_HOST = { processes: { running: 0, ended: 0 }, notes: ['everything is turned off'] };

function processData(parts: DashboardParts): DashboardData {
  const { recorder, store } = parts;
  const snapshot = parts.look('process', { histograms: true, recent: false });
  const sites = callSitesIn(recorder, snapshot);
  const { recentSlowQueries, recentNPlusOne: _texts, ignores: _ignores, ...stats } = parts.stats();
  return {
    ...commonData(parts, snapshot, sites),
    scope: 'process',
    stats,
    slowQueries: recentSlowQueries.map((row) => toSlowQueryRow(row, sites, recorder)),
    nPlusOne: store.recentNPlusOnes().map((row) => toNPlusOneRow(row, recorder)),
    requests: store.recentRequests().slice(0, ROWS_MAX),
    pools: ownPoolRows(recorder, snapshot),
    notes: snapshot === undefined ? [] : problemsOf(snapshot),
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
    ended: endedSumsOf(snapshot),
    status: {
      engine: recorder?.engine.kind ?? 'portable',
      reason: recorder?.engineReason ?? 'HYPERDJANGO_DISABLED is set',
      overheadNs: overheadNsOf(recorder, snapshot),
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
  return { ...row, callSite, ...targetsOf(recorder, row.sql) };
}

function toNPlusOneRow(row: RepeatedQueries, recorder: Recorder | undefined): NPlusOneRow {
  return { ...row, batched: batchedForm(row.sql) ?? null, ...targetsOf(recorder, row.sql) };
}

function toStatsJson(stats: PerformanceStats, recorder: Recorder | undefined): StatsJson {
  return {
    total_requests: stats.totalRequests,
    total_queries: stats.totalQueries,
    avg_queries_per_request: stats.avgQueriesPerRequest,
    slow_query_count: stats.slowQueryCount,
    n_plus_one_count: stats.nPlusOneCount,
    recent_slow_queries: stats.recentSlowQueries.map(
      ({ sql, durationMs, route, timestamp, callSite }) => ({
        sql,
        duration_ms: durationMs,
        route,
        timestamp: new Date(timestamp).toISOString(),
        call_site: callSite,
        ...targetsOf(recorder, sql),
      }),
    ),
    recent_n_plus_one: stats.recentNPlusOne,
    unscoped_queries: stats.unscopedQueries,
    ignores: stats.ignores.map(({ reason, callCount, findingCount }) => ({
      reason,
      call_count: callCount,
      finding_count: findingCount,
    })),
  };
}
