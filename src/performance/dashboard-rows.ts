/** The rows of the page that are read off a snapshot, be it of one process or of all. */
import type {
  EndedSums,
  FailedQueryRow,
  InFlightRow,
  PoolRow,
  StatementRow,
  ThreadRow,
} from '../dashboard/index.ts';
import { quantileOf } from '../engine/histogram.ts';
import {
  type CallSite,
  describeCallSite,
  describeSites,
  type PoolState,
  type Recorder,
} from '../recorder/index.ts';
import {
  type EndedQueryRow,
  failedQueriesOf,
  type HostSnapshot,
  type MergedStatement,
  type OpenQuery,
  openWorkOf,
  type ProcessSnapshot,
} from '../segments/index.ts';
import { statementCountOf } from './targets.ts';

/** Where the application asks for statements, as far as stacks were taken in this process. */
export interface StatementSites {
  ofFingerprint(fingerprint: string): readonly string[];
  /** The only one that is known of a statement; null where there is none, or there are several. */
  ofText(text: string): string | null;
  /** Such as `list (src/a.ts:1) or show (src/b.ts:2)`; null where none is known. */
  describeText(text: string): string | null;
}

export function callSitesIn(
  recorder: Recorder | undefined,
  snapshot: HostSnapshot | undefined,
): StatementSites {
  const sitesOf = (fingerprint: string): readonly CallSite[] =>
    recorder?.callSites.sitesOf(fingerprint) ?? [];
  const statements = snapshot?.merged.statements ?? [];
  const fingerprints = new Map(statements.map(({ text, fingerprint }) => [text, fingerprint]));
  return {
    ofFingerprint: (fingerprint) => sitesOf(fingerprint).map(describeCallSite),
    ofText(text) {
      const [site, ...others] = sitesOf(fingerprints.get(text) ?? '');
      return site === undefined || others.length > 0 ? null : describeCallSite(site);
    },
    describeText(text) {
      const sites = sitesOf(fingerprints.get(text) ?? '');
      return describeSites(sites.map((site) => ({ site, count: null })));
    },
  };
}

export function toStatementRow(statement: MergedStatement, sites: StatementSites): StatementRow {
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
    callSites: sites.ofFingerprint(statement.fingerprint),
    ...statementCountOf(statement.text),
  };
}

/** Those of running processes, the oldest first. */
export function toThreadRows(snapshot: HostSnapshot | undefined): ThreadRow[] {
  return runningIn(snapshot).flatMap(({ pid, engine, startedAt, threads }) =>
    threads
      .filter(({ isInUse }) => isInUse)
      .map(({ threadId, loop, records }) => ({
        pid,
        threadId,
        engine,
        startedAt,
        requestCount: records.requestCount,
        queryCount: records.queryCount,
        queryMs: records.totals.totalNs / 1e6,
        requestsInFlight: records.inFlightRequests.length,
        queriesInFlight: records.inFlightQueries.filter(({ isWaiting }) => !isWaiting).length,
        waitsInFlight: records.inFlightQueries.filter(({ isWaiting }) => isWaiting).length,
        loopBusyMs: loop.checkedNs === 0 ? null : loop.busyNs / 1e6,
      }))
      .toSorted((a, b) => a.threadId - b.threadId),
  );
}

/** Rows of what is in flight, and open queries of each. */
const IN_FLIGHT_MAX = 200;
const OPEN_QUERIES_MAX = 5;

/** Of running processes, the oldest first. */
export function inFlightRowsOf(snapshot: HostSnapshot | undefined): InFlightRow[] {
  return runningIn(snapshot)
    .flatMap((process) =>
      process.threads.flatMap((thread): InFlightRow[] => {
        const { pid } = process;
        const { threadId } = thread;
        const { requests, otherQueries } = openWorkOf(process, thread);
        const row = (
          queries: readonly OpenQuery[],
        ): Pick<InFlightRow, 'queries' | 'queryCount'> => ({
          queries: queries.slice(0, OPEN_QUERIES_MAX).map(({ text, elapsedNs, isWaiting }) => ({
            sql: text,
            elapsedMs: elapsedNs / 1e6,
            isWaiting,
          })),
          queryCount: queries.length,
        });
        return [
          ...requests.map(({ route = null, elapsedNs, queries }) => {
            const elapsedMs = elapsedNs / 1e6;
            return { pid, threadId, route, isRequest: true, elapsedMs, ...row(queries) };
          }),
          ...otherQueries.map((query) => {
            const elapsedMs = query.elapsedNs / 1e6;
            return { pid, threadId, route: null, isRequest: false, elapsedMs, ...row([query]) };
          }),
        ];
      }),
    )
    .toSorted((a, b) => b.elapsedMs - a.elapsedMs)
    .slice(0, IN_FLIGHT_MAX);
}

