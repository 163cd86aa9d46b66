import type { LastQuery, OpenQuery, OpenRequest } from '../../segments/index.ts';
import { isoOf } from '../json.ts';
import type { Painter } from '../paint.ts';
import { fitText, formatCount, formatDuration, visibleText, waitingText } from '../text.ts';
import type { Cause, Death } from './death.ts';

/** Lines of each list; the rest is counted. */
const LINES_MAX = 50;
/** A statement may have 8 kB. */
const TEXT_COLUMNS_MAX = 500;

/** The death in lines for people, none wider than `columns`. */
export function describeDeath(death: Death, columns: number, paint: Painter): string[] {
  const { process, requests, otherQueries, busyLoops, lastQueries } = death;
  const line = (text: string): string =>
    columns < TEXT_COLUMNS_MAX ? fitText(text, columns).trimEnd() : visibleText(text);
  const title = (text: string): string[] => ['', paint('bold', line(text))];
  const { totals, dropped } = sumsOf(death);
  return [
    paint(
      'bold',
      line(
        `${process.appName || process.scriptName || '(no name)'}, pid ${process.pid}: ${sentenceOf(death.cause)}`,
      ),
    ),
    line(`last sign of life ${isoOf(process.aliveAt) ?? 'unknown'}`),
    line(
      `had run for ${formatDuration(Math.max(0, (process.aliveAt - process.startedAt) * 1e6))}` +
        ` (${[process.scriptName, process.runtimeVersion, `${process.engine} engine`].filter(Boolean).join(', ')})`,
    ),
    line(
      `${formatCount(totals.requests)} requests and ${formatCount(totals.queries)} queries had ended` +
        (dropped === 0 ? '' : `; ${formatCount(dropped)} could not be written down in full`),
    ),
    ...(totals.poolTimeouts === 0
      ? []
      : [line(`${plural(totals.poolTimeouts, 'wait')} for a client had ended without one`)]),
    ...(totals.faults === 0
      ? []
      : [line(`${plural(totals.faults, 'fault')} of hyperdjango's own had been caught`)]),
    ...process.problems.map((problem) => paint('yellow', line(problem))),
    ...busyLoops.map(({ threadId, busyNs }) =>
      line(`the event loop of thread ${threadId} had been busy for ${formatDuration(busyNs)}`),
    ),
    ...title(
      requests.length === 0 ? 'No request was in flight' : `Requests in flight: ${requests.length}`,
    ),
    ...requests.slice(0, LINES_MAX).flatMap((request) => requestLines(request).map(line)),
    ...restLine(requests.length),
    ...(otherQueries.length === 0
      ? []
      : [
          ...title(`Queries in flight outside requests: ${otherQueries.length}`),
          ...otherQueries.slice(0, LINES_MAX).map((query) => line(`  ${openQueryText(query)}`)),
          ...restLine(otherQueries.length),
        ]),
    ...(lastQueries.length === 0 ? [] : title('Last queries that ended, the latest first')),
    ...lastQueries.map((query) =>
      line(
        `  ${durationColumn(query.elapsedNs)}  ${formatDuration(query.endedBeforeNs)} before` +
          `${failureText(query)}: ${cut(query.text)}`,
      ),
    ),
  ];
}

/** Such as `exited with code 1`. */
export function sentenceOf(cause: Cause): string {
  if (cause.kind === 'exited') return `exited with code ${cause.code}`;
  return cause.kind === 'killed'
    ? 'killed: it was gone without a word'
    : 'died of an uncaught exception';
}

function requestLines(request: OpenRequest): string[] {
  const { route, elapsedNs, threadId, queries, lastQuery } = request;
  const thread = threadId === 0 ? '' : ` in thread ${threadId}`;
  const first = `  ${durationColumn(elapsedNs)}  ${route ?? '(no route yet)'}${thread}`;
  if (queries.length > 0) {
    return [first, ...queries.map((query) => `    ${openQueryText(query)}`)];
  }
  const last =
    lastQuery === undefined
      ? 'no query'
      : `no query; the last was ${cut(lastQuery.text)}${failureText(lastQuery)}`;
  return [first, `    ${' '.repeat(10)}  ${last}`];
}

function openQueryText({ text, elapsedNs, isWaiting }: OpenQuery): string {
  return `${durationColumn(elapsedNs)}  ${isWaiting ? waitingText(cut(text)) : cut(text)}`;
}

/** Such as `, failed (SQLSTATE 23505)`; empty where it succeeded. */
function failureText({ isError, sqlState }: LastQuery): string {
  if (!isError) return '';
  return sqlState === undefined ? ', failed' : `, failed (SQLSTATE ${sqlState})`;
}

function plural(count: number, one: string): string {
  return `${formatCount(count)} ${one}${count === 1 ? '' : 's'}`;
}

function durationColumn(ns: number): string {
  return formatDuration(ns).padStart(10);
}

function cut(text: string): string {
  return text.length <= TEXT_COLUMNS_MAX ? text : `${text.slice(0, TEXT_COLUMNS_MAX - 1)}…`;
}

function restLine(count: number): string[] {
  return count > LINES_MAX ? [`  … and ${count - LINES_MAX} more`] : [];
}

function sumsOf({ process }: Death): {
  totals: { requests: number; queries: number; poolTimeouts: number; faults: number };
  dropped: number;
} {
  const totals = { requests: 0, queries: 0, poolTimeouts: 0, faults: 0 };
  let dropped = 0;
  for (const { records } of process.threads) {
    totals.requests += records.requestCount;
    totals.queries += records.queryCount;
    totals.poolTimeouts += records.totals.poolTimeoutCount;
    totals.faults += records.totals.faultCount;
    dropped += records.dropped.queries + records.dropped.requests + records.dropped.torn;
  }
  return { totals, dropped };
}
