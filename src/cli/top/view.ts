import { quantileOf, subtractHistograms } from '../../engine/histogram.ts';
import {
  type EndedQueryRow,
  failedQueriesOf,
  type HostSnapshot,
  type MergedFinding,
  type MergedPool,
  type MergedRoute,
  type MergedSnapshot,
  type MergedStatement,
  type OpenQuery,
  type OpenRequest,
  openWorkOf,
  type ProcessSnapshot,
  STUCK_NS,
} from '../../segments/index.ts';

/** By what routes and statements are sorted: over the last interval, then since the start. */
export const SORT_ORDERS = ['time', 'calls', 'mean', 'errors'] as const;
export type SortOrder = (typeof SORT_ORDERS)[number];

/** Heartbeats that may be missed before a process counts as stopped. */
const BEATS_MISSED_MAX = 50;

/** Failed queries that are listed. */
const FAILED_MAX = 20;

/** What one frame shows: numbers and texts, not yet laid out. */
export interface TopView {
  readonly apps: readonly string[];
  readonly running: readonly ProcessLine[];
  readonly goneCount: number;
  /** Between the two snapshots; undefined with the first one. */
  readonly rates: Rates | undefined;
  readonly totals: MergedSnapshot['totals'];
  /** Of queries, over the interval; since the start with the first snapshot. */
  readonly p50Ns: number;
  readonly p99Ns: number;
  /** Threads whose event loop is blocked, the longest first. */
  readonly blocked: readonly BlockedLoop[];
  /** Processes whose heartbeat has stopped, though they live. */
  readonly stopped: readonly ProcessLine[];
  readonly overheadNs: number;
  readonly dropped: MergedSnapshot['dropped'];
  /** The oldest first. */
  readonly openRequests: readonly OpenRequest[];
  readonly routes: readonly RateRow<MergedRoute>[];
  readonly statements: readonly RateRow<MergedStatement>[];
  readonly pools: readonly MergedPool[];
  readonly findings: readonly MergedFinding[];
  /** Of late, the newest first. */
  readonly failedQueries: readonly EndedQueryRow[];
  /** Waits for a pool client, the oldest first. */
  readonly waits: readonly OpenQuery[];
  readonly problems: readonly string[];
}

export interface Rates {
  readonly seconds: number;
  readonly requests: number;
  readonly queries: number;
  readonly errors: number;
}

export interface ProcessLine {
  readonly pid: number;
  readonly appName: string;
  readonly startedAt: number;
  /** Undefined where the process has no heartbeat. */
  readonly heartbeatAgeNs: number | undefined;
}

export interface BlockedLoop {
  readonly pid: number;
  readonly threadId: number;
  readonly forNs: number;
  /** What the thread did last, if that has not ended. */
  readonly request: OpenRequest | undefined;
  /** Of that request: in flight, or else the last that ended. */
  readonly query: OpenQuery | undefined;
}

/** A row with what happened in it since the snapshot before. */
export interface RateRow<T> {
  readonly row: T;
  readonly callsPerSecond: number;
  /** Of a thousand seconds and more on a busy host: they run side by side. */
  readonly nsPerSecond: number;
  readonly meanNs: number;
  readonly errorCount: number;
}

/** @param previous undefined for the first frame. */
export function topViewOf(
  previous: HostSnapshot | undefined,
  current: HostSnapshot,
  sort: SortOrder,
): TopView {
  const running = current.processes.filter(({ state }) => state === 'running');
  const { merged } = current;
  const before = previous?.merged;
  const seconds = previous === undefined ? 0 : (current.takenNs - previous.takenNs) / 1e9;
  const durations =
    before === undefined
      ? merged.durations
      : subtractHistograms(merged.durations, before.durations);
  const lines = running.map(processLine);
  return {
    apps: [...new Set(current.processes.map(({ appName }) => appName))].sort(),
    running: lines,
    goneCount: current.processes.length - running.length + current.foldedCount,
    rates: before === undefined ? undefined : ratesOf(before.totals, merged.totals, seconds),
    totals: merged.totals,
    p50Ns: quantileOf(durations, 0.5),
    p99Ns: quantileOf(durations, 0.99),
    blocked: running.flatMap(blockedLoops).sort((a, b) => b.forNs - a.forNs),
    stopped: lines.filter((line, index) => isStopped(line, running[index])),
    overheadNs: meanOverheadNs(running),
    dropped: merged.dropped,
    openRequests: running.flatMap(openRequests).sort((a, b) => b.elapsedNs - a.elapsedNs),
    routes: rateRows(merged.routes, before?.routes, seconds, sort, (row) => ({
      key: row.route,
      calls: row.requestCount,
      ...row,
    })),
    statements: rateRows(merged.statements, before?.statements, seconds, sort, (row) => ({
      key: row.fingerprint,
      calls: row.callCount,
      ...row,
    })),
    pools: merged.pools,
    findings: merged.findings,
    failedQueries: failedQueriesOf(running, FAILED_MAX),
    waits: running.flatMap(waitsOf).sort((a, b) => b.elapsedNs - a.elapsedNs),
    problems: [...current.problems, ...running.flatMap(processProblems)],
  };
}

