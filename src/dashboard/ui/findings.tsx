import { type ComponentChildren, Fragment, type JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';

import type {
  DashboardData,
  FailedQueryRow,
  NPlusOneRow,
  SlowQueryRow,
  StatementCountRow,
  TargetsRow,
} from '../data.ts';
import { CallSite, Models } from './call-site.tsx';
import { ShowMore } from './data-table.tsx';
import { formatAge, formatClock, formatCount, formatMs, revealInvisible } from './format.ts';
import type { Flag } from './flags.tsx';
import { Choice, Section } from './layout.tsx';
import { Sql } from './sql.tsx';

const PAGE_SIZE = 6;
/** Of the newest and of the longest there are as many. */
const SLOW_SHOWN_MAX = 50;

type SlowOrder = 'longest' | 'newest';

const SLOW_ORDERS: Readonly<Record<SlowOrder, (a: SlowQueryRow, b: SlowQueryRow) => number>> = {
  longest: (a, b) => b.durationMs - a.durationMs,
  newest: (a, b) => b.timestamp - a.timestamp,
};

export function SlowQueries({ data }: { readonly data: DashboardData }): JSX.Element {
  const [order, setOrder] = useState<SlowOrder>('longest');
  const rows = useMemo(
    () => data.slowQueries.toSorted(SLOW_ORDERS[order]).slice(0, SLOW_SHOWN_MAX),
    [data.slowQueries, order],
  );
  const longest = rows.reduce((most, { durationMs }) => Math.max(most, durationMs), 0);
  // The rings of other processes know their last queries alone.
  const since = data.scope === 'host' ? 'of late' : 'since the start';

  return (
    <Section
      id="slow-queries"
      title="Slow queries"
      count={rows.length}
      note={order === 'longest' ? `the longest ${since}` : 'the newest first'}
    >
      {rows.length > 0 && (
        <div class="toolbar">
          <Choice
            label="Order"
            options={[
              ['longest', 'Longest'],
              ['newest', 'Newest'],
            ]}
            value={order}
            onChange={setOrder}
          />
        </div>
      )}
      <FindingList
        rows={rows}
        rowKey={(row) => `${row.timestamp} ${row.durationMs} ${row.sql}`}
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
              ...describeCount(row),
              ...(row.sqlState === null ? [] : [<SqlState {...row} />]),
              ...modelsOf(row),
              <CallSite site={row.callSite} />,
            ]}
          />
        )}
      />
    </Section>
  );
}

/** What failed, whatever the application made of it. */
export function FailedQueries({ data }: { readonly data: DashboardData }): JSX.Element | null {
  const rows = data.failedQueries;
  if (rows.length === 0) return null;
  const most = rows.reduce((max, { durationMs }) => Math.max(max, durationMs), 0);
  const others =
    data.scope === 'host' ? 'of all processes, as far as they remember' : 'of the whole process';
  return (
    <Section
      id="failed-queries"
      title="Failed queries"
      count={rows.length}
      note={`the newest first, ${others}`}
    >
      <FindingList
        rows={rows}
        rowKey={(row) => `${row.pid} ${row.timestamp} ${row.durationMs} ${row.sql}`}
        empty={null}
        render={(row, index) => (
          <Finding
            figure={row.sqlState ?? 'failed'}
            flag="error"
            share={most > 0 ? row.durationMs / most : 0}
            sql={row.sql}
            name={`failed query ${index + 1}`}
            details={[
              row.sqlState === null ? 'an error without a SQLSTATE' : 'SQLSTATE',
              `after ${formatMs(row.durationMs)}`,
              row.route === null ? 'outside a request' : revealInvisible(row.route),
              <Moment at={row.timestamp} now={data.takenAt} />,
              ...describeCount(row),
            ]}
          />
        )}
      />
    </Section>
  );
}

