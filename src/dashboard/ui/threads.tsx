import type { JSX } from 'preact';

import type { DashboardData, ThreadRow } from '../data.ts';
import { DataTable } from './data-table.tsx';
import type { Column } from './data-table.tsx';
import { formatAge, formatClock, formatCount, formatMs } from './format.ts';
import { Section } from './layout.tsx';

/** From here on a busy event loop is worth a word. */
const BUSY_MS = 100;

/** Who recorded it all: processes, or the threads of this one where it has several. */
export function Threads({ data }: { readonly data: DashboardData }): JSX.Element | null {
  const { scope, threads, ended } = data;
  if (scope === 'process' && threads.length < 2 && ended.count === 0) return null;
  const isHost = scope === 'host';
  return (
    <Section
      id="threads"
      title={isHost ? 'Processes' : 'Threads'}
      count={isHost ? new Set(threads.map(({ pid }) => pid)).size : threads.length}
      note="with queries outside requests"
    >
      <DataTable
        label={isHost ? 'processes' : 'threads'}
        columns={columnsOf(data)}
        rows={threads}
        rowKey={(row) => `${row.pid} ${row.threadId}`}
        initialSort={{ key: 'pid', direction: 'ascending' }}
        pageSize={20}
        empty={<p>None is running that can be seen.</p>}
      />
      {ended.count > 0 && (
        <p class="ended">
          and {formatCount(ended.count)} that {ended.count === 1 ? 'has' : 'have'} ended:{' '}
          {formatCount(ended.requestCount)} requests, {formatCount(ended.queryCount)} queries
        </p>
      )}
    </Section>
  );
}

function columnsOf({ pid, takenAt, scope }: DashboardData): readonly Column<ThreadRow>[] {
  return [
    {
      key: 'pid',
      label: scope === 'host' ? 'Process' : 'Thread',
      value: (row) => row.pid + row.threadId / 1e6,
      cell: (row) => (
        <>
          {scope === 'host' && `pid ${row.pid}`}
          {scope === 'host' && row.threadId !== 0 && ', '}
          {row.threadId !== 0 && `thread ${row.threadId}`}
          {row.threadId === 0 && scope === 'process' && 'main thread'}
          {row.threadId === 0 && row.pid === pid && scope === 'host' && (
            <span class="muted answers"> · answers this page</span>
          )}
        </>
      ),
    },
    {
      key: 'since',
      label: 'Started',
      value: (row) => row.startedAt,
      isMinor: true,
      cell: (row) => (
        <span title={formatClock(row.startedAt)}>{formatAge(takenAt - row.startedAt)}</span>
      ),
    },
    numberColumn('requests', 'Requests', (row) => row.requestCount, formatCount),
    numberColumn('queries', 'Queries', (row) => row.queryCount, formatCount),
    { ...numberColumn('time', 'Query time', (row) => row.queryMs, formatMs), isMinor: true },
    {
      key: 'flight',
      label: 'In flight',
      value: (row) => row.requestsInFlight + row.queriesInFlight + row.waitsInFlight,
      isNumeric: true,
      cell: ({ requestsInFlight, queriesInFlight, waitsInFlight }) => (
        <>
          <span title="requests and queries">
            {formatCount(requestsInFlight + queriesInFlight)}
          </span>
          {waitsInFlight > 0 && (
            <span class="badge flag-slow">{formatCount(waitsInFlight)} waiting for a client</span>
          )}
        </>
      ),
    },
    {
      key: 'loop',
      label: 'Event loop',
      value: (row) => row.loopBusyMs ?? -1,
      isNumeric: true,
      cell: ({ loopBusyMs }) =>
        loopBusyMs === null ? (
          'not known'
        ) : loopBusyMs < BUSY_MS ? (
          'free'
        ) : (
          <span class="badge flag-slow">busy for {formatMs(loopBusyMs)}</span>
        ),
    },
  ];
}

function numberColumn(
  key: string,
  label: string,
  value: (row: ThreadRow) => number,
  format: (value: number) => string,
): Column<ThreadRow> {
  return { key, label, value, isNumeric: true, cell: (row) => format(value(row)) };
}
