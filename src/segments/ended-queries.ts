import { type EndedQuery, OUTCOME } from '../engine/engine.ts';
import type { LastQuery } from './in-flight.ts';
import type { ProcessSnapshot } from './process-snapshot.ts';

/** A query of a ring of what has ended lately. */
export interface EndedQueryRow extends LastQuery {
  readonly pid: number;
  readonly threadId: number;
  /** Undefined outside a request, and where the request is forgotten. */
  readonly route: string | undefined;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** How long before the process was last seen alive it ended. */
  readonly endedBeforeNs: number;
}

/**
 * Of each thread the newest, the newest last, as far as its ring remembers.
 *
 * @param limit of each thread.
 */
export function endedQueriesOf(
  { pid, threads, aliveNs, aliveAt }: ProcessSnapshot,
  limit: number,
  isWanted: (query: EndedQuery) => boolean = () => true,
): EndedQueryRow[] {
  return threads.flatMap(({ records, threadId }) => {
    const wanted = records.recentQueries.filter(isWanted).slice(-limit);
    if (wanted.length === 0) return [];
    const statements = new Map(records.statements.map((row) => [row.id, row]));
    const names = new Map(records.routes.map(({ id, route }) => [id, route]));
    const requests = [...records.recentRequests, ...records.inFlightRequests];
    const routeIds = new Map(requests.map(({ handle, routeId }) => [handle, routeId]));
    return wanted.map((query): EndedQueryRow => {
      const statement = statements.get(query.statementId);
      return {
        pid,
        threadId,
        text: statement?.text ?? '<unknown>',
        fingerprint: statement?.fingerprint ?? '0'.repeat(16),
        elapsedNs: query.durationNs,
        isWaiting: false,
        isError: query.outcome !== OUTCOME.ok,
        sqlState: query.sqlState,
        route: names.get(routeIds.get(query.requestHandle) ?? -1),
        startedAt: aliveAt - (aliveNs - query.startNs) / 1e6,
        endedBeforeNs: Math.max(0, aliveNs - query.startNs - query.durationNs),
      };
    });
  });
}

/** The newest that failed, the newest first. */
export function failedQueriesOf(
  processes: readonly ProcessSnapshot[],
  limit: number,
): EndedQueryRow[] {
  return processes
    .flatMap((process) => endedQueriesOf(process, limit, ({ outcome }) => outcome !== OUTCOME.ok))
    .toSorted((a, b) => b.startedAt - a.startedAt)
    .slice(0, limit);
}