function processLine(process: ProcessSnapshot): ProcessLine {
  const { pid, appName, startedAt, aliveNs, heartbeatNs } = process;
  const heartbeatAgeNs = heartbeatNs === 0 ? undefined : Math.max(0, aliveNs - heartbeatNs);
  return { pid, appName, startedAt, heartbeatAgeNs };
}

function isStopped({ heartbeatAgeNs }: ProcessLine, process: ProcessSnapshot | undefined): boolean {
  const intervalNs = process?.heartbeatIntervalNs ?? 0;
  if (heartbeatAgeNs === undefined || intervalNs === 0) return false;
  return heartbeatAgeNs > BEATS_MISSED_MAX * intervalNs;
}

function processProblems({ pid, problems }: ProcessSnapshot): string[] {
  return problems.map((problem) => `pid ${pid}: ${problem}`);
}

function waitsOf(process: ProcessSnapshot): OpenQuery[] {
  return process.threads.flatMap((thread) => {
    const { requests, otherQueries } = openWorkOf(process, thread);
    const queries = [...requests.flatMap((request) => request.queries), ...otherQueries];
    return queries.filter(({ isWaiting }) => isWaiting);
  });
}

function openRequests(process: ProcessSnapshot): OpenRequest[] {
  return process.threads.flatMap((thread) => openWorkOf(process, thread).requests);
}

function blockedLoops(process: ProcessSnapshot): BlockedLoop[] {
  const blocked = process.threads.filter(({ loop }) => loop.busyNs >= STUCK_NS);
  return blocked.map((thread) => {
    const { requests } = openWorkOf(process, thread);
    const request = requests.find(({ isLastActive }) => isLastActive);
    return {
      pid: process.pid,
      threadId: thread.threadId,
      forNs: thread.loop.busyNs,
      request,
      query: request?.queries.at(-1) ?? request?.lastQuery,
    };
  });
}

function meanOverheadNs(processes: readonly ProcessSnapshot[]): number {
  const known = processes.map(({ overheadNs }) => overheadNs).filter((ns) => ns > 0);
  return known.length === 0 ? 0 : known.reduce((sum, ns) => sum + ns, 0) / known.length;
}

function ratesOf(
  before: MergedSnapshot['totals'],
  after: MergedSnapshot['totals'],
  seconds: number,
): Rates {
  const errors =
    after.errorCount - before.errorCount + after.requestErrorCount - before.requestErrorCount;
  return {
    seconds,
    requests: perSecond(after.requestCount - before.requestCount, seconds),
    queries: perSecond(after.queryCount - before.queryCount, seconds),
    errors: perSecond(errors, seconds),
  };
}

interface Sums {
  readonly key: string;
  readonly calls: number;
  readonly totalNs: number;
  readonly errorCount: number;
}

function rateRows<T>(
  rows: readonly T[],
  before: readonly T[] | undefined,
  seconds: number,
  sort: SortOrder,
  sumsOf: (row: T) => Sums,
): RateRow<T>[] {
  const earlier = new Map(before?.map((row) => [sumsOf(row).key, sumsOf(row)]));
  const rated = rows.map((row): RateRow<T> & { sums: Sums } => {
    const sums = sumsOf(row);
    const known = before === undefined ? undefined : earlier.get(sums.key);
    const calls = sums.calls - (known?.calls ?? 0);
    const totalNs = sums.totalNs - (known?.totalNs ?? 0);
    return {
      row,
      sums,
      callsPerSecond: perSecond(calls, seconds),
      nsPerSecond: perSecond(totalNs, seconds),
      meanNs: calls > 0 ? totalNs / calls : sums.calls > 0 ? sums.totalNs / sums.calls : 0,
      errorCount: Math.max(0, sums.errorCount - (known?.errorCount ?? 0)),
    };
  });
  const orders: Record<SortOrder, (row: RateRow<T> & { sums: Sums }) => [number, number]> = {
    time: ({ nsPerSecond, sums }) => [nsPerSecond, sums.totalNs],
    calls: ({ callsPerSecond, sums }) => [callsPerSecond, sums.calls],
    mean: ({ meanNs, sums }) => [meanNs, sums.totalNs],
    errors: ({ errorCount, sums }) => [errorCount, sums.errorCount],
  };
  return rated.sort((a, b) => {
    const [firstA, secondA] = orders[sort](a);
    const [firstB, secondB] = orders[sort](b);
    return firstB - firstA || secondB - secondA;
  });
}

function perSecond(amount: number, seconds: number): number {
  return seconds > 0 ? Math.max(0, amount) / seconds : 0;
}
