import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';

import type { DashboardData, StatementRow } from '../data.ts';
import { Origin } from './call-site.tsx';
import { DataTable } from './data-table.tsx';
import type { Column } from './data-table.tsx';
import { formatCount, formatMs } from './format.ts';
import { Section } from './layout.tsx';
import { Sql } from './sql.tsx';

export function Statements({ data }: { readonly data: DashboardData }): JSX.Element {
  const { statements } = data;
  const [search, setSearch] = useState('');
  const rows = useMemo(() => filterRows(statements, search), [statements, search]);
  const columns = useMemo(() => createColumns(statements), [statements]);

  return (
    <Section id="statements" title="Statements" count={statements.length}>
      {statements.length > 0 && (
        <div class="toolbar">
          <input
            class="search"
            type="search"
            placeholder="Filter by text, model or fingerprint"
            aria-label="Filter statements by text, model or fingerprint"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </div>
      )}
      <DataTable
        label="statements"
        columns={columns}
        rows={rows}
        rowKey={(row) => row.fingerprint}
        initialSort={{ key: 'total', direction: 'descending' }}
        pageSize={10}
        empty={
          statements.length > 0 ? (
            <p>No statement holds that text.</p>
          ) : (
            <>
              <p>No query yet.</p>
              <p>
                A <code>Database</code> of HyperDjango is seen by itself, as are the drivers that
                are in use; any other pool after <code>instrument(pool)</code>.
              </p>
            </>
          )
        }
      />
    </Section>
  );
}

function createColumns(statements: readonly StatementRow[]): readonly Column<StatementRow>[] {
  const totalMs = statements.reduce((sum, row) => sum + row.totalMs, 0);
  return [
    {
      key: 'sql',
      label: 'Statement',
      cell: (row) => (
        <>
          <Sql text={row.sql} name={`statement ${row.fingerprint}`} />
          <Origin {...row} />
          <StatementCount {...row} />
        </>
      ),
    },
    {
      key: 'total',
      label: 'Total time',
      value: (row) => row.totalMs,
      isNumeric: true,
      cell: (row) => (
        <span class="share">
          {formatMs(row.totalMs)}
          <span class="meter" aria-hidden="true">
            <span style={{ width: `${totalMs > 0 ? (row.totalMs / totalMs) * 100 : 0}%` }} />
          </span>
        </span>
      ),
    },
    countColumn('calls', 'Calls', (row) => row.calls),
    timeColumn('mean', 'Mean', (row) => row.meanMs),
    timeColumn('p50', 'p50', (row) => row.p50Ms),
    timeColumn('p95', 'p95', (row) => row.p95Ms),
    timeColumn('p99', 'p99', (row) => row.p99Ms),
    timeColumn('max', 'Max', (row) => row.maxMs),
    countColumn('rows', 'Rows', (row) => row.rows),
    timeColumn('pool-wait', 'Pool wait', (row) => row.poolWaitMs),
    {
      ...countColumn('errors', 'Errors', (row) => row.errors),
      cell: (row) => (
        <span class={row.errors > 0 ? 'mark-error' : undefined}>{formatCount(row.errors)}</span>
      ),
    },
  ];
}

/** Most texts hold one, and nothing is said of them. */
function StatementCount(row: StatementRow): JSX.Element | null {
  const { statementCount = 1, isStatementCountMinimum } = row;
  if (statementCount < 2) return null;
  const least = isStatementCountMinimum === true ? 'at least ' : '';
  return (
    <p class="muted">
      one query of {least}
      {formatCount(statementCount)} statements
    </p>
  );
}

function countColumn(
  key: string,
  label: string,
  value: (row: StatementRow) => number,
): Column<StatementRow> {
  return { key, label, value, isNumeric: true, cell: (row) => formatCount(value(row)) };
}

function timeColumn(
  key: string,
  label: string,
  value: (row: StatementRow) => number,
): Column<StatementRow> {
  return { key, label, value, isNumeric: true, cell: (row) => formatMs(value(row)) };
}

function filterRows(rows: readonly StatementRow[], search: string): readonly StatementRow[] {
  const wanted = search.trim().toLowerCase();
  if (wanted === '') return rows;
  return rows.filter(
    ({ fingerprint, sql, models = [] }) =>
      fingerprint.startsWith(wanted) ||
      sql.toLowerCase().includes(wanted) ||
      models.some((model) => model.toLowerCase() === wanted),
  );
}
