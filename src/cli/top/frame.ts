import type { OpenQuery } from '../../segments/index.ts';
import type { Painter } from '../paint.ts';
import {
  fitText,
  formatCount,
  formatDuration,
  statementsText,
  waitingText,
  widthOf,
} from '../text.ts';
import { verdictName } from '../verdicts.ts';
import type { BlockedLoop, RateRow, SortOrder, TopView } from './view.ts';

export interface FrameOptions {
  readonly columns: number;
  readonly rows: number;
  readonly sort: SortOrder;
  readonly isPaused: boolean;
  /** Whether the last line names the keys. */
  readonly hasKeys: boolean;
  /** Which of several applications it is of; empty where there is one. */
  readonly place: string;
  readonly paint: Painter;
  /** Such as `14:03:22`. */
  readonly clock: string;
}

interface Section {
  readonly title: string;
  readonly rows: readonly string[];
  /** Out of the lines that are left when all have got their least. */
  readonly weight: number;
}

const PIDS_SHOWN = 6;
const HEADER_PROBLEMS_MAX = 2;

/** At most `rows` lines, none wider than `columns`. */
export function renderFrame(view: TopView, options: FrameOptions): string[] {
  const { rows, hasKeys } = options;
  const header = headerLines(view, options);
  const left = Math.max(0, rows - header.length - (hasKeys ? 1 : 0));
  const body = fillSections(sectionsOf(view, options), left, options);
  const lines = [...header, ...body];
  if (!hasKeys) return lines;
  const padded = [...lines, ...new Array<string>(Math.max(0, rows - 1 - lines.length)).fill('')];
  return [...padded.slice(0, rows - 1), keysLine(options)];
}

function headerLines(view: TopView, options: FrameOptions): string[] {
  const { columns, paint } = options;
  const line = (text: string): string => fitText(text, columns).trimEnd();
  const lines = [titleLine(view, options), line(rateText(view))];
  for (const blocked of view.blocked.slice(0, HEADER_PROBLEMS_MAX)) {
    lines.push(...blockedLines(blocked).map((text) => paint('red', line(text))));
  }
  for (const { pid, heartbeatAgeNs } of view.stopped.slice(0, HEADER_PROBLEMS_MAX)) {
    const age = formatDuration(heartbeatAgeNs ?? 0);
    lines.push(paint('red', line(`pid ${pid} stands still: its last heartbeat was ${age} ago`)));
  }
  if (view.waits.length > 0) lines.push(paint('red', line(waitText(view.waits))));
  lines.push(line(loopText(view)));
  for (const problem of view.problems.slice(0, HEADER_PROBLEMS_MAX)) {
    lines.push(paint('yellow', line(problem)));
  }
  return lines;
}

function titleLine(view: TopView, options: FrameOptions): string {
  const { columns, clock, isPaused, paint, place } = options;
  const pids = view.running.slice(0, PIDS_SHOWN).map(({ pid }) => pid);
  const more = view.running.length > pids.length ? ', …' : '';
  const running =
    pids.length === 0
      ? 'nothing is running'
      : `${plural(view.running.length, 'process', 'processes')} (pid ${pids.join(', ')}${more})`;
  const gone = view.goneCount === 0 ? '' : `, ${view.goneCount} gone`;
  const names = [view.apps.map(nameOr).join(', '), place && `(${place})`].filter(Boolean);
  const text = [names.join(' '), running + gone].filter(Boolean).join('  ');
  const right = isPaused ? `paused ${clock}` : clock;
  const width = Math.max(0, columns - right.length - 1);
  return paint('bold', fitText(text, width)) + ` ${right}`.slice(0, columns);
}

function rateText({ rates, totals, p50Ns, p99Ns }: TopView): string {
  const latency = `query p50 ${formatDuration(p50Ns)}  p99 ${formatDuration(p99Ns)}`;
  if (rates === undefined) {
    const errors = totals.errorCount + totals.requestErrorCount;
    return (
      `requests ${formatCount(totals.requestCount)}  queries ${formatCount(totals.queryCount)}  ` +
      `errors ${formatCount(errors)}  ${latency}  (since the start)`
    );
  }
  return (
    `requests ${formatCount(rates.requests)}/s  queries ${formatCount(rates.queries)}/s  ` +
    `errors ${formatCount(rates.errors)}/s  ${latency}`
  );
}

