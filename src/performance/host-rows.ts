/** Requests and findings of all processes, read off what they have written down. */
import { batchedForm, isInnocent } from '../analysis/index.ts';
import type { NPlusOneRow, RequestRow } from '../dashboard/index.ts';
import { type EndedQuery, NO_HANDLE, OTHER_ID, OUTCOME, VERDICT } from '../engine/engine.ts';
import type { HostSnapshot, ProcessSnapshot } from '../segments/index.ts';
import type { StatementSites } from './dashboard-rows.ts';

/** Newest first, as far as the rings remember. */
export function hostRequestsOf(
  processes: readonly ProcessSnapshot[],
  slowNs: number,
  nPlusOneThreshold: number,
): RequestRow[] {
  return processes
    .flatMap((process) => requestsOf(process, slowNs, nPlusOneThreshold))
    .toSorted((a, b) => b.startedAt - a.startedAt);
}

function requestsOf(
  { pid, generation, threads, aliveNs, aliveAt }: ProcessSnapshot,
  slowNs: number,
  nPlusOneThreshold: number,
): RequestRow[] {
  return threads.flatMap(({ records, arenaIndex }) => {
    const names = new Map(records.routes.map(({ id, route }) => [id, route]));
    const guilty = new Set(
      records.statements
        .filter(({ id, text }) => id !== OTHER_ID && !isInnocent(text))
        .map(({ id }) => id),
    );
    const queries = queriesByRequest(records.recentQueries, slowNs);
    return records.recentRequests.map((request): RequestRow => {
      const name = names.get(request.routeId) ?? '';
      const space = name.indexOf(' ');
      const own = request.handle === NO_HANDLE ? undefined : queries.get(request.handle);
      const isComplete = (own?.count ?? 0) >= request.queryCount;
      const repeated = [...(own?.byStatement ?? [])].filter(
        ([id, count]) => count >= nPlusOneThreshold && guilty.has(id),
      );
      return {
        id: `${generation} ${arenaIndex} ${request.handle} ${request.startNs}`,
        pid,
        method: space === -1 ? '' : name.slice(0, space),
        route: space === -1 ? name || '(unknown route)' : name.slice(space + 1),
        status: request.statusCode,
        startedAt: aliveAt - (aliveNs - request.startNs) / 1e6,
        durationMs: request.durationNs / 1e6,
        queryCount: request.queryCount,
        queryMs: isComplete ? (own?.totalNs ?? 0) / 1e6 : null,
        slowCount: own?.slowCount ?? 0,
        nPlusOneCount: repeated.length,
        aborted: request.outcome === OUTCOME.aborted,
        failedCount: own?.failedCount ?? 0,
        sqlState: own?.sqlState ?? null,
      };
    });
  });
}

interface RequestQueries {
  count: number;
  totalNs: number;
  slowCount: number;
  failedCount: number;
  /** Of the last that failed. */
  sqlState: string | null;
  readonly byStatement: Map<number, number>;
}

const NO_QUERIES = { count: 0, totalNs: 0, slowCount: 0, failedCount: 0, sqlState: null };

function queriesByRequest(
  queries: readonly EndedQuery[],
  slowNs: number,
): ReadonlyMap<number, RequestQueries> {
  const requests = new Map<number, RequestQueries>();
  for (const { requestHandle, statementId, durationNs, outcome, sqlState } of queries) {
    if (requestHandle === NO_HANDLE) continue;
    let own = requests.get(requestHandle);
    if (own === undefined) {
      own = { ...NO_QUERIES, byStatement: new Map() };
      requests.set(requestHandle, own);
    }
    own.count += 1;
    own.totalNs += durationNs;
    if (durationNs >= slowNs) own.slowCount += 1;
    if (outcome !== OUTCOME.ok) {
      own.failedCount += 1;
      own.sqlState = sqlState ?? null;
    }
    own.byStatement.set(statementId, (own.byStatement.get(statementId) ?? 0) + 1);
  }
  return requests;
}

/** The latest first. */
export function hostNPlusOnesOf(
  { merged, takenNs }: HostSnapshot,
  sites: StatementSites,
): NPlusOneRow[] {
  const now = Date.now();
  return merged.findings
    .filter(({ verdict, text }) => verdict === VERDICT.nPlusOne && text !== '')
    .map(({ text, route, count, queryCount, totalNs, lastNs }) => ({
      sql: text,
      route: route === '' ? null : route,
      requestCount: count,
      runCount: queryCount,
      runCountMax: null,
      totalMs: totalNs / 1e6,
      comparedCount: 0,
      differingCount: 0,
      isParallel: null,
      callSite: sites.describeText(text),
      batched: batchedForm(text) ?? null,
      timestamp: now - (takenNs - lastNs) / 1e6,
    }));
}
