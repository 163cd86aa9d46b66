import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import type { DashboardData, RequestRow } from '../data.ts';
import { createRequestChart } from './chart.ts';
import type { ChartScale, PointedRequest, RequestChart } from './chart.ts';
import { DataTable } from './data-table.tsx';
import type { Column } from './data-table.tsx';
import { FLAGS, FLAG_MARKS, FlagBadges, hasFlag } from './flags.tsx';
import type { Flag } from './flags.tsx';
import { formatClock, formatCount, formatMs, revealInvisible } from './format.ts';
import { Choice, Section } from './layout.tsx';

const FLAG_LABELS: Readonly<Record<Flag, string>> = {
  slow: 'slow query',
  'n-plus-one': 'N+1',
  error: 'error, failed query or aborted',
};

export function Requests({ data }: { readonly data: DashboardData }): JSX.Element {
  const { requests } = data;
  const [scale, setScale] = useState<ChartScale>('log');
  const [filter, setFilter] = useState<Flag | 'all'>('all');
  const rows = useMemo(
    () => (filter === 'all' ? requests : requests.filter((row) => hasFlag(row, filter))),
    [requests, filter],
  );

  return (
    <Section
      id="requests"
      title="Recent requests"
      count={requests.length}
      note="query time is a sum: of queries side by side it may exceed the duration"
    >
      {requests.length > 0 && (
        <>
          <div class="toolbar">
            <Legend />
            <Choice
              label="Scale"
              options={[
                ['log', 'Log'],
                ['linear', 'Linear'],
              ]}
              value={scale}
              onChange={setScale}
            />
          </div>
          <Timeline rows={requests} scale={scale} showsPid={data.scope === 'host'} />
          <div class="toolbar">
            <Choice
              label="Show"
              options={[
                ['all', 'All'],
                ...FLAGS.map(
                  (flag) => [flag, `${FILTER_LABELS[flag]} ${countOf(requests, flag)}`] as const,
                ),
              ]}
              value={filter}
              onChange={setFilter}
            />
          </div>
        </>
      )}
      <DataTable
        label="recent requests"
        columns={data.scope === 'host' ? HOST_COLUMNS : COLUMNS}
        rows={rows}
        rowKey={(row) => row.id}
        initialSort={{ key: 'started', direction: 'descending' }}
        pageSize={10}
        empty={
          requests.length > 0 ? (
            <p>None of the recent requests.</p>
          ) : (
            <>
              <p>No request yet.</p>
              <p>
                Open a page of the application, or try <code>curl {location.origin}/</code>. Visits
                to this page are not counted.
              </p>
            </>
          )
        }
      />
    </Section>
  );
}

const FILTER_LABELS: Readonly<Record<Flag, string>> = {
  slow: 'Slow',
  'n-plus-one': 'N+1',
  error: 'Errors',
};

const COLUMNS: readonly Column<RequestRow>[] = [
  {
    key: 'started',
    label: 'Time',
    value: (row) => row.startedAt,
    cell: (row) => formatClock(row.startedAt),
  },
  {
    key: 'route',
    label: 'Request',
    value: (row) => `${row.route} ${row.method}`,
    cell: (row) => (
      <>
        <span class="route">
          <span class="method">{revealInvisible(row.method)}</span> {revealInvisible(row.route)}
        </span>
        <span class="narrow-only">
          <FlagBadges row={row} />
        </span>
      </>
    ),
  },
  {
    key: 'status',
    label: 'Status',
    value: (row) => row.status,
    isNumeric: true,
    cell: (row) => <span class={`status status-${statusClassOf(row.status)}`}>{row.status}</span>,
  },
  {
    key: 'duration',
    label: 'Duration',
    value: (row) => row.durationMs,
    isNumeric: true,
    cell: (row) => formatMs(row.durationMs),
  },
  {
    key: 'queries',
    label: 'Queries',
    value: (row) => row.queryCount,
    isNumeric: true,
    cell: (row) => formatCount(row.queryCount),
  },
  {
    key: 'query-time',
    label: 'Query time, sum',
    value: (row) => row.queryMs ?? -1,
    isNumeric: true,
    isMinor: true,
    cell: ({ queryMs, durationMs }) =>
      queryMs === null ? (
        <span title="The ring has forgotten some of its queries.">–</span>
      ) : (
        <span class="share">
          {formatMs(queryMs)}
          <Share part={queryMs} whole={durationMs} />
        </span>
      ),
  },
  {
    key: 'flags',
    label: 'Findings',
    isMinor: true,
    value: (row) => row.nPlusOneCount + row.slowCount,
    cell: (row) => <FlagBadges row={row} />,
  },
];

