import {
  type EndedQuery,
  type InFlightQuery,
  NO_HANDLE,
  OTHER_ID,
  OUTCOME,
} from '../engine/engine.ts';
import type { ProcessSnapshot, ThreadSnapshot } from './process-snapshot.ts';

/** A request that has begun and not ended, as far as its process got. */
export interface OpenRequest {
  readonly pid: number;
  readonly threadId: number;
  /** Undefined as long as no route has matched. */
  readonly route: string | undefined;
  /** How long it has been running, or had been when the process was last seen alive. */
  readonly elapsedNs: number;
  /** Whether it is what its thread did last: in a blocked event loop, what blocks it. */
  readonly isLastActive: boolean;
  /** The oldest first. */
  readonly queries: readonly OpenQuery[];
  /** The last query of the request that has ended; undefined where the ring has forgotten it. */
  readonly lastQuery: LastQuery | undefined;
}

export interface OpenQuery {
  readonly text: string;
  /** 16 hex digits. */
  readonly fingerprint: string;
  /** Since it was sent; of a wait, since it began; of an ended one, how long it took. */
  readonly elapsedNs: number;
  /**
   * Whether it waits for a pool client and has not been sent: then the text is empty where it is
   * not known what is to be run.
   */
  readonly isWaiting: boolean;
}

/** A query that has ended. */
export interface LastQuery extends OpenQuery {
  readonly isError: boolean;
  /** Undefined where it succeeded, and where the error carried none. */
  readonly sqlState: string | undefined;
}

/** What one thread is in the middle of. */
export interface OpenWork {
  /** The oldest first. */
  readonly requests: readonly OpenRequest[];
  /** Queries of no request, the oldest first. */
  readonly otherQueries: readonly OpenQuery[];
}

const NOTHING: OpenWork = { requests: [], otherQueries: [] };

/** What a thread had begun and not ended when its process was last seen alive. */
export function openWorkOf(process: ProcessSnapshot, thread: ThreadSnapshot): OpenWork {
  const { records, threadId } = thread;
  if (records.inFlightRequests.length + records.inFlightQueries.length === 0) return NOTHING;
  const statements = new Map(records.statements.map((row) => [row.id, row]));
  const routes = new Map(records.routes.map((row) => [row.id, row.route]));
  const elapsedNs = (startNs: number): number => Math.max(0, process.aliveNs - startNs);
  const identityOf = (statementId: number): { text: string; fingerprint: string } => {
    const { fingerprint = '0'.repeat(16), text = '<unknown>' } = statements.get(statementId) ?? {};
    return { text, fingerprint };
  };
  const open = ({ statementId, startNs, isWaiting }: InFlightQuery): OpenQuery => ({
    ...identityOf(statementId),
    ...(isWaiting && statementId === OTHER_ID ? { text: '' } : {}),
    elapsedNs: elapsedNs(startNs),
    isWaiting,
  });
  const ended = ({ statementId, durationNs, outcome, sqlState }: EndedQuery): LastQuery => ({
    ...identityOf(statementId),
    elapsedNs: durationNs,
    isWaiting: false,
    isError: outcome !== OUTCOME.ok,
    sqlState,
  });
  const handles = new Set(records.inFlightRequests.map(({ handle }) => handle));
  const requests = records.inFlightRequests.map(({ handle, startNs, routeId }): OpenRequest => {
    const last = records.recentQueries.findLast(({ requestHandle }) => requestHandle === handle);
    return {
      pid: process.pid,
      threadId,
      route: routeId === OTHER_ID ? undefined : routes.get(routeId),
      elapsedNs: elapsedNs(startNs),
      isLastActive: handle !== NO_HANDLE && handle === records.lastActive.requestHandle,
      queries: records.inFlightQueries
        .filter(({ requestHandle }) => requestHandle === handle)
        .map(open),
      lastQuery: last === undefined ? undefined : ended(last),
    };
  });
  const otherQueries = records.inFlightQueries
    .filter(({ requestHandle }) => !handles.has(requestHandle))
    .map(open);
  return { requests, otherQueries };
}
