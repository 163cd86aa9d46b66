import type { JSX } from 'preact';

import type { DashboardData, InFlightRow, OpenQueryRow } from '../data.ts';
import { DataTable } from './data-table.tsx';
import type { Column } from './data-table.tsx';
import { formatCount, formatMs, revealInvisible } from './format.ts';
import { Section } from './layout.tsx';
import { Sql } from './sql.tsx';

/** What has begun and not ended; left out while there is nothing. */
export function InFlight({ data }: { readonly data: DashboardData }): JSX.Element | null {
  const rows = data.inFlight;
  if (rows.length === 0) return null;
  return (
    <Section id="in-flight" title="In flight" count={rows.length} note="the longest first">
      <DataTable
        label="what is in flight"
        columns={data.scope === 'host' ? HOST_COLUMNS : COLUMNS}
        rows={rows}
        rowKey={(row) => rows.indexOf(row)}
        initialSort={{ key: 'elapsed', direction: 'descending' }}
        pageSize={5}
        empty={null}
      />
    </Section>
  );
}

const COLUMNS: readonly Column<InFlightRow>[] = [
  {
    key: 'elapsed',
    label: 'For',
    value: (row) => row.elapsedMs,
    isNumeric: true,
    cell: (row) => formatMs(row.elapsedMs),
  },
  {
    key: 'route',
    label: 'Request',
    value: (row) => row.route ?? '',
    cell: ({ route, isRequest }) => (
      <span class="route">
        {route === null
          ? isRequest
            ? '(route not known yet)'
            : 'outside a request'
          : revealInvisible(route)}
      </span>
    ),
  },
  {
    key: 'query',
    label: 'What it waits for',
    cell: ({ queries, queryCount }) => {
      const [query] = queries;
      if (query === undefined) return <span class="muted">no query</span>;
      return (
        <>
          <OpenQuery query={query} />
          {queryCount > 1 && <p class="muted">and {formatCount(queryCount - 1)} more</p>}
        </>
      );
    },
  },
];

const HOST_COLUMNS: readonly Column<InFlightRow>[] = [
  ...COLUMNS.slice(0, 1),
  {
    key: 'pid',
    label: 'Process',
    value: (row) => row.pid,
    isMinor: true,
    cell: ({ pid, threadId }) => `pid ${pid}${threadId === 0 ? '' : `, thread ${threadId}`}`,
  },
  ...COLUMNS.slice(1),
];

function OpenQuery({ query }: { readonly query: OpenQueryRow }): JSX.Element {
  const { sql, elapsedMs, isWaiting } = query;
  return (
    <>
      {sql !== '' && <Sql text={sql} name="the query in flight" />}
      <p class="muted">
        {isWaiting ? (
          <span class="badge flag-slow">waiting for a client for {formatMs(elapsedMs)}</span>
        ) : (
          `sent ${formatMs(elapsedMs)} ago`
        )}
      </p>
    </>
  );
}
