import { type HostSnapshot, openWorkOf, type ProcessSnapshot } from '../../segments/index.ts';
import { endedJson, isoOf, queryJson, requestJson, statementCountJson } from '../json.ts';
import { verdictName } from '../verdicts.ts';
import { topViewOf } from './view.ts';

/** Rows of each list. */
const ROWS_MAX = 1_000;

/** What `hyperdjango top --json` prints: durations in milliseconds, sums since the start. */
export interface TopJson {
  readonly takenAt: string;
  readonly processes: readonly object[];
  readonly blocked: readonly object[];
  readonly requestsInFlight: readonly object[];
  readonly totals: object;
  readonly routes: readonly object[];
  readonly statements: readonly object[];
  readonly pools: readonly object[];
  readonly findings: readonly object[];
  /** Of late, the newest first. */
  readonly failedQueries: readonly object[];
  /** Who waits for a pool client, in all requests and outside. */
  readonly waitingForClient: object;
  readonly dropped: object;
  readonly problems: readonly string[];
}

/** All together, and each application by itself. */
export function topJsonOfAll(
  snapshots: readonly HostSnapshot[],
  together: HostSnapshot,
): TopJson & { readonly applications: readonly object[] } {
  const applications = snapshots.map((snapshot) => ({
    app: snapshot.processes[0]?.appName ?? null,
    ...topJsonOf(snapshot),
  }));
  return { ...topJsonOf(together), applications };
}

export function topJsonOf(snapshot: HostSnapshot): TopJson {
  const view = topViewOf(undefined, snapshot, 'time');
  const { merged } = snapshot;
  return {
    takenAt: new Date().toISOString(),
    processes: snapshot.processes.map(processJson),
    blocked: view.blocked.map(({ pid, threadId, forNs, request, query }) => ({
      pid,
      threadId,
      forMs: forNs / 1e6,
      request: request === undefined ? null : requestJson(request),
      query: query === undefined ? null : queryJson(query),
    })),
    requestsInFlight: view.openRequests.slice(0, ROWS_MAX).map(requestJson),
    totals: {
      requests: merged.totals.requestCount,
      requestErrors: merged.totals.requestErrorCount,
      requestMs: merged.totals.requestTotalNs / 1e6,
      queries: merged.totals.queryCount,
      queryErrors: merged.totals.errorCount,
      queryMs: merged.totals.totalNs / 1e6,
      rows: merged.totals.rowCount,
      poolWaitMs: merged.totals.poolWaitNs / 1e6,
      /** Waits for a client that ended without one; they are in `poolWaitMs`. */
      poolTimeouts: merged.totals.poolTimeoutCount,
      faults: merged.totals.faultCount,
      p50Ms: view.p50Ns / 1e6,
      p99Ms: view.p99Ns / 1e6,
      evictedStatements: merged.totals.evictedStatements,
    },
    routes: merged.routes.slice(0, ROWS_MAX).map((route) => ({
      route: route.route,
      requests: route.requestCount,
      errors: route.errorCount,
      queries: route.queryCount,
      totalMs: route.totalNs / 1e6,
      maxMs: route.maxNs / 1e6,
    })),
    statements: merged.statements.slice(0, ROWS_MAX).map((statement) => ({
      fingerprint: statement.fingerprint,
      sql: statement.text,
      ...statementCountJson(statement.text),
      calls: statement.callCount,
      errors: statement.errorCount,
      rows: statement.rowCount,
      totalMs: statement.totalNs / 1e6,
      maxMs: statement.maxNs / 1e6,
      poolWaitMs: statement.poolWaitNs / 1e6,
    })),
    pools: merged.pools.map(({ name, poolCount, total, idle, waiting, max }) => ({
      name,
      pools: poolCount,
      total,
      idle,
      waiting,
      max,
    })),
    findings: merged.findings.map((finding) => ({
      verdict: verdictName(finding.verdict),
      route: finding.route,
      sql: finding.text,
      fingerprint: finding.fingerprint,
      count: finding.count,
      queries: finding.queryCount,
      totalMs: finding.totalNs / 1e6,
    })),
    failedQueries: view.failedQueries.map((query) => ({
      pid: query.pid,
      threadId: query.threadId,
      route: query.route ?? null,
      startedAt: isoOf(query.startedAt),
      ...endedJson(query),
    })),
    waitingForClient: {
      count: view.waits.length,
      longestMs: (view.waits[0]?.elapsedNs ?? 0) / 1e6,
    },
    dropped: merged.dropped,
    problems: view.problems,
  };
}

function processJson(process: ProcessSnapshot): object {
  const { pid, appName, scriptName, runtimeVersion, engine, state, aliveNs, heartbeatNs } = process;
  return {
    pid,
    app: appName,
    script: scriptName,
    runtime: runtimeVersion,
    engine,
    state,
    startedAt: isoOf(process.startedAt),
    aliveAt: isoOf(process.aliveAt),
    heartbeatAgeMs: heartbeatNs === 0 ? null : Math.max(0, aliveNs - heartbeatNs) / 1e6,
    overheadNs: process.overheadNs,
    unseenDrivers: process.unseenDrivers,
    withoutCallSites: process.unseenOrms,
    threads: process.threads.map((thread) => ({
      threadId: thread.threadId,
      isInUse: thread.isInUse,
      loopBusyMs: thread.loop.checkedNs === 0 ? null : thread.loop.busyNs / 1e6,
      requests: thread.records.requestCount,
      queries: thread.records.queryCount,
      queriesOutsideRequests: openWorkOf(process, thread).otherQueries.map(queryJson),
    })),
  };
}
