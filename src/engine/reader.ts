/**
 * Reads a recorder's arena, whoever wrote it and wherever it lies: all that it takes is a way to
 * copy words out of it. Nothing that stands there is trusted: what does not fit together is left
 * out and counted as torn.
 */
import { ArenaCopier, hexOf, histogramOf, textOf } from './arena.ts';
import type { Row } from './arena.ts';
import { hasValidChecksum, routeCheckOf } from './checksum.ts';
import type {
  DropKind,
  DroppedCounts,
  EndedQuery,
  EndedRequest,
  FindingSnapshot,
  InFlightQuery,
  InFlightRequest,
  PoolSnapshot,
  RecorderCapacities,
  RecorderSnapshot,
  RecorderTotals,
  RequestOutcome,
  RouteSnapshot,
  SnapshotOptions,
  StatementIdentity,
  TimeRange,
} from './engine.ts';
import { OUTCOME } from './engine.ts';
import { EMPTY_HISTOGRAM } from './histogram.ts';
import {
  arenaLayoutOf,
  CAPACITY_NAMES,
  DROP,
  DROP_KINDS,
  ENDED_QUERY,
  ENDED_REQUEST,
  FINDING,
  FINDINGS_MAX,
  HEADER,
  histogramWordsOf,
  IN_FLIGHT,
  IN_FLIGHT_QUERY,
  IN_FLIGHT_REQUEST,
  LAYOUT_VERSION,
  MAGIC,
  POOL,
  POOLS_MAX,
  QUERY_SHAPE,
  RECORD,
  ROUTE_NAME_BYTES_MAX,
  ROUTE_SHAPE,
  ROUTE_TOTALS,
} from './layout.ts';
import type { ArenaLayout } from './layout.ts';
import { outcomeOfCode, sqlStateOfCode } from './sql-state.ts';
import { StatementDictionary } from './statement-dictionary.ts';
import { StatementReader } from './statement-reader.ts';
import { withStatements } from './statement-table.ts';
import { highOf, lowOf, type ReadWords, readWord } from './words.ts';

export class ArenaReader {
  readonly #arena: ArenaCopier;
  readonly #layout: ArenaLayout;
  readonly #statements: StatementReader;

  /**
   * @param firstWord where the arena begins in what `read` reads.
   * @param dictionary of all arenas that are read together.
   * @throws Error if there is no arena of this layout; the message says what is there instead.
   */
  constructor(
    read: ReadWords,
    firstWord: number = 0,
    dictionary: StatementDictionary = new StatementDictionary(),
  ) {
    this.#arena = new ArenaCopier(read, firstWord);
    this.#layout = layoutIn(this.#arena.copy(0, HEADER.words));
    this.#statements = new StatementReader(this.#arena, this.#layout, dictionary);
  }

  /** Words from the arena's first one on. */
  get arenaWords(): number {
    return this.#layout.arenaWords;
  }

  statement(id: number): StatementIdentity | undefined {
    return this.#statements.statement(id);
  }

  /** @param takenAtNs what the snapshot is to give as its time. */
  snapshot(
    takenAtNs: number,
    { histograms = true, recent = true }: SnapshotOptions = {},
  ): RecorderSnapshot {
    const layout = this.#layout;
    const { capacities } = layout;
    // First what is only there for a moment, and before the statements that it refers to.
    const inFlightQueries = this.#slots(layout.inFlightQueries, capacities.inFlightQueriesMax);
    const inFlightRequests = this.#slots(layout.inFlightRequests, capacities.inFlightRequestsMax);
    const ring = (first: number, capacity: number, countWord: number): Row[] =>
      recent ? this.#ring(first, capacity, countWord) : [];
    const recentQueries = ring(
      layout.recentQueries,
      capacities.recentQueriesMax,
      HEADER.queryCount,
    );
    const recentRequests = ring(
      layout.recentRequests,
      capacities.recentRequestsMax,
      HEADER.requestCount,
    );
    const statements = this.#statements.read(histograms);
    const header = this.#header();
    const snapshot = {
      takenAtNs,
      queryCount: readWord(header, HEADER.queryCount),
      requestCount: readWord(header, HEADER.requestCount),
      totals: this.#totals(header),
      areStatementsConsistent: statements.isConsistent,
      evictedStatementCount: Math.floor(readWord(header, HEADER.evictionSequence) / 2),
      routes: this.#routes(header, histograms),
      inFlightQueries: inFlightQueries.map(inFlightQueryOf).sort(byStart),
      inFlightRequests: inFlightRequests.map(inFlightRequestOf).sort(byStart),
      recentQueries: recentQueries.map(endedQueryOf),
      recentRequests: recentRequests.map(endedRequestOf),
      pools: this.#pools(),
      findings: this.#findings(),
      lastActive: {
        atNs: readWord(header, HEADER.lastActiveNs),
        requestHandle: readWord(header, HEADER.lastRequestHandle),
      },
      ...this.#drops(header),
    };
    return withStatements(snapshot, statements.table);
  }