export function NPlusOne({ data }: { readonly data: DashboardData }): JSX.Element {
  const rows = data.nPlusOne;
  const most = rows.reduce((max, row) => Math.max(max, runsOf(row)), 0);

  return (
    <Section id="n-plus-one" title="N+1 patterns" count={rows.length} note={describePatterns(data)}>
      <FindingList
        rows={rows}
        rowKey={(row) => `${row.route} ${row.sql}`}
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
            figure={`${formatCount(runsOf(row))} ×`}
            flag="n-plus-one"
            share={most > 0 ? runsOf(row) / most : 0}
            sql={row.sql}
            name={`N+1 pattern ${index + 1}`}
            details={[
              row.route === null ? 'outside a request' : revealInvisible(row.route),
              row.runCountMax === null ? 'in a request, on average' : 'in a request, at most',
              `${formatCount(row.requestCount)} ${row.requestCount === 1 ? 'request' : 'requests'}`,
              `${formatMs(row.totalMs)} in all`,
              ...(row.isParallel === null
                ? []
                : [row.isParallel ? 'at the same time' : 'one after another']),
              ...describeValues(row),
              <Moment at={row.timestamp} now={data.takenAt} />,
              ...modelsOf(row),
              <CallSite site={row.callSite} />,
            ]}
          >
            {isSameReadAgain(row) && (
              <p class="muted">
                Unless something changes in between, one run would do: its result can be kept for
                the rest of the request.
              </p>
            )}
            {row.batched !== null && !isSameReadAgain(row) && (
              <details class="batched">
                <summary>One statement instead</summary>
                <Sql text={row.batched.sql} name={`one statement for N+1 pattern ${index + 1}`} />
                <p class="muted">
                  {revealInvisible(row.batched.advice)} {describeSaving(row)}
                </p>
              </details>
            )}
          </Finding>
        )}
      />
    </Section>
  );
}

/** Why this list is shorter than the figure above the page. */
function describePatterns({ nPlusOne, stats }: DashboardData): string | undefined {
  if (nPlusOne.length === 0) return undefined;
  const pairs = formatCount(stats.nPlusOneCount);
  return `each route and statement once, newest first; in requests ${pairs} ×`;
}

/** Of one request: the most, or the mean where only the sum is known. */
function runsOf({ runCount, runCountMax, requestCount }: NPlusOneRow): number {
  return runCountMax ?? runCount / Math.max(requestCount, 1);
}

/** Whether all runs of a request, as far as they were compared, asked for the same. */
function isSameAgain({ comparedCount, differingCount }: NPlusOneRow): boolean {
  return comparedCount > 0 && differingCount === 0;
}

/** Writing the same again may be meant, and has no result to keep. */
function isSameReadAgain(row: NPlusOneRow): boolean {
  return isSameAgain(row) && /^SELECT\b/i.test(row.sql);
}

/** None where no runs were compared. */
function describeValues(row: NPlusOneRow): string[] {
  const { comparedCount, differingCount } = row;
  if (comparedCount === 0) return [];
  if (isSameAgain(row)) return ['with the same values each time'];
  if (differingCount === comparedCount) return ['with other values each time'];
  const sameCount = comparedCount - differingCount;
  return [
    `with the same values again in ${formatCount(sameCount)} of ${formatCount(comparedCount)} runs compared`,
  ];
}

/** Side by side, runs may take no longer than one: then there is nothing to promise. */
function describeSaving({ runCount, requestCount, totalMs, isParallel }: NPlusOneRow): string {
  if (isParallel !== false || runCount <= requestCount || requestCount === 0) return '';
  const savedMs = (totalMs / requestCount) * (1 - requestCount / runCount);
  return `If it takes as long as one of the runs, that saves ${formatMs(savedMs)} a request.`;
}

interface FindingListProps<Row> {
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly empty: ComponentChildren;
  readonly render: (row: Row, index: number) => JSX.Element;
}

function FindingList<Row>({ rows, rowKey, empty, render }: FindingListProps<Row>): JSX.Element {
  const [shownCount, setShownCount] = useState(PAGE_SIZE);
  if (rows.length === 0) return <div class="empty">{empty}</div>;
  return (
    <>
      <ol class="findings">
        {rows.slice(0, shownCount).map((row, index) => (
          <Fragment key={rowKey(row)}>{render(row, index)}</Fragment>
        ))}
      </ol>
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
  readonly flag: Flag;
  /** Of the largest figure in the list, 0 to 1. */
  readonly share: number;
  readonly sql: string;
  readonly name: string;
  readonly details: readonly ComponentChildren[];
  readonly children?: ComponentChildren;
}

function Finding(props: FindingProps): JSX.Element {
  const { figure, flag, share, sql, name, details, children } = props;
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
        {children}
      </div>
    </li>
  );
}

/** A text of several statements counts as one query. */
function describeCount({
  statementCount = 1,
  isStatementCountMinimum,
}: StatementCountRow): string[] {
  if (statementCount < 2) return [];
  const least = isStatementCountMinimum === true ? 'at least ' : '';
  return [`one query of ${least}${formatCount(statementCount)} statements`];
}

function SqlState({ sqlState }: Pick<FailedQueryRow, 'sqlState'>): JSX.Element {
  return <span class="mark-error">failed, SQLSTATE {sqlState}</span>;
}

function modelsOf({ models = [] }: TargetsRow): JSX.Element[] {
  return models.length === 0 ? [] : [<Models models={models} />];
}

function Moment({ at, now }: { readonly at: number; readonly now: number }): JSX.Element {
  return <span title={formatClock(at)}>{formatAge(now - at)}</span>;
}
