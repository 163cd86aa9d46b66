import type { RequestRow } from '../data.ts';

/** The API gives them as they ended; the axis tells, as the table does, when they began. */
export function latestInOrder(rows: readonly RequestRow[], count: number): RequestRow[] {
  return rows.slice(0, count).sort((a, b) => a.startedAt - b.startedAt);
}