/** Callers that wait for a client of a pool, in all running processes. */
export function waitsOf(snapshot: HostSnapshot | undefined): { count: number; longestMs: number } {
  const startsNs = runningIn(snapshot).flatMap(({ threads }) =>
    threads.flatMap(({ records }) =>
      records.inFlightQueries.flatMap(({ isWaiting, startNs }) => (isWaiting ? [startNs] : [])),
    ),
  );
  const oldestNs = startsNs.reduce((least, ns) => Math.min(least, ns), snapshot?.takenNs ?? 0);
  return { count: startsNs.length, longestMs: ((snapshot?.takenNs ?? 0) - oldestNs) / 1e6 };
}

/** Newest first, as far as the rings remember. */
export function failedRowsOf(snapshot: HostSnapshot | undefined, max: number): FailedQueryRow[] {
  return failedQueriesOf(snapshot?.processes ?? [], max).map((query: EndedQueryRow) => ({
    sql: query.text,
    pid: query.pid,
    durationMs: query.elapsedNs / 1e6,
    route: query.route ?? null,
    timestamp: query.startedAt,
    sqlState: query.sqlState ?? null,
    ...statementCountOf(query.text),
  }));
}

/** What is in the sums and has no row above. */
export function endedSumsOf(snapshot: HostSnapshot | undefined): EndedSums {
  const rows = toThreadRows(snapshot);
  const { requestCount = 0, queryCount = 0 } = snapshot?.merged.totals ?? {};
  const running = runningIn(snapshot);
  const processes = snapshot?.processes.length ?? 0;
  const threads = running.flatMap((one) => one.threads.filter(({ isInUse }) => !isInUse));
  return {
    count: processes - running.length + (snapshot?.foldedCount ?? 0) + threads.length,
    requestCount: requestCount - rows.reduce((sum, row) => sum + row.requestCount, 0),
    queryCount: queryCount - rows.reduce((sum, row) => sum + row.queryCount, 0),
  };
}

/** The mean over those processes that have sampled it. */
export function overheadNsOf(
  recorder: Recorder | undefined,
  snapshot: HostSnapshot | undefined,
): number {
  const known = runningIn(snapshot)
    .map(({ overheadNs }) => overheadNs)
    .filter((ns) => ns > 0);
  if (known.length === 0) return recorder?.overheadNs() ?? 0;
  return known.reduce((sum, ns) => sum + ns, 0) / known.length;
}

/** This thread's pools as they are, and those that other threads have written down. */
export function ownPoolRows(
  recorder: Recorder | undefined,
  snapshot: HostSnapshot | undefined,
): PoolRow[] {
  const own = (recorder?.pools.states() ?? []).map(({ times, ...pool }: PoolState): PoolRow => ({
    ...pool,
    where: '',
    ageMs: 0,
    times: times ?? null,
  }));
  const threads = runningIn(snapshot).flatMap((process) => process.threads);
  const others = threads.filter(
    ({ isInUse, arenaIndex }) => isInUse && arenaIndex !== recorder?.segment.arenaIndex,
  );
  return [
    ...own,
    ...others.flatMap(({ threadId, records }) =>
      records.pools.map(({ updatedNs, ...pool }): PoolRow => ({
        ...pool,
        where: threadId === 0 ? 'main thread' : `thread ${threadId}`,
        active: pool.total - pool.idle,
        ageMs: ageMsOf(updatedNs, snapshot),
        times: null,
      })),
    ),
  ];
}

/** All pools of one name together: they share a server. */
export function mergedPoolRows(snapshot: HostSnapshot): PoolRow[] {
  const sums = new Map<string, { row: PoolRow; poolCount: number }>();
  const threads = runningIn(snapshot).flatMap((process) => process.threads);
  const pools = threads.flatMap(({ isInUse, records }) => (isInUse ? records.pools : []));
  for (const { name, total, idle, waiting, max, updatedNs } of pools) {
    const { row, poolCount } = sums.get(name) ?? { row: EMPTY_POOL, poolCount: 0 };
    sums.set(name, {
      poolCount: poolCount + 1,
      row: {
        name,
        where: poolCount === 0 ? '' : `${poolCount + 1} pools`,
        total: row.total + total,
        idle: row.idle + idle,
        active: row.active + total - idle,
        waiting: row.waiting + waiting,
        max: row.max + max,
        ageMs: Math.max(row.ageMs, ageMsOf(updatedNs, snapshot)),
        times: null,
      },
    });
  }
  return [...sums.values()].map(({ row }) => row).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const EMPTY_POOL: PoolRow = {
  ...{ name: '', where: '', total: 0, idle: 0, active: 0, waiting: 0, max: 0, ageMs: 0 },
  times: null,
};

function ageMsOf(updatedNs: number, snapshot: HostSnapshot | undefined): number {
  return Math.max(0, (snapshot?.takenNs ?? 0) - updatedNs) / 1e6;
}

function runningIn(snapshot: HostSnapshot | undefined): readonly ProcessSnapshot[] {
  return snapshot?.processes.filter(({ state }) => state === 'running') ?? [];
}
