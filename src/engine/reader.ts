/**
 * Reads a recorder's arena, whoever wrote it and wherever it lies: all that it takes is a way to
 * copy words out of it.
 */
import type {
  DroppedCounts,
  EndedQuery,
  EndedRequest,
  HistogramSnapshot,
  InFlightQuery,
  Outcome,
  RecorderSnapshot,
  RouteSnapshot,
  StatementIdentity,
  StatementSnapshot,
} from './engine.ts';
import {
  ENDED_QUERY,
  ENDED_REQUEST,
  HEADER,
  histogramWordsOf,
  IN_FLIGHT_QUERY,
  IN_FLIGHT_REQUEST,
  LAYOUT_VERSION,
  MAGIC,
  ROUTE_NAME_BYTES_MAX,
  ROUTE_SHAPE,
  ROUTE_TOTALS,
  STATEMENT_IDENTITY,
  STATEMENT_SHAPE,
  STATEMENT_TOTALS,
} from './layout.ts';
import type { ArenaLayout, HistogramShape } from './layout.ts';
import { highOf, lowOf, type ReadWords, readWord } from './words.ts';

export class ArenaReader {
  readonly #read: ReadWords;
  readonly #layout: ArenaLayout;
  /** By identity. A row never changes once it is taken, and there are `statementsMax` at most. */
  readonly #identities: StatementIdentity[] = [];
  #tornCount = 0;

  /** @throws Error if what `read` gives is no arena of this layout. */
  constructor(read: ReadWords, layout: ArenaLayout) {
    this.#read = read;
    this.#layout = layout;
    const header = this.#copy(0, HEADER.words);
    const isArena =
      lowOf(header, HEADER.magic) === MAGIC.low &&
      highOf(header, HEADER.magic) === MAGIC.high &&
      readWord(header, HEADER.version) === LAYOUT_VERSION &&
      readWord(header, HEADER.arenaWords) === layout.arenaWords;
    if (!isArena) throw new Error("The recorder's memory does not have the layout of this version");
  }

  statement(id: number): StatementIdentity | undefined {
    const known = this.#identities[id];
    if (known !== undefined) return known;
    const header = this.#copy(0, HEADER.words);
    if (!Number.isInteger(id) || id < 0 || id >= this.#statementCount(header)) return undefined;
    return this.#identityOf(id);
  }

  snapshot(takenAtNs: number): RecorderSnapshot {
    const header = this.#copy(0, HEADER.words);
    const queryCount = readWord(header, HEADER.queryCount);
    const requestCount = readWord(header, HEADER.requestCount);
    return {
      takenAtNs,
      queryCount,
      requestCount,
      statements: this.#statements(header),
      routes: this.#routes(header),
      inFlightQueries: this.#inFlightQueries(),
      inFlightRequests: this.#inFlightRequests(),
      recentQueries: this.#recentQueries(queryCount),
      recentRequests: this.#recentRequests(requestCount),
      dropped: this.#dropped(header),
    };
  }

  #dropped(header: Uint32Array): DroppedCounts {
    return {
      queries: readWord(header, HEADER.droppedQueries),
      requests: readWord(header, HEADER.droppedRequests),
      statements: readWord(header, HEADER.droppedStatements),
      torn: this.#tornCount,
    };
  }

