import type { NormalizedSql, NormalizeOptions } from '../../types/sql.ts';
import { NO_HANDLE, OTHER_ID, OUTCOME, REGISTER } from '../engine.ts';
import type {
  EngineRecorder,
  Outcome,
  RecorderCapacities,
  RecorderSnapshot,
  RequestOutcome,
  SnapshotOptions,
  StatementIdentity,
  Verdict,
} from '../engine.ts';
import {
  arenaLayoutOf,
  ENDED_QUERY,
  ENDED_REQUEST,
  HEADER,
  IN_FLIGHT_QUERY,
  IN_FLIGHT_REQUEST,
  RECORD,
} from '../layout.ts';
import type { ArenaLayout } from '../layout.ts';
import { ArenaReader } from '../reader.ts';
import { outcomeCodeOf } from '../sql-state.ts';
import { addToWord, highOf, lowOf, readWord, writeHalves, writeWord } from '../words.ts';
import { ArenaHeader } from './header.ts';
import { bucketIndexOf } from './histogram.ts';
import { HANDLE_KIND, InFlightTable } from './in-flight.ts';
import { beginRecord, endRecord } from './record.ts';
import { FindingTable, PoolTable } from './reports.ts';
import { RouteTable } from './routes.ts';
import { StatementTable } from './statements.ts';
import type { Call } from './statements.ts';
import { TextCache } from './text-cache.ts';

/** What a recorder needs of its engine. */
export interface PortableParts {
  readonly nowNs: () => number;
  readonly normalizeSql: (sql: string, options?: NormalizeOptions) => NormalizedSql;
  readonly calls: RecorderCalls;
}

/** How often each method ran, over all recorders of the engine. */
export type RecorderCalls = Record<
  | 'beginRequest'
  | 'nameRequest'
  | 'endRequest'
  | 'beginQuery'
  | 'beginWait'
  | 'endWait'
  | 'endQuery'
  | 'internStatement'
  | 'recordQuery'
  | 'recordFinding'
  | 'recordPool'
  | 'recordFault'
  | 'statement'
  | 'snapshot',
  number
>;

/** Tells the recorders of a thread apart in their handles. */
let recorderCount = 0;

/** Writes the same arena as the native engine, word for word. */
export class PortableRecorder implements EngineRecorder {
  readonly registers: Float64Array = new Float64Array(2);
  readonly #parts: PortableParts;
  readonly #layout: ArenaLayout;
  readonly #words: Uint32Array;
  readonly #header: ArenaHeader;
  readonly #queries: InFlightTable;
  readonly #requests: InFlightTable;
  readonly #statements: StatementTable;
  readonly #routes: RouteTable;
  readonly #pools: PoolTable;
  readonly #findings: FindingTable;
  /** One text means different things on connections that read backslashes differently. */
  readonly #texts: Readonly<Record<'unknown' | 'on' | 'off', TextCache>>;
  readonly #reader: ArenaReader;

