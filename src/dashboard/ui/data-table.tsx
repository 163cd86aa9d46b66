import type { ComponentChildren, JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';

import { formatCount } from './format.ts';

export interface Column<Row> {
  readonly key: string;
  readonly label: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** What rows are sorted by; a column without it cannot be sorted. */
  readonly value?: (row: Row) => number | string;
  /** Numbers stand right, and the largest comes first. */
  readonly isNumeric?: boolean;
  /** Left out where there is little room. */
  readonly isMinor?: boolean;
}

interface Sort {
  readonly key: string;
  readonly direction: 'ascending' | 'descending';
}

interface DataTableProps<Row> {
  /** What the rows are, for "Table of …". */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string | number;
  readonly initialSort: Sort;
  readonly pageSize: number;
  readonly empty: ComponentChildren;
}

export function DataTable<Row>(props: DataTableProps<Row>): JSX.Element {
  const { columns, rows, pageSize } = props;
  const [sort, setSort] = useState(props.initialSort);
  const [shownCount, setShownCount] = useState(pageSize);
  const sorted = useMemo(() => sortRows(rows, columns, sort), [rows, columns, sort]);

  if (rows.length === 0) return <div class="empty">{props.empty}</div>;
  const hiddenCount = sorted.length - shownCount;

  return (
    <>
      <div class="table-scroll" role="region" aria-label={`Table of ${props.label}`} tabIndex={0}>
        <table>
          <thead>
            <tr>
              {columns.map((column) => (
                <HeaderCell key={column.key} column={column} sort={sort} onSort={setSort} />
              ))}
            </tr>
          </thead>
          <tbody>
            {sorted.slice(0, shownCount).map((row) => (
              <tr key={props.rowKey(row)}>
                {columns.map((column) => (
                  <td key={column.key} class={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ShowMore
        hiddenCount={hiddenCount}
        pageSize={pageSize * 5}
        onMore={(count) => setShownCount(shownCount + count)}
      />
    </>
  );
}

interface ShowMoreProps {
  readonly hiddenCount: number;
  readonly pageSize: number;
  readonly onMore: (count: number) => void;
}

export function ShowMore({ hiddenCount, pageSize, onMore }: ShowMoreProps): JSX.Element | null {
  if (hiddenCount <= 0) return null;
  const count = Math.min(hiddenCount, pageSize);
  return (
    <button type="button" class="show-more" onClick={() => onMore(count)}>
      Show {formatCount(count)} more
      {count < hiddenCount && <span class="muted"> of {formatCount(hiddenCount)}</span>}
    </button>
  );
}

interface HeaderCellProps<Row> {
  readonly column: Column<Row>;
  readonly sort: Sort;
  readonly onSort: (sort: Sort) => void;
}

function HeaderCell<Row>({ column, sort, onSort }: HeaderCellProps<Row>): JSX.Element {
  if (column.value === undefined) {
    return (
      <th scope="col" class={classOf(column)}>
        {column.label}
      </th>
    );
  }
  const direction = sort.key === column.key ? sort.direction : undefined;
  const first = column.isNumeric === true ? 'descending' : 'ascending';
  const other = first === 'descending' ? 'ascending' : 'descending';
  return (
    <th scope="col" class={classOf(column)} aria-sort={direction ?? 'none'}>
      <button
        type="button"
        class="sort"
        onClick={() => onSort({ key: column.key, direction: direction === first ? other : first })}
      >
        {column.label}
        <span class="sort-mark" aria-hidden="true">
          {direction === 'ascending' ? '▲' : direction === 'descending' ? '▼' : ''}
        </span>
      </button>
    </th>
  );
}

function classOf<Row>({ key, isNumeric, isMinor }: Column<Row>): string {
  return [`column-${key}`, isNumeric === true && 'number', isMinor === true && 'minor']
    .filter(Boolean)
    .join(' ');
}

function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { key, direction }: Sort,
): readonly Row[] {
  const value = columns.find((column) => column.key === key)?.value;
  if (value === undefined) return rows;
  const sign = direction === 'ascending' ? 1 : -1;
  return rows.toSorted((a, b) => sign * compare(value(a), value(b)));
}

function compare(a: number | string, b: number | string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