function blockedLines({ pid, threadId, forNs, request, query }: BlockedLoop): string[] {
  const where = threadId === 0 ? `pid ${pid}` : `pid ${pid} thread ${threadId}`;
  const what = request === undefined ? '' : ` in ${nameOr(request.route)}`;
  const lines = [`${where}: the event loop has been busy for ${formatDuration(forNs)}${what}`];
  if (query !== undefined) lines.push(`  ${openQueryText(query)}`);
  return lines;
}

function openQueryText({ text, isWaiting }: OpenQuery): string {
  return isWaiting ? waitingText(text) : text;
}

function waitText(waits: TopView['waits']): string {
  const longest = formatDuration(waits[0]?.elapsedNs ?? 0);
  return `${plural(waits.length, 'caller waits', 'callers wait')} for a client of a pool, the longest for ${longest}`;
}

function loopText(view: TopView): string {
  const beats = view.running
    .map(({ heartbeatAgeNs }) => heartbeatAgeNs)
    .filter((age) => age !== undefined);
  const beat = beats.length === 0 ? 'none' : `${formatDuration(Math.max(...beats))} ago`;
  const { queries, requests, statements, torn } = view.dropped;
  const dropped = queries + requests + statements;
  const { poolTimeoutCount, faultCount } = view.totals;
  return [
    view.blocked.length === 0
      ? 'event loops are free'
      : `${plural(view.blocked.length, 'event loop', 'event loops')} blocked`,
    `heartbeat ${beat}`,
    `overhead ${view.overheadNs === 0 ? 'unknown' : `${formatDuration(view.overheadNs)} a query`}`,
    `dropped ${formatCount(dropped)}`,
    ...(torn === 0 ? [] : [`torn ${formatCount(torn)}`]),
    ...(poolTimeoutCount === 0 ? [] : [`pool time-outs ${formatCount(poolTimeoutCount)}`]),
    ...(faultCount === 0 ? [] : [`faults ${formatCount(faultCount)}`]),
  ].join('  ');
}

function sectionsOf(view: TopView, { columns, sort }: FrameOptions): Section[] {
  const requests = view.openRequests.map((request) => {
    const { pid, threadId, elapsedNs, route, queries } = request;
    const more = queries.length > 1 ? `(+${queries.length - 1}) ` : '';
    const sql = queries[0] === undefined ? '' : `${more}${openQueryText(queries[0])}`;
    return row(columns, [
      [threadId === 0 ? String(pid) : `${pid}/${threadId}`, 10, 'left'],
      [formatDuration(elapsedNs), 10, 'right'],
      [nameOr(route), 26, 'left'],
      [sql, 0, 'left'],
    ]);
  });
  const pools = view.pools.map((pool) =>
    row(columns, [
      [`${pool.total - pool.idle} of ${pool.max} in use`, 20, 'left'],
      [`${pool.idle} idle`, 10, 'right'],
      [`${pool.waiting} waiting`, 12, 'right'],
      [pool.name, 0, 'left'],
    ]),
  );
  const findings = view.findings.map(({ verdict, count, totalNs, route, text }) =>
    row(columns, [
      [verdictName(verdict), 20, 'left'],
      [`${formatCount(count)}×`, 8, 'right'],
      [formatDuration(totalNs), 10, 'right'],
      [nameOr(route), 26, 'left'],
      [text, 0, 'left'],
    ]),
  );
  const failed = view.failedQueries.map((query) =>
    row(columns, [
      [query.sqlState ?? 'failed', 8, 'left'],
      [`${formatDuration(query.endedBeforeNs)} ago`, 14, 'right'],
      [query.route ?? '(no request)', 26, 'left'],
      [query.text, 0, 'left'],
    ]),
  );
  const rated = view.rates !== undefined;
  const mark = (order: SortOrder, name: string): string => (order === sort ? `${name}*` : name);
  const columnTitles = (last: string): string =>
    row(columns, [
      [mark('time', rated ? 'LOAD' : 'TIME'), 10, 'right'],
      [mark('calls', rated ? 'CALLS/s' : 'CALLS'), 9, 'right'],
      [mark('mean', 'MEAN'), 10, 'right'],
      [mark('errors', 'ERRORS'), 8, 'right'],
      [last, 0, 'left'],
    ]);
  return [
    {
      title: row(columns, [
        ['PID', 10, 'left'],
        ['FOR', 10, 'right'],
        [`REQUEST (${view.openRequests.length} in flight)`, 26, 'left'],
        ['QUERY', 0, 'left'],
      ]),
      rows: requests,
      weight: 3,
    },
    {
      title: columnTitles('ROUTE'),
      rows: view.routes.map((rate) =>
        rateRow(columns, rated, rate, rate.row.requestCount, nameOr(rate.row.route), rate.row),
      ),
      weight: 2,
    },
    {
      title: columnTitles('STATEMENT'),
      rows: view.statements.map((rate) =>
        rateRow(columns, rated, rate, rate.row.callCount, statementsText(rate.row.text), rate.row),
      ),
      weight: 4,
    },
    { title: row(columns, [['POOLS', 0, 'left']]), rows: pools, weight: 1 },
    { title: row(columns, [['FINDINGS', 0, 'left']]), rows: findings, weight: 1 },
    {
      title: row(columns, [
        ['SQLSTATE', 8, 'left'],
        ['ENDED', 14, 'right'],
        ['FAILED QUERIES OF LATE', 26, 'left'],
        ['STATEMENT', 0, 'left'],
      ]),
      rows: failed,
      weight: 1,
    },
  ];
}

