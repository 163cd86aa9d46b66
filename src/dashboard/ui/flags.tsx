import type { JSX } from 'preact';

import type { RequestRow } from '../data.ts';

/** What makes a request worth a look. Each has a colour and, for those who see none, a shape. */
export type Flag = 'slow' | 'n-plus-one' | 'error';

export const FLAG_MARKS: Readonly<Record<Flag, string>> = {
  slow: '▲',
  'n-plus-one': '◆',
  error: '✕',
};

export const FLAGS = ['slow', 'n-plus-one', 'error'] as const;

const FLAG_TESTS: Readonly<Record<Flag, (row: RequestRow) => boolean>> = {
  slow: (row) => row.slowCount > 0,
  'n-plus-one': (row) => row.nPlusOneCount > 0,
  error: (row) => row.aborted || row.status >= 500 || row.failedCount > 0,
};

export function hasFlag(row: RequestRow, flag: Flag): boolean {
  return FLAG_TESTS[flag](row);
}

export function flagsOf(row: RequestRow): Flag[] {
  return FLAGS.filter((flag) => hasFlag(row, flag));
}

export function FlagBadges({ row }: { readonly row: RequestRow }): JSX.Element {
  return (
    <span class="badges">
      {row.slowCount > 0 && <Badge flag="slow" text={`${row.slowCount} slow`} />}
      {row.nPlusOneCount > 0 && <Badge flag="n-plus-one" text={`${row.nPlusOneCount} N+1`} />}
      {row.failedCount > 0 && <Badge flag="error" text={describeFailure(row)} />}
      {row.aborted && <Badge flag="error" text="aborted" />}
    </span>
  );
}

/** Such as `2 failed, 23505`: the SQLSTATE is that of the last. */
function describeFailure({ failedCount, sqlState }: RequestRow): string {
  return sqlState === null ? `${failedCount} failed` : `${failedCount} failed, ${sqlState}`;
}

function Badge({ flag, text }: { readonly flag: Flag; readonly text: string }): JSX.Element {
  return (
    <span class={`badge flag-${flag}`}>
      <span aria-hidden="true">{FLAG_MARKS[flag]}</span> {text}
    </span>
  );
}