/** Whose request it was stands after its time. */
const HOST_COLUMNS: readonly Column<RequestRow>[] = [
  ...COLUMNS.slice(0, 1),
  {
    key: 'pid',
    label: 'Process',
    value: (row) => row.pid,
    isMinor: true,
    cell: (row) => `pid ${row.pid}`,
  },
  ...COLUMNS.slice(1),
];

function Share({ part, whole }: { readonly part: number; readonly whole: number }): JSX.Element {
  const percent = whole > 0 ? Math.min((part / whole) * 100, 100) : 0;
  return (
    <span class="meter" aria-hidden="true">
      <span style={{ width: `${percent}%` }} />
    </span>
  );
}

function statusClassOf(status: number): 'ok' | 'client' | 'server' {
  return status >= 500 ? 'server' : status >= 400 ? 'client' : 'ok';
}

function countOf(rows: readonly RequestRow[], flag: Flag): string {
  return formatCount(rows.reduce((count, row) => count + (hasFlag(row, flag) ? 1 : 0), 0));
}

function Legend(): JSX.Element {
  return (
    <ul class="legend" aria-label="Legend">
      <li>
        <span class="swatch swatch-query" /> in queries
      </li>
      <li>
        <span class="swatch swatch-rest" /> rest of the request
      </li>
      {FLAGS.map((flag) => (
        <li key={flag}>
          <span class={`mark-${flag}`}>{FLAG_MARKS[flag]}</span> {FLAG_LABELS[flag]}
        </li>
      ))}
    </ul>
  );
}

interface TimelineProps {
  readonly rows: readonly RequestRow[];
  readonly scale: ChartScale;
  readonly showsPid: boolean;
}

function Timeline({ rows, scale, showsPid }: TimelineProps): JSX.Element {
  const parent = useRef<HTMLDivElement>(null);
  const chart = useRef<RequestChart>(undefined);
  const [pointed, setPointed] = useState<PointedRequest>();

  useEffect(() => {
    if (parent.current === null) return undefined;
    chart.current = createRequestChart(parent.current, setPointed);
    return () => chart.current?.destroy();
  }, []);
  useEffect(() => chart.current?.update(rows, scale), [rows, scale]);

  const longest = rows.reduce((most, row) => Math.max(most, row.durationMs), 0);
  return (
    <div class="timeline">
      <div
        class="timeline-chart"
        role="img"
        aria-label={`Durations of the last requests, ${formatMs(longest)} at most; the table below lists them.`}
        ref={parent}
      />
      {pointed !== undefined && <Tooltip {...pointed} showsPid={showsPid} />}
    </div>
  );
}

function Tooltip({
  row,
  leftPx,
  widthPx,
  showsPid,
}: PointedRequest & { readonly showsPid: boolean }): JSX.Element {
  const fromRight = leftPx > widthPx / 2;
  // Beside the bar, on the side that has more room, so as not to cover it.
  const offset = `${Math.round(fromRight ? widthPx - leftPx : leftPx) + 12}px`;
  return (
    <div class="tooltip" style={fromRight ? { right: offset } : { left: offset }}>
      <div class="route">
        <span class="method">{revealInvisible(row.method)}</span>{' '}
        {revealInvisible(row.route.slice(0, 200))}
      </div>
      <div class="muted">
        {formatClock(row.startedAt)} · status {row.status}
        {showsPid && ` · pid ${row.pid}`}
      </div>
      <div>
        <strong>{formatMs(row.durationMs)}</strong>
        {row.queryMs === null ? ' with ' : `, ${formatMs(row.queryMs)} in `}
        {formatCount(row.queryCount)} {row.queryCount === 1 ? 'query' : 'queries'}
        {(row.queryMs ?? 0) > row.durationMs && ' side by side, in sum'}
      </div>
      <FlagBadges row={row} />
    </div>
  );
}
