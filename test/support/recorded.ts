import { afterEach } from 'vitest';

import { getRecorder, type RecordedQuery, type Scope } from '../../src/recorder/index.ts';

/** What the recorder saw of a query when it ended. */
export interface SeenQuery {
  readonly sql: string;
  readonly values: readonly unknown[] | undefined;
  readonly scope: Scope | undefined;
  readonly source: object | undefined;
  readonly durationMs: number;
  readonly poolWaitMs: number;
  readonly isError: boolean;
  readonly rowCount: number;
}

/** Collects every query of this process that ends from now to the end of the test. */
export function collectQueries(): SeenQuery[] {
  const seen: SeenQuery[] = [];
  const unsubscribe = getRecorder().subscribe({
    onQueryEnded(query: RecordedQuery) {
      seen.push({
        sql: query.sql,
        values: query.values,
        scope: query.scope,
        source: query.source,
        durationMs: query.durationNs / 1e6,
        poolWaitMs: query.poolWaitNs / 1e6,
        isError: query.outcome !== 0,
        rowCount: query.rowCount,
      });
    },
  });
  pending.push(unsubscribe);
  return seen;
}

const pending: (() => void)[] = [];

afterEach(() => {
  for (const unsubscribe of pending.splice(0)) unsubscribe();
});

/** Runs `fn` in a scope of its own, and gives the scope. */
export async function inScope(name: string, fn: () => Promise<unknown>): Promise<Scope> {
  const recorder = getRecorder();
  const scope = recorder.openScope('request', name);
  try {
    await recorder.runIn(scope, fn);
  } finally {
    recorder.closeScope(scope, { statusCode: 200, isAborted: false });
  }
  return scope;
}