  /**
   * @param arena memory for `arenaLayoutOf(capacities)`: all zeros, or an arena of the same
   * capacities whose thread has ended, to go on with.
   */
  constructor(capacities: RecorderCapacities, parts: PortableParts, arena?: BigUint64Array) {
    const layout = arenaLayoutOf(capacities);
    const memory = arena ?? new BigUint64Array(layout.arenaWords);
    const words = new Uint32Array(memory.buffer, memory.byteOffset, 2 * layout.arenaWords);
    const tag = (recorderCount % 255) + 1;
    recorderCount += 1;
    this.#parts = parts;
    this.#layout = layout;
    this.#words = words;
    this.#queries = new InFlightTable(
      words,
      layout.inFlightQueries,
      capacities.inFlightQueriesMax,
      HANDLE_KIND.query,
      tag,
    );
    this.#requests = new InFlightTable(
      words,
      layout.inFlightRequests,
      capacities.inFlightRequestsMax,
      HANDLE_KIND.request,
      tag,
    );
    this.#statements = new StatementTable(words, layout);
    this.#routes = new RouteTable(words, layout);
    this.#pools = new PoolTable(words, layout);
    this.#findings = new FindingTable(words, layout);
    const texts = (): TextCache => new TextCache(2 * capacities.statementsMax);
    this.#texts = { unknown: texts(), on: texts(), off: texts() };
    this.#header = new ArenaHeader(words, layout);
    this.#reader = new ArenaReader((firstWord, target) => {
      target.set(memory.subarray(firstWord, firstWord + target.length));
    });
  }

  beginRequest(route: string): number {
    this.#parts.calls.beginRequest += 1;
    const routeId = typeof route === 'string' && route !== '' ? this.#routes.intern(route) : 0;
    const startNs = this.#parts.nowNs();
    this.registers[REGISTER.startNs] = startNs;
    this.registers[REGISTER.statementId] = OTHER_ID;
    const handle = this.#beginRequest(startNs, routeId);
    if (handle === NO_HANDLE) this.#header.countDrop('requests', startNs);
    this.#header.noteActivity(handle, startNs);
    return handle;
  }

  nameRequest(handle: number, route: string): void {
    this.#parts.calls.nameRequest += 1;
    const slot = this.#requests.find(wholeOf(handle));
    if (slot === -1) return;
    const routeId = this.#routes.intern(typeof route === 'string' ? route : '');
    this.#requests.name(slot, routeId);
  }

  endRequest(
    handle: number,
    route: string,
    startNs: number,
    durationNs: number,
    statusCode: number,
    queryCount: number,
    outcome: RequestOutcome,
  ): number {
    this.#parts.calls.endRequest += 1;
    const ended = wholeOf(handle);
    if (ended !== NO_HANDLE && this.#requests.find(ended) === -1) return -1;
    const words = this.#words;
    const duration = wholeOf(durationNs < 0 ? this.#parts.nowNs() - wholeOf(startNs) : durationNs);
    const queries = whole32Of(queryCount);
    const isAborted = outcome === OUTCOME.aborted;
    const isError = outcome === OUTCOME.error || isAborted;
    const start = wholeOf(startNs);
    const routeId = this.#routes.intern(typeof route === 'string' ? route : '');
    const record = this.#beginRecord(
      this.#layout.recentRequests,
      this.#layout.capacities.recentRequestsMax,
      HEADER.requestCount,
    );
    writeWord(words, record + ENDED_REQUEST.startNs, start);
    writeWord(words, record + ENDED_REQUEST.durationNs, duration);
    writeHalves(words, record + ENDED_REQUEST.routeAndStatus, routeId, whole32Of(statusCode));
    writeHalves(words, record + ENDED_REQUEST.queriesAndOutcome, queries, isError ? outcome : 0);
    writeWord(words, record + ENDED_REQUEST.handle, ended);
    this.#endRecord(record, HEADER.requestCount);
    this.#routes.record(routeId, duration, queries, isError);
    this.#header.addRequest(duration, isError);
    if (routeId === OTHER_ID) this.#header.countDrop('routes', start + duration);
    this.#header.noteActivity(ended, start + duration);
    this.#requests.end(ended);
    return duration;
  }

  beginQuery(
    sql: string,
    requestHandle: number,
    poolWaitNs: number,
    standardConformingStrings?: boolean,
  ): number {
    this.#parts.calls.beginQuery += 1;
    const statementId = this.#intern(sql, standardConformingStrings);
    const startNs = this.#parts.nowNs();
    this.registers[REGISTER.startNs] = startNs;
    this.registers[REGISTER.statementId] = statementId;
    const words = this.#words;
    const request = wholeOf(requestHandle);
    this.#header.noteActivity(request, startNs);
    const slot = this.#queries.begin();
    if (slot === -1) {
      this.#header.countDrop('queries', startNs);
      return NO_HANDLE;
    }
    writeWord(words, slot + IN_FLIGHT_QUERY.requestHandle, request);
    writeWord(words, slot + IN_FLIGHT_QUERY.startNs, startNs);
    writeWord(words, slot + IN_FLIGHT_QUERY.statementAndWait, statementId);
    writeWord(words, slot + IN_FLIGHT_QUERY.poolWaitNs, wholeOf(poolWaitNs));
    this.#statements.hold(statementId);
    return this.#queries.publish(slot);
  }

  beginWait(statementId: number, requestHandle: number): number {
    this.#parts.calls.beginWait += 1;
    const wanted = whole32Of(statementId);
    const known = this.#statements.isCurrent(wanted) ? wanted : OTHER_ID;
    const startNs = this.#parts.nowNs();
    this.registers[REGISTER.startNs] = startNs;
    this.registers[REGISTER.statementId] = known;
    const request = wholeOf(requestHandle);
    this.#header.noteActivity(request, startNs);
    const { freeCount, slotCount } = this.#queries;
    const slot = freeCount > Math.floor(slotCount / 4) ? this.#queries.begin() : -1;
    if (slot === -1) {
      this.#header.countDrop('waits', startNs);
      return NO_HANDLE;
    }
    const words = this.#words;
    writeWord(words, slot + IN_FLIGHT_QUERY.requestHandle, request);
    writeWord(words, slot + IN_FLIGHT_QUERY.startNs, startNs);
    writeHalves(words, slot + IN_FLIGHT_QUERY.statementAndWait, known, 1);
    writeWord(words, slot + IN_FLIGHT_QUERY.poolWaitNs, 0);
    this.#statements.hold(known);
    return this.#queries.publish(slot);
  }

  endWait(handle: number, isTimedOut: boolean, startNs = 0): number {
    this.#parts.calls.endWait += 1;
    const endNs = this.#parts.nowNs();
    const ended = wholeOf(handle);
    if (ended === NO_HANDLE) {
      const start = wholeOf(startNs);
      return start === 0 ? -1 : this.#recordWait(Math.max(0, endNs - start), isTimedOut);
    }
    const slot = this.#queries.find(ended);
    if (slot === -1 || !this.#isWait(slot)) return -1;
    const words = this.#words;
    const waitNs = Math.max(0, endNs - readWord(words, slot + IN_FLIGHT_QUERY.startNs));
    this.#header.noteActivity(readWord(words, slot + IN_FLIGHT_QUERY.requestHandle), endNs);
    this.#recordWait(waitNs, isTimedOut);
    this.#queries.end(ended);
    this.#statements.release(lowOf(words, slot + IN_FLIGHT_QUERY.statementAndWait));
    return waitNs;
  }

  endQuery(handle: number, outcome: Outcome, rowCount: number, sqlState?: string): number {
    this.#parts.calls.endQuery += 1;
    const endNs = this.#parts.nowNs();
    const ended = wholeOf(handle);
    const slot = this.#queries.find(ended);
    if (slot === -1 || this.#isWait(slot)) return -1;
    const words = this.#words;
    const startNs = readWord(words, slot + IN_FLIGHT_QUERY.startNs);
    const statementId = lowOf(words, slot + IN_FLIGHT_QUERY.statementAndWait);
    const durationNs = Math.max(0, endNs - startNs);
    const call = {
      durationNs,
      poolWaitNs: readWord(words, slot + IN_FLIGHT_QUERY.poolWaitNs),
      isError: outcome === 1,
      rowCount: rowCountOf(rowCount),
    };
    const request = readWord(words, slot + IN_FLIGHT_QUERY.requestHandle);
    this.#record(statementId, request, startNs, call, outcomeCodeOf(outcome, sqlState));
    this.#queries.end(ended);
    this.#statements.release(statementId);
    return durationNs;
  }

  internStatement(sql: string, standardConformingStrings?: boolean): number {
    this.#parts.calls.internStatement += 1;
    return this.#intern(sql, standardConformingStrings);
  }

  recordQuery(
    statementId: number,
    requestHandle: number,
    startNs: number,
    durationNs: number,
    poolWaitNs: number,
    outcome: Outcome,
    rowCount: number,
    sqlState?: string,
  ): void {
    this.#parts.calls.recordQuery += 1;
    const wanted = whole32Of(statementId);
    const known = this.#statements.isCurrent(wanted) ? wanted : OTHER_ID;
    const call = {
      durationNs: wholeOf(durationNs),
      poolWaitNs: wholeOf(poolWaitNs),
      isError: outcome === 1,
      rowCount: rowCountOf(rowCount),
    };
    const code = outcomeCodeOf(outcome, sqlState);
    this.#record(known, wholeOf(requestHandle), wholeOf(startNs), call, code);
  }

  recordFinding(
    verdict: Verdict,
    statementId: number,
    route: string,
    queryCount: number,
    totalNs: number,
  ): void {
    this.#parts.calls.recordFinding += 1;
    if (wholeOf(verdict) === 0) return;
    const nowNs = this.#parts.nowNs();
    const id = whole32Of(statementId);
    const hasReplaced = this.#findings.add({
      verdict,
      fingerprint: this.#statements.fingerprintOf(id),
      statementId: id,
      routeId: this.#routes.intern(typeof route === 'string' ? route : ''),
      queryCount: wholeOf(queryCount),
      totalNs: wholeOf(totalNs),
      nowNs,
    });
    if (hasReplaced) this.#header.countDrop('findings', nowNs);
  }

  recordPool(
    row: number,
    name: string,
    total: number,
    idle: number,
    waiting: number,
    max: number,
  ): void {
    this.#parts.calls.recordPool += 1;
    const updatedNs = this.#parts.nowNs();
    const hasRow = this.#pools.report(whole32Of(row), {
      name: typeof name === 'string' ? name : '',
      total: wholeOf(total),
      idle: wholeOf(idle),
      waiting: wholeOf(waiting),
      max: wholeOf(max),
      updatedNs,
    });
    if (!hasRow) this.#header.countDrop('pools', updatedNs);
  }

  recordFault(): void {
    this.#parts.calls.recordFault += 1;
    addToWord(this.#words, HEADER.faultCount, 1);
  }

  statement(id: number): StatementIdentity | undefined {
    this.#parts.calls.statement += 1;
    return this.#reader.statement(id);
  }

  snapshot(options?: SnapshotOptions): RecorderSnapshot {
    this.#parts.calls.snapshot += 1;
    return this.#reader.snapshot(this.#parts.nowNs(), options);
  }

  #beginRequest(startNs: number, routeId: number): number {
    const slot = this.#requests.begin();
    if (slot === -1) return NO_HANDLE;
    writeWord(this.#words, slot + IN_FLIGHT_REQUEST.startNs, startNs);
    if (routeId !== OTHER_ID) this.#requests.name(slot, routeId);
    return this.#requests.publish(slot);
  }

  #intern(sql: string, standardConformingStrings: boolean | undefined): number {
    const text = typeof sql === 'string' ? sql : '';
    const texts = this.#textsOf(standardConformingStrings);
    const known = texts.get(text);
    if (known !== undefined && this.#statements.isCurrent(known)) return known;
    const options = standardConformingStrings === undefined ? {} : { standardConformingStrings };
    const id = this.#statements.intern(this.#parts.normalizeSql(text, options));
    // What found no room may find some the next time.
    if (id !== OTHER_ID) texts.put(text, id);
    return id;
  }

  #isWait(slot: number): boolean {
    return highOf(this.#words, slot + IN_FLIGHT_QUERY.statementAndWait) === 1;
  }

  /** The wait of one that got a client is its query's. */
  #recordWait(waitNs: number, isTimedOut: boolean): number {
    if (isTimedOut) {
      addToWord(this.#words, HEADER.poolWaitNs, waitNs);
      addToWord(this.#words, HEADER.poolTimeoutCount, 1);
    }
    return waitNs;
  }

  #textsOf(standardConformingStrings: boolean | undefined): TextCache {
    if (standardConformingStrings === undefined) return this.#texts.unknown;
    return standardConformingStrings ? this.#texts.on : this.#texts.off;
  }

  #record(
    statementId: number,
    requestHandle: number,
    startNs: number,
    call: Call,
    outcomeCode: number,
  ): void {
    const words = this.#words;
    const { durationNs, rowCount } = call;
    const record = this.#beginRecord(
      this.#layout.recentQueries,
      this.#layout.capacities.recentQueriesMax,
      HEADER.queryCount,
    );
    writeWord(words, record + ENDED_QUERY.requestHandle, requestHandle);
    writeWord(words, record + ENDED_QUERY.startNs, startNs);
    writeWord(words, record + ENDED_QUERY.durationNs, durationNs);
    writeWord(words, record + ENDED_QUERY.poolWaitNs, call.poolWaitNs);
    writeHalves(words, record + ENDED_QUERY.statementAndOutcome, statementId, outcomeCode);
    if (rowCount === -1) {
      writeHalves(words, record + ENDED_QUERY.rowCount, 0xffff_ffff, 0xffff_ffff);
    } else {
      writeWord(words, record + ENDED_QUERY.rowCount, rowCount);
    }
    this.#endRecord(record, HEADER.queryCount);
    const bucket = durationNs === 0 ? 0 : bucketIndexOf(durationNs);
    this.#statements.record(statementId, call, this.#header.queryCount, bucket);
    this.#header.addQuery(call, bucket);
    if (statementId === OTHER_ID) this.#header.countDrop('statements', startNs + durationNs);
    this.#header.noteActivity(requestHandle, startNs + durationNs);
  }

  /** Marks the next record of a ring as being written, and says where it lies. */
  #beginRecord(first: number, capacity: number, countWord: number): number {
    const number = readWord(this.#words, countWord);
    const record = first + (number % capacity) * RECORD.words;
    beginRecord(this.#words, record, 2 * number + 1);
    return record;
  }

  #endRecord(record: number, countWord: number): void {
    endRecord(this.#words, record, RECORD.checksum);
    addToWord(this.#words, countWord, 1);
  }
}

/** Anything but a whole number from 0 to 2^53-1 is cut to one; what is no number is 0. */
function wholeOf(value: number): number {
  // Also false for NaN.
  if (!(typeof value === 'number' && value >= 1)) return 0;
  return Math.min(Math.trunc(value), Number.MAX_SAFE_INTEGER);
}

function rowCountOf(value: number): number {
  return value >= 0 ? wholeOf(value) : -1;
}

function whole32Of(value: number): number {
  return Math.min(wholeOf(value), 0xffff_ffff);
}