  #statements(header: Uint32Array): StatementSnapshot[] {
    const layout = this.#layout;
    const count = this.#statementCount(header);
    const histogramWords = histogramWordsOf(STATEMENT_SHAPE);
    const totals = this.#copy(layout.statementTotals, count * STATEMENT_TOTALS.words);
    const histograms = this.#copy(layout.statementHistograms, count * histogramWords);
    const rows: StatementSnapshot[] = [];
    for (let id = 0; id < count; id += 1) {
      const row = id * STATEMENT_TOTALS.words;
      const callCount = readWord(totals, row + STATEMENT_TOTALS.callCount);
      // Row 0 stands for what found no place: most often there is no such thing.
      if (id === 0 && callCount === 0) continue;
      const zeroCount = readWord(totals, row + STATEMENT_TOTALS.zeroCount);
      rows.push({
        id,
        ...this.#identityOf(id),
        callCount,
        errorCount: readWord(totals, row + STATEMENT_TOTALS.errorCount),
        rowCount: readWord(totals, row + STATEMENT_TOTALS.rowCount),
        totalNs: readWord(totals, row + STATEMENT_TOTALS.totalNs),
        minNs: readWord(totals, row + STATEMENT_TOTALS.minNs),
        maxNs: readWord(totals, row + STATEMENT_TOTALS.maxNs),
        poolWaitNs: readWord(totals, row + STATEMENT_TOTALS.poolWaitNs),
        durations: histogramOf(histograms, id * histogramWords, STATEMENT_SHAPE, zeroCount),
      });
    }
    return rows;
  }

  #routes(header: Uint32Array): RouteSnapshot[] {
    const layout = this.#layout;
    const capacity = layout.capacities.routesMax + 1;
    const count = Math.min(readWord(header, HEADER.routeCount), capacity);
    const nameWords = ROUTE_NAME_BYTES_MAX / 8;
    const histogramWords = histogramWordsOf(ROUTE_SHAPE);
    const totals = this.#copy(layout.routeTotals, count * ROUTE_TOTALS.words);
    const names = this.#copy(layout.routeNames, count * nameWords);
    const histograms = this.#copy(layout.routeHistograms, count * histogramWords);
    const rows: RouteSnapshot[] = [];
    for (let id = 0; id < count; id += 1) {
      const row = id * ROUTE_TOTALS.words;
      const requestCount = readWord(totals, row + ROUTE_TOTALS.requestCount);
      if (id === 0 && requestCount === 0) continue;
      const nameBytes = readWord(totals, row + ROUTE_TOTALS.nameBytes);
      const zeroCount = readWord(totals, row + ROUTE_TOTALS.zeroCount);
      rows.push({
        id,
        route: textOf(names, id * nameWords * 8, Math.min(nameBytes, ROUTE_NAME_BYTES_MAX)),
        requestCount,
        errorCount: readWord(totals, row + ROUTE_TOTALS.errorCount),
        queryCount: readWord(totals, row + ROUTE_TOTALS.queryCount),
        totalNs: readWord(totals, row + ROUTE_TOTALS.totalNs),
        maxNs: readWord(totals, row + ROUTE_TOTALS.maxNs),
        durations: histogramOf(histograms, id * histogramWords, ROUTE_SHAPE, zeroCount),
      });
    }
    return rows;
  }

  #inFlightQueries(): InFlightQuery[] {
    const { inFlightQueries, capacities } = this.#layout;
    const slots = this.#slots(
      inFlightQueries,
      capacities.inFlightQueriesMax,
      IN_FLIGHT_QUERY.words,
    );
    return slots.rows.map((row) => ({
      statementId: lowOf(slots.copy, row + IN_FLIGHT_QUERY.statementId),
      requestHandle: readWord(slots.copy, row + IN_FLIGHT_QUERY.requestHandle),
      startNs: readWord(slots.copy, row + IN_FLIGHT_QUERY.startNs),
    }));
  }

  #inFlightRequests(): { handle: number; startNs: number }[] {
    const { inFlightRequests, capacities } = this.#layout;
    const slots = this.#slots(
      inFlightRequests,
      capacities.inFlightRequestsMax,
      IN_FLIGHT_REQUEST.words,
    );
    return slots.rows.map((row) => ({
      handle: readWord(slots.copy, row + IN_FLIGHT_REQUEST.handle),
      startNs: readWord(slots.copy, row + IN_FLIGHT_REQUEST.startNs),
    }));
  }

  /** Where the slots begin that are taken, oldest first. */
  #slots(first: number, count: number, slotWords: number): { copy: Uint32Array; rows: number[] } {
    const words = count * slotWords;
    const before = this.#copy(first, words);
    const copy = this.#copy(first, words);
    const after = this.#copy(first, words);
    const rows: number[] = [];
    for (let row = 0; row < words; row += slotWords) {
      if (readWord(copy, row + IN_FLIGHT_QUERY.handle) === 0) continue;
      const sequence = readWord(before, row);
      const isStable = sequence % 2 === 0 && readWord(after, row) === sequence;
      if (isStable) rows.push(row);
      else this.#tornCount += 1;
    }
    const startWord =
      slotWords === IN_FLIGHT_QUERY.words ? IN_FLIGHT_QUERY.startNs : IN_FLIGHT_REQUEST.startNs;
    rows.sort((a, b) => readWord(copy, a + startWord) - readWord(copy, b + startWord));
    return { copy, rows };
  }

  #recentQueries(queryCount: number): EndedQuery[] {
    const { recentQueries, capacities } = this.#layout;
    const ring = this.#ring(recentQueries, capacities.recentQueriesMax, queryCount);
    return ring.rows.map((row) => ({
      statementId: lowOf(ring.copy, row + ENDED_QUERY.statementAndOutcome),
      requestHandle: readWord(ring.copy, row + ENDED_QUERY.requestHandle),
      startNs: readWord(ring.copy, row + ENDED_QUERY.startNs),
      durationNs: readWord(ring.copy, row + ENDED_QUERY.durationNs),
      poolWaitNs: readWord(ring.copy, row + ENDED_QUERY.poolWaitNs),
      outcome: outcomeOf(highOf(ring.copy, row + ENDED_QUERY.statementAndOutcome)),
      rowCount: rowCountOf(ring.copy, row + ENDED_QUERY.rowCount),
    }));
  }

  #recentRequests(requestCount: number): EndedRequest[] {
    const { recentRequests, capacities } = this.#layout;
    const ring = this.#ring(recentRequests, capacities.recentRequestsMax, requestCount);
    return ring.rows.map((row) => ({
      routeId: lowOf(ring.copy, row + ENDED_REQUEST.routeAndStatus),
      startNs: readWord(ring.copy, row + ENDED_REQUEST.startNs),
      durationNs: readWord(ring.copy, row + ENDED_REQUEST.durationNs),
      statusCode: highOf(ring.copy, row + ENDED_REQUEST.routeAndStatus),
      queryCount: lowOf(ring.copy, row + ENDED_REQUEST.queriesAndOutcome),
      outcome: outcomeOf(highOf(ring.copy, row + ENDED_REQUEST.queriesAndOutcome)),
    }));
  }

  /** Where the records begin that are whole, oldest first. */
  #ring(first: number, capacity: number, count: number): { copy: Uint32Array; rows: number[] } {
    const recordWords = ENDED_QUERY.words;
    const oldest = Math.max(0, count - capacity);
    const words = Math.min(count, capacity) * recordWords;
    // The sequence has to be looked at before and after the record: three copies, in order.
    const before = this.#copy(first, words);
    const copy = this.#copy(first, words);
    const after = this.#copy(first, words);
    const rows: number[] = [];
    for (let number = oldest; number < count; number += 1) {
      const row = (number % capacity) * recordWords;
      const complete = 2 * number + 2;
      if (readWord(before, row) === complete && readWord(after, row) === complete) rows.push(row);
      else this.#tornCount += 1;
    }
    return { copy, rows };
  }

  #statementCount(header: Uint32Array): number {
    const capacity = this.#layout.capacities.statementsMax + 1;
    return Math.min(readWord(header, HEADER.statementCount), capacity);
  }

  #identityOf(id: number): StatementIdentity {
    const known = this.#identities[id];
    if (known !== undefined) return known;
    const { statementIdentities, texts, arenaWords } = this.#layout;
    const words = STATEMENT_IDENTITY.words;
    const row = this.#copy(statementIdentities + id * words, words);
    const byteOffset = lowOf(row, STATEMENT_IDENTITY.textOffsetAndBytes);
    const bytes = highOf(row, STATEMENT_IDENTITY.textOffsetAndBytes);
    const first = texts + Math.floor(byteOffset / 8);
    const end = Math.min(texts + Math.ceil((byteOffset + bytes) / 8), arenaWords);
    const identity = {
      fingerprint:
        hexOf(highOf(row, STATEMENT_IDENTITY.fingerprint)) +
        hexOf(lowOf(row, STATEMENT_IDENTITY.fingerprint)),
      text: textOf(this.#copy(first, Math.max(0, end - first)), byteOffset % 8, bytes),
    };
    this.#identities[id] = identity;
    return identity;
  }

  #copy(firstWord: number, words: number): Uint32Array {
    const target = new BigUint64Array(words);
    this.#read(firstWord, target);
    return new Uint32Array(target.buffer);
  }
}

function hexOf(half: number): string {
  return half.toString(16).padStart(8, '0');
}

function textOf(halves: Uint32Array, byteOffset: number, bytes: number): string {
  return Buffer.from(halves.buffer, halves.byteOffset, halves.byteLength).toString(
    'utf8',
    byteOffset,
    byteOffset + bytes,
  );
}

function outcomeOf(code: number): Outcome {
  return code === 1 ? 1 : 0;
}

function rowCountOf(halves: Uint32Array, word: number): number {
  return highOf(halves, word) === 0xffff_ffff ? -1 : readWord(halves, word);
}

function histogramOf(
  halves: Uint32Array,
  firstWord: number,
  shape: HistogramShape,
  zeroCount: number,
): HistogramSnapshot {
  const start = 2 * firstWord;
  const end = start + 2 * histogramWordsOf(shape);
  let first = start;
  while (first < end && halves[first] === 0) first += 1;
  let last = end;
  while (last > first && halves[last - 1] === 0) last -= 1;
  const firstIndex = shape.exponentMin << shape.scale;
  return {
    scale: shape.scale,
    offset: first === end ? 0 : firstIndex + first - start,
    counts: Array.from(halves.subarray(first, last)),
    zeroCount,
  };
}
