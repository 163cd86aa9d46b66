import type { ComponentChildren, JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';

import type { DashboardData, NPlusOneRow } from '../data.ts';
import { ShowMore } from './data-table.tsx';
import { formatAge, formatClock, formatCount, formatMs, revealInvisible } from './format.ts';
import { Section } from './layout.tsx';
import { Sql } from './sql.tsx';

const PAGE_SIZE = 6;

export function SlowQueries({ data }: { readonly data: DashboardData }): JSX.Element {
  const rows = useMemo(
    () => data.slowQueries.toSorted((a, b) => b.durationMs - a.durationMs),
    [data.slowQueries],
  );
  const longest = rows[0]?.durationMs ?? 0;

  return (
    <Section id="slow-queries" title="Slow queries" count={rows.length} note="longest first">
      <FindingList
        rows={rows}
        empty={
          <>
            <p>No query has taken {formatMs(data.slowQueryThresholdMs)} or longer.</p>
            <p>
              The bound is the option <code>slowQueryThresholdMs</code>.
            </p>
          </>
        }
        render={(row, index) => (
          <Finding
            figure={formatMs(row.durationMs)}
            flag="slow"
            share={longest > 0 ? row.durationMs / longest : 0}
            sql={row.sql}
            name={`slow query ${index + 1}`}
            details={[
              row.route === null ? 'outside a request' : revealInvisible(row.route),
              <Moment at={row.timestamp} now={data.takenAt} />,
            ]}
          />
        )}
      />
    </Section>
  );
}

export function NPlusOne({ data }: { readonly data: DashboardData }): JSX.Element {
  const rows = useMemo(() => groupPatterns(data.nPlusOne), [data.nPlusOne]);
  const most = rows.reduce((max, row) => Math.max(max, row.count), 0);

  return (
    <Section id="n-plus-one" title="N+1 patterns" count={rows.length} note="newest first">
      <FindingList
        rows={rows}
        empty={
          <>
            <p>
              No statement has run {formatCount(data.nPlusOneThreshold)} times or more in one
              request.
            </p>
            <p>
              The bound is the option <code>nPlusOneThreshold</code>.
            </p>
          </>
        }
        render={(row, index) => (
          <Finding
            figure={`${formatCount(row.count)} ×`}
            flag="n-plus-one"
            share={most > 0 ? row.count / most : 0}
            sql={row.sql}
            name={`N+1 pattern ${index + 1}`}
            details={[
              row.route === null ? 'outside a request' : revealInvisible(row.route),
              `in ${formatCount(row.requestCount)} ${row.requestCount === 1 ? 'request' : 'requests'}`,
              `${formatMs(row.totalMs)} in all`,
              <Moment at={row.timestamp} now={data.takenAt} />,
            ]}
          />
        )}
      />
    </Section>
  );
}

interface Pattern extends NPlusOneRow {
  readonly requestCount: number;
}

/**
 * One row a statement and route, where it was seen last: a busy page repeats its own all the
 * time. `count` is the most runs in one request.
 */
function groupPatterns(rows: readonly NPlusOneRow[]): readonly Pattern[] {
  const patterns = new Map<string, Pattern>();
  for (const row of rows) {
    const key = JSON.stringify([row.route, row.sql]);
    const known = patterns.get(key);
    patterns.set(key, {
      ...row,
      count: Math.max(row.count, known?.count ?? 0),
      totalMs: row.totalMs + (known?.totalMs ?? 0),
      timestamp: Math.max(row.timestamp, known?.timestamp ?? row.timestamp),
      requestCount: 1 + (known?.requestCount ?? 0),
    });
  }
  return [...patterns.values()].toSorted((a, b) => b.timestamp - a.timestamp);
}

interface FindingListProps<Row> {
  readonly rows: readonly Row[];
  readonly empty: ComponentChildren;
  readonly render: (row: Row, index: number) => JSX.Element;
}

function FindingList<Row>({ rows, empty, render }: FindingListProps<Row>): JSX.Element {
  const [shownCount, setShownCount] = useState(PAGE_SIZE);
  if (rows.length === 0) return <div class="empty">{empty}</div>;
  return (
    <>
      <ol class="findings">{rows.slice(0, shownCount).map(render)}</ol>
      <ShowMore
        hiddenCount={rows.length - shownCount}
        pageSize={PAGE_SIZE * 4}
        onMore={(count) => setShownCount(shownCount + count)}
      />
    </>
  );
}

interface FindingProps {
  readonly figure: string;
  readonly flag: 'slow' | 'n-plus-one';
  /** Of the largest figure in the list, 0 to 1. */
  readonly share: number;
  readonly sql: string;
  readonly name: string;
  readonly details: readonly ComponentChildren[];
}

function Finding({ figure, flag, share, sql, name, details }: FindingProps): JSX.Element {
  return (
    <li class="finding">
      <div class={`finding-figure mark-${flag}`}>
        <strong>{figure}</strong>
        <span class="meter" aria-hidden="true">
          <span style={{ width: `${Math.max(share * 100, 3)}%` }} />
        </span>
      </div>
      <div class="finding-body">
        <Sql text={sql} name={name} />
        <p class="finding-details">
          {details.map((detail, index) => (
            <span key={index}>{detail}</span>
          ))}
        </p>
      </div>
    </li>
  );
}

function Moment({ at, now }: { readonly at: number; readonly now: number }): JSX.Element {
  return <span title={formatClock(at)}>{formatAge(now - at)}</span>;
}
