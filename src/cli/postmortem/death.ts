import {
  type EndedQueryRow,
  endedQueriesOf,
  type OpenQuery,
  type OpenRequest,
  openWorkOf,
  type ProcessSnapshot,
} from '../../segments/index.ts';

/** Of all threads together. */
const LAST_QUERIES_MAX = 10;

/** How a process came to its end. */
export type Cause =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'uncaught exception' }
  | { readonly kind: 'killed' };

/** What a process that is gone has left behind. */
export interface Death {
  readonly process: ProcessSnapshot;
  readonly cause: Cause;
  /** The oldest first. */
  readonly requests: readonly OpenRequest[];
  /** Of no request. */
  readonly otherQueries: readonly OpenQuery[];
  /** Threads whose loop was busy at the last look, the longest first. */
  readonly busyLoops: readonly { readonly threadId: number; readonly busyNs: number }[];
  /** The latest first. */
  readonly lastQueries: readonly EndedQueryRow[];
}

/** Those that did not end as they should before the others, the latest first. */
export function deathsOf(processes: readonly ProcessSnapshot[]): Death[] {
  return processes
    .filter(({ state }) => state !== 'running')
    .map(deathOf)
    .sort((a, b) => rankOf(b) - rankOf(a) || b.process.aliveAt - a.process.aliveAt);
}

function deathOf(process: ProcessSnapshot): Death {
  const work = process.threads.map((thread) => openWorkOf(process, thread));
  return {
    process,
    cause: causeOf(process),
    requests: work.flatMap(({ requests }) => requests).sort((a, b) => b.elapsedNs - a.elapsedNs),
    otherQueries: work.flatMap(({ otherQueries }) => otherQueries),
    busyLoops: process.threads
      .filter(({ loop }) => loop.busyNs > 0)
      .map(({ threadId, loop }) => ({ threadId, busyNs: loop.busyNs }))
      .sort((a, b) => b.busyNs - a.busyNs),
    lastQueries: lastQueriesOf(process),
  };
}

function rankOf({ cause }: Death): number {
  return cause.kind === 'exited' && cause.code === 0 ? 0 : 1;
}

function causeOf({ state, hasUncaughtException, exitCode }: ProcessSnapshot): Cause {
  if (hasUncaughtException) return { kind: 'uncaught exception' };
  return state === 'exited' ? { kind: 'exited', code: exitCode ?? 0 } : { kind: 'killed' };
}

function lastQueriesOf(process: ProcessSnapshot): EndedQueryRow[] {
  return endedQueriesOf(process, LAST_QUERIES_MAX)
    .toSorted((a, b) => a.endedBeforeNs - b.endedBeforeNs)
    .slice(0, LAST_QUERIES_MAX);
}