function rateRow<T>(
  columns: number,
  isRated: boolean,
  rate: RateRow<T>,
  calls: number,
  name: string,
  sums: { readonly totalNs: number },
): string {
  // A load of 1 is one query or request running all the time.
  const load = isRated ? (rate.nsPerSecond / 1e9).toFixed(3) : formatDuration(sums.totalNs);
  return row(columns, [
    [load, 10, 'right'],
    [formatCount(isRated ? rate.callsPerSecond : calls), 9, 'right'],
    [formatDuration(rate.meanNs), 10, 'right'],
    [formatCount(rate.errorCount), 8, 'right'],
    [name, 0, 'left'],
  ]);
}

/** Every section gets a line for each row as long as there are any, the heavier ones first. */
function fillSections(
  sections: readonly Section[],
  lineCount: number,
  { paint, columns }: FrameOptions,
): string[] {
  const shown = sections.filter(({ rows }) => rows.length > 0);
  const counts = shown.map(() => 0);
  // A blank line, a title, and then rows.
  let left = lineCount - 2 * shown.length;
  while (left > 0) {
    const before = left;
    shown.forEach(({ rows, weight }, index) => {
      const taken = counts[index] ?? 0;
      const more = Math.min(weight, rows.length - taken, left);
      counts[index] = taken + more;
      left -= more;
    });
    if (left === before) break;
  }
  return shown
    .flatMap(({ title, rows }, index) => [
      '',
      paint('inverse', fitText(title, columns)),
      ...rows.slice(0, counts[index]),
    ])
    .slice(0, lineCount);
}

function keysLine({ columns, sort, isPaused, paint }: FrameOptions): string {
  const text = `q quit  p ${isPaused ? 'go on' : 'pause'}  sort by: t time  c calls  m mean  e errors  (now: ${sort})`;
  return paint('dim', fitText(text, columns));
}

type Cell = readonly [text: string, width: number, align: 'left' | 'right'];

/** Cells side by side; the last one takes what is left. */
function row(columns: number, cells: readonly Cell[]): string {
  let line = '';
  cells.forEach(([text, width, align], index) => {
    const left = columns - widthOf(line);
    if (left <= 0) return;
    const isLast = index === cells.length - 1;
    line += isLast ? fitText(text, left) : fitText(text, Math.min(width, left), align);
    if (!isLast && widthOf(line) < columns) line += widthOf(line) + 2 <= columns ? '  ' : ' ';
  });
  return line.trimEnd();
}

function nameOr(name: string | undefined): string {
  return name === undefined || name === '' ? '(no name yet)' : name;
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