  #header(): Uint32Array {
    return this.#arena.copy(0, HEADER.words);
  }

  #totals(header: Uint32Array): RecorderTotals {
    const zeroCount = readWord(header, HEADER.zeroCount);
    const durations = this.#arena.copy(this.#layout.queryHistogram, histogramWordsOf(QUERY_SHAPE));
    return {
      errorCount: readWord(header, HEADER.errorCount),
      rowCount: readWord(header, HEADER.rowCount),
      totalNs: readWord(header, HEADER.totalNs),
      poolWaitNs: readWord(header, HEADER.poolWaitNs),
      poolTimeoutCount: readWord(header, HEADER.poolTimeoutCount),
      durations: histogramOf(durations, 0, QUERY_SHAPE, zeroCount),
      requestErrorCount: readWord(header, HEADER.requestErrorCount),
      requestTotalNs: readWord(header, HEADER.requestTotalNs),
      faultCount: readWord(header, HEADER.faultCount),
    };
  }

  #drops(header: Uint32Array): Pick<RecorderSnapshot, 'dropped' | 'dropRanges'> {
    const dropped: Record<keyof DroppedCounts, number> = {
      queries: 0,
      requests: 0,
      statements: 0,
      routes: 0,
      pools: 0,
      findings: 0,
      waits: 0,
      torn: this.#arena.tornCount,
    };
    const dropRanges: Partial<Record<DropKind, TimeRange>> = {};
    DROP_KINDS.forEach((kind, index) => {
      const drop = HEADER.drops + index * DROP.words;
      dropped[kind] = readWord(header, drop + DROP.count);
      if (dropped[kind] === 0) return;
      dropRanges[kind] = {
        firstNs: readWord(header, drop + DROP.firstNs),
        lastNs: readWord(header, drop + DROP.lastNs),
      };
    });
    return { dropped, dropRanges };
  }

  #routes(header: Uint32Array, withHistograms: boolean): RouteSnapshot[] {
    const layout = this.#layout;
    const rowsMax = layout.capacities.routesMax + 1;
    const count = Math.min(readWord(header, HEADER.routeCount), rowsMax);
    const nameWords = ROUTE_NAME_BYTES_MAX / 8;
    const histogramWords = histogramWordsOf(ROUTE_SHAPE);
    const totals = this.#arena.copy(layout.routeTotals, count * ROUTE_TOTALS.words);
    const names = this.#arena.copy(layout.routeNames, count * nameWords);
    const histograms = withHistograms
      ? this.#arena.copy(layout.routeHistograms, count * histogramWords)
      : undefined;
    const rows: RouteSnapshot[] = [];
    for (let id = 0; id < count; id += 1) {
      const row = id * ROUTE_TOTALS.words;
      const requestCount = readWord(totals, row + ROUTE_TOTALS.requestCount);
      // Row 0 stands for what found no place: most often there is no such thing.
      if (id === 0 && requestCount === 0) continue;
      const nameBytes = readWord(totals, row + ROUTE_TOTALS.nameBytes);
      const zeroCount = readWord(totals, row + ROUTE_TOTALS.zeroCount);
      rows.push({
        id,
        route: textOf(names, id * nameWords, Math.min(nameBytes, ROUTE_NAME_BYTES_MAX)),
        requestCount,
        errorCount: readWord(totals, row + ROUTE_TOTALS.errorCount),
        queryCount: readWord(totals, row + ROUTE_TOTALS.queryCount),
        totalNs: readWord(totals, row + ROUTE_TOTALS.totalNs),
        maxNs: readWord(totals, row + ROUTE_TOTALS.maxNs),
        durations:
          histograms === undefined
            ? EMPTY_HISTOGRAM
            : histogramOf(histograms, id * histogramWords, ROUTE_SHAPE, zeroCount),
      });
    }
    return rows;
  }

  #pools(): PoolSnapshot[] {
    const first = this.#layout.pools;
    const rows = this.#arena.records(first, POOLS_MAX, POOL, (halves, row) => {
      return readWord(halves, row + POOL.nameBytes) > 0;
    });
    return rows.map(poolOf);
  }

  #findings(): FindingSnapshot[] {
    const first = this.#layout.findings;
    const rows = this.#arena.records(first, FINDINGS_MAX, FINDING, (halves, row) => {
      return readWord(halves, row + FINDING.verdict) > 0;
    });
    return rows.map(findingOf);
  }

  #slots(first: number, count: number): Row[] {
    return this.#arena.records(first, count, IN_FLIGHT, (halves, row) => {
      return readWord(halves, row + IN_FLIGHT.handle) > 0;
    });
  }

  /** The records that are whole, oldest first. */
  #ring(first: number, capacity: number, countWord: number): Row[] {
    const count = readWord(this.#header(), countWord);
    const halves = this.#arena.copy(first, Math.min(count, capacity) * RECORD.words);
    // What has been written meanwhile has taken the place of the oldest.
    const countAfter = readWord(this.#header(), countWord);
    const oldest = Math.max(0, count - capacity, countAfter - capacity);
    const rows: Row[] = [];
    for (let index = 0; index < count - oldest; index += 1) {
      const number = oldest + index;
      const row = (number % capacity) * RECORD.words;
      const complete = 2 * number + 2;
      const isWhole =
        readWord(halves, row) === complete && hasValidChecksum(halves, row, RECORD.checksum);
      // One record may be being replaced at this moment, before it shows in the count.
      const isExposed = number === countAfter - capacity;
      if (isExposed && readWord(this.#arena.copy(first + row, 1), 0) !== complete) continue;
      if (isWhole) rows.push({ halves, row });
      else this.#arena.tornCount += 1;
    }
    return rows;
  }
}

/** @throws Error if the header is none of an arena that this version can read. */
function layoutIn(header: Uint32Array): ArenaLayout {
  const isArena =
    lowOf(header, HEADER.magic) === MAGIC.low && highOf(header, HEADER.magic) === MAGIC.high;
  if (!isArena) throw new Error("This is not a recorder's memory: its first word is another");
  const version = readWord(header, HEADER.version);
  if (version !== LAYOUT_VERSION) {
    const age = version > LAYOUT_VERSION ? 'a newer' : 'an older';
    throw new Error(
      `The recorder's memory is of ${age} version: layout ${version} where ${LAYOUT_VERSION} is known`,
    );
  }
  const capacities = Object.fromEntries(
    CAPACITY_NAMES.map((name, index) => [name, readWord(header, HEADER.capacities + index)]),
  ) as unknown as RecorderCapacities;
  const layout = arenaLayoutOf(capacities);
  const arenaWords = readWord(header, HEADER.arenaWords);
  if (arenaWords !== layout.arenaWords) {
    throw new Error(
      `The recorder's memory has ${arenaWords} words where its capacities need ${layout.arenaWords}`,
    );
  }
  return layout;
}

function inFlightQueryOf({ halves, row }: Row): InFlightQuery {
  return {
    statementId: lowOf(halves, row + IN_FLIGHT_QUERY.statementAndWait),
    requestHandle: readWord(halves, row + IN_FLIGHT_QUERY.requestHandle),
    startNs: readWord(halves, row + IN_FLIGHT_QUERY.startNs),
    isWaiting: highOf(halves, row + IN_FLIGHT_QUERY.statementAndWait) === 1,
  };
}

function inFlightRequestOf({ halves, row }: Row): InFlightRequest {
  return {
    handle: readWord(halves, row + IN_FLIGHT.handle),
    startNs: readWord(halves, row + IN_FLIGHT_REQUEST.startNs),
    routeId: routeIdOf(halves, row),
  };
}

/** The word is outside the record: it may still be that of the slot's last one. */
function routeIdOf(halves: Uint32Array, row: number): number {
  const routeId = lowOf(halves, row + IN_FLIGHT.route);
  const check = routeCheckOf(readWord(halves, row + IN_FLIGHT.sequence), routeId);
  return highOf(halves, row + IN_FLIGHT.route) === check ? routeId : 0;
}

function byStart(a: { readonly startNs: number }, b: { readonly startNs: number }): number {
  return a.startNs - b.startNs;
}

function endedQueryOf({ halves, row }: Row): EndedQuery {
  const outcomeCode = highOf(halves, row + ENDED_QUERY.statementAndOutcome);
  return {
    statementId: lowOf(halves, row + ENDED_QUERY.statementAndOutcome),
    requestHandle: readWord(halves, row + ENDED_QUERY.requestHandle),
    startNs: readWord(halves, row + ENDED_QUERY.startNs),
    durationNs: readWord(halves, row + ENDED_QUERY.durationNs),
    poolWaitNs: readWord(halves, row + ENDED_QUERY.poolWaitNs),
    outcome: outcomeOfCode(outcomeCode),
    sqlState: sqlStateOfCode(outcomeCode),
    rowCount: rowCountOf(halves, row + ENDED_QUERY.rowCount),
  };
}

function endedRequestOf({ halves, row }: Row): EndedRequest {
  return {
    handle: readWord(halves, row + ENDED_REQUEST.handle),
    routeId: lowOf(halves, row + ENDED_REQUEST.routeAndStatus),
    startNs: readWord(halves, row + ENDED_REQUEST.startNs),
    durationNs: readWord(halves, row + ENDED_REQUEST.durationNs),
    statusCode: highOf(halves, row + ENDED_REQUEST.routeAndStatus),
    queryCount: lowOf(halves, row + ENDED_REQUEST.queriesAndOutcome),
    outcome: requestOutcomeOf(highOf(halves, row + ENDED_REQUEST.queriesAndOutcome)),
  };
}

function poolOf({ halves, row }: Row): PoolSnapshot {
  const nameBytes = Math.min(readWord(halves, row + POOL.nameBytes), POOL.nameBytesMax);
  return {
    name: textOf(halves, row + POOL.name, nameBytes),
    total: readWord(halves, row + POOL.total),
    idle: readWord(halves, row + POOL.idle),
    waiting: readWord(halves, row + POOL.waiting),
    max: readWord(halves, row + POOL.max),
    updatedNs: readWord(halves, row + POOL.updatedNs),
  };
}

function findingOf({ halves, row }: Row): FindingSnapshot {
  return {
    verdict: readWord(halves, row + FINDING.verdict),
    statementId: readWord(halves, row + FINDING.statementId),
    fingerprint: hexOf(halves, row + FINDING.fingerprint),
    routeId: readWord(halves, row + FINDING.routeId),
    count: readWord(halves, row + FINDING.count),
    queryCount: readWord(halves, row + FINDING.queryCount),
    totalNs: readWord(halves, row + FINDING.totalNs),
    firstNs: readWord(halves, row + FINDING.firstNs),
    lastNs: readWord(halves, row + FINDING.lastNs),
  };
}

function requestOutcomeOf(code: number): RequestOutcome {
  return code === OUTCOME.error || code === OUTCOME.aborted ? code : OUTCOME.ok;
}

function rowCountOf(halves: Uint32Array, word: number): number {
  return highOf(halves, word) === 0xffff_ffff ? -1 : readWord(halves, word);
}
