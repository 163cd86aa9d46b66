import type { NormalizedSql } from '../../types/sql.ts';
import { NO_HANDLE, OTHER_ID, REGISTER } from '../engine.ts';
import type {
  EngineRecorder,
  Outcome,
  RecorderCapacities,
  RecorderSnapshot,
  StatementIdentity,
} from '../engine.ts';
import {
  arenaLayoutOf,
  CAPACITY_NAMES,
  ENDED_QUERY,
  ENDED_REQUEST,
  HEADER,
  IN_FLIGHT_QUERY,
  IN_FLIGHT_REQUEST,
  LAYOUT_VERSION,
  MAGIC,
} from '../layout.ts';
import type { ArenaLayout } from '../layout.ts';
import { ArenaReader } from '../reader.ts';
import { addToWord, lowOf, readWord, writeHalves, writeWord } from '../words.ts';
import { HANDLE_KIND, InFlightTable } from './in-flight.ts';
import { RouteTable, StatementTable } from './tables.ts';
import { TextCache } from './text-cache.ts';

/** What a recorder needs of its engine. */
export interface PortableParts {
  readonly nowNs: () => number;
  readonly normalizeSql: (sql: string) => NormalizedSql;
  readonly calls: RecorderCalls;
}

/** How often each method ran, over all recorders of the engine. */
export type RecorderCalls = Record<
  | 'beginRequest'
  | 'endRequest'
  | 'beginQuery'
  | 'endQuery'
  | 'internStatement'
  | 'recordQuery'
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
  readonly #queries: InFlightTable;
  readonly #requests: InFlightTable;
  readonly #statements: StatementTable;
  readonly #routes: RouteTable;
  readonly #texts: TextCache;
  readonly #reader: ArenaReader;

  constructor(capacities: RecorderCapacities, parts: PortableParts) {
    const layout = arenaLayoutOf(capacities);
    const arena = new BigUint64Array(layout.arenaWords);
    const words = new Uint32Array(arena.buffer);
    const tag = (recorderCount % 255) + 1;
    recorderCount += 1;
    writeHeader(words, layout);
    this.#parts = parts;
    this.#layout = layout;
    this.#words = words;
    this.#queries = new InFlightTable(
      words,
      layout.inFlightQueries,
      capacities.inFlightQueriesMax,
      IN_FLIGHT_QUERY.words,
      HANDLE_KIND.query,
      tag,
    );
    this.#requests = new InFlightTable(
      words,
      layout.inFlightRequests,
      capacities.inFlightRequestsMax,
      IN_FLIGHT_REQUEST.words,
      HANDLE_KIND.request,
      tag,
    );
    this.#statements = new StatementTable(words, layout);
    this.#routes = new RouteTable(words, layout);
    this.#texts = new TextCache(2 * capacities.statementsMax);
    this.#reader = new ArenaReader((firstWord, target) => {
      target.set(arena.subarray(firstWord, firstWord + target.length));
    }, layout);
  }

  beginRequest(): number {
    this.#parts.calls.beginRequest += 1;
    const startNs = this.#parts.nowNs();
    this.registers[REGISTER.startNs] = startNs;
    this.registers[REGISTER.statementId] = OTHER_ID;
    const payload = this.#requests.begin();
    if (payload === -1) {
      addToWord(this.#words, HEADER.droppedRequests, 1);
      return NO_HANDLE;
    }
    writeWord(this.#words, payload, startNs);
    return this.#requests.publish(payload);
  }

  endRequest(
    handle: number,
    route: string,
    startNs: number,
    durationNs: number,
    statusCode: number,
    queryCount: number,
    outcome: Outcome,
  ): void {
    this.#parts.calls.endRequest += 1;
    const ended = wholeOf(handle);
    if (ended !== NO_HANDLE && this.#requests.find(ended) === -1) return;
    const words = this.#words;
    const duration = wholeOf(durationNs);
    const queries = whole32Of(queryCount);
    const isError = outcome === 1;
    const routeId = this.#routes.intern(typeof route === 'string' ? route : '');
    const record = this.#beginRecord(
      this.#layout.recentRequests,
      this.#layout.capacities.recentRequestsMax,
      HEADER.requestCount,
    );
    writeWord(words, record + ENDED_REQUEST.startNs, wholeOf(startNs));
    writeWord(words, record + ENDED_REQUEST.durationNs, duration);
    writeHalves(words, record + ENDED_REQUEST.routeAndStatus, routeId, whole32Of(statusCode));
    writeHalves(words, record + ENDED_REQUEST.queriesAndOutcome, queries, isError ? 1 : 0);
    this.#endRecord(record, HEADER.requestCount);
    this.#routes.record(routeId, duration, queries, isError);
    this.#requests.end(ended);
  }

  beginQuery(sql: string, requestHandle: number, poolWaitNs: number): number {
    this.#parts.calls.beginQuery += 1;
    const statementId = this.#intern(sql);
    const startNs = this.#parts.nowNs();
    this.registers[REGISTER.startNs] = startNs;
    this.registers[REGISTER.statementId] = statementId;
    const words = this.#words;
    const payload = this.#queries.begin();
    if (payload === -1) {
      addToWord(words, HEADER.droppedQueries, 1);
      return NO_HANDLE;
    }
    const slot = payload - IN_FLIGHT_QUERY.requestHandle;
    writeWord(words, slot + IN_FLIGHT_QUERY.requestHandle, wholeOf(requestHandle));
    writeWord(words, slot + IN_FLIGHT_QUERY.startNs, startNs);
    writeWord(words, slot + IN_FLIGHT_QUERY.statementId, statementId);
    writeWord(words, slot + IN_FLIGHT_QUERY.poolWaitNs, wholeOf(poolWaitNs));
    return this.#queries.publish(payload);
  }

  endQuery(handle: number, outcome: Outcome, rowCount: number): number {
    this.#parts.calls.endQuery += 1;
    const endNs = this.#parts.nowNs();
    const ended = wholeOf(handle);
    const payload = this.#queries.find(ended);
    if (payload === -1) return -1;
    const words = this.#words;
    const slot = payload - IN_FLIGHT_QUERY.requestHandle;
    const startNs = readWord(words, slot + IN_FLIGHT_QUERY.startNs);
    const durationNs = Math.max(0, endNs - startNs);
    this.#record(
      lowOf(words, slot + IN_FLIGHT_QUERY.statementId),
      readWord(words, slot + IN_FLIGHT_QUERY.requestHandle),
      startNs,
      durationNs,
      readWord(words, slot + IN_FLIGHT_QUERY.poolWaitNs),
      outcome,
      rowCount,
    );
    this.#queries.end(ended);
    return durationNs;
  }

  internStatement(sql: string): number {
    this.#parts.calls.internStatement += 1;
    return this.#intern(sql);
  }

  recordQuery(
    statementId: number,
    requestHandle: number,
    startNs: number,
    durationNs: number,
    poolWaitNs: number,
    outcome: Outcome,
    rowCount: number,
  ): void {
    this.#parts.calls.recordQuery += 1;
    const wanted = whole32Of(statementId);
    this.#record(
      wanted < this.#statements.count ? wanted : OTHER_ID,
      wholeOf(requestHandle),
      wholeOf(startNs),
      wholeOf(durationNs),
      wholeOf(poolWaitNs),
      outcome,
      rowCount,
    );
  }

  statement(id: number): StatementIdentity | undefined {
    this.#parts.calls.statement += 1;
    return this.#reader.statement(id);
  }

  snapshot(): RecorderSnapshot {
    this.#parts.calls.snapshot += 1;
    return this.#reader.snapshot(this.#parts.nowNs());
  }

  #intern(sql: string): number {
    const text = typeof sql === 'string' ? sql : '';
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const id = this.#statements.intern(this.#parts.normalizeSql(text));
    this.#texts.set(text, id);
    return id;
  }

  #record(
    statementId: number,
    requestHandle: number,
    startNs: number,
    durationNs: number,
    poolWaitNs: number,
    outcome: Outcome,
    rowCount: number,
  ): void {
    const words = this.#words;
    const isError = outcome === 1;
    const rows = rowCount >= 0 ? wholeOf(rowCount) : -1;
    const record = this.#beginRecord(
      this.#layout.recentQueries,
      this.#layout.capacities.recentQueriesMax,
      HEADER.queryCount,
    );
    writeWord(words, record + ENDED_QUERY.requestHandle, requestHandle);
    writeWord(words, record + ENDED_QUERY.startNs, startNs);
    writeWord(words, record + ENDED_QUERY.durationNs, durationNs);
    writeWord(words, record + ENDED_QUERY.poolWaitNs, poolWaitNs);
    writeHalves(words, record + ENDED_QUERY.statementAndOutcome, statementId, isError ? 1 : 0);
    if (rows === -1) writeHalves(words, record + ENDED_QUERY.rowCount, 0xffff_ffff, 0xffff_ffff);
    else writeWord(words, record + ENDED_QUERY.rowCount, rows);
    this.#endRecord(record, HEADER.queryCount);
    this.#statements.record(statementId, durationNs, poolWaitNs, isError, rows);
    if (statementId === OTHER_ID) addToWord(words, HEADER.droppedStatements, 1);
  }

  /** Marks the next record of a ring as being written, and says where it lies. */
  #beginRecord(first: number, capacity: number, countWord: number): number {
    const number = readWord(this.#words, countWord);
    const record = first + (number % capacity) * ENDED_QUERY.words;
    writeWord(this.#words, record + ENDED_QUERY.sequence, 2 * number + 1);
    return record;
  }

  #endRecord(record: number, countWord: number): void {
    const number = readWord(this.#words, countWord);
    writeWord(this.#words, record + ENDED_QUERY.sequence, 2 * number + 2);
    writeWord(this.#words, countWord, number + 1);
  }
}

function writeHeader(words: Uint32Array, layout: ArenaLayout): void {
  writeHalves(words, HEADER.magic, MAGIC.low, MAGIC.high);
  writeWord(words, HEADER.version, LAYOUT_VERSION);
  writeWord(words, HEADER.arenaWords, layout.arenaWords);
  CAPACITY_NAMES.forEach((name, index) => {
    writeWord(words, HEADER.capacities + index, layout.capacities[name]);
  });
}

/** Anything but a whole number from 0 to 2^53-1 is cut to one; what is no number is 0. */
function wholeOf(value: number): number {
  // Also false for NaN.
  if (!(typeof value === 'number' && value >= 1)) return 0;
  return Math.min(Math.trunc(value), Number.MAX_SAFE_INTEGER);
}

function whole32Of(value: number): number {
  return Math.min(wholeOf(value), 0xffff_ffff);
}
