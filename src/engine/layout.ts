/**
 * Where everything lies in a recorder's arena: `native/src/layout.zig` in TypeScript, for the
 * portable engine, which writes such an arena itself, and for the reader of both. What each word
 * means is said there. Offsets and sizes are in words of 64 bits.
 */
import type { DropKind, RecorderCapacities } from './engine.ts';

/** "HYPERDJ1", as the two 32-bit halves of a little-endian word. */
export const MAGIC = { low: 0x45_50_59_48, high: 0x31_4a_44_52 } as const;
export const LAYOUT_VERSION = 4;

export const HEADER = {
  magic: 0,
  version: 1,
  arenaWords: 2,
  capacities: 3,
  queryCount: 16,
  errorCount: 17,
  rowCount: 18,
  totalNs: 19,
  poolWaitNs: 20,
  zeroCount: 21,
  lastActiveNs: 22,
  lastRequestHandle: 23,
  requestCount: 24,
  requestErrorCount: 25,
  requestTotalNs: 26,
  statementCount: 27,
  routeCount: 28,
  textBlocksUsed: 29,
  evictionSequence: 30,
  drops: 32,
  poolTimeoutCount: 56,
  faultCount: 57,
  words: 64,
} as const;

/** What did not fit, by kind: three words for each, from `HEADER.drops` on. */
export const DROP_KINDS: readonly DropKind[] = [
  'queries',
  'requests',
  'statements',
  'routes',
  'pools',
  'findings',
  'waits',
];
export const DROP = { count: 0, firstNs: 1, lastNs: 2, words: 3 } as const;

/** A ring's records. */
export const RECORD = { sequence: 0, payload: 1, checksum: 7, words: 8 } as const;

/** Slots of what is in flight; the handle is 0 while a slot is free. */
export const IN_FLIGHT = {
  sequence: 0,
  handle: 1,
  payload: 2,
  checksum: 6,
  /** The route in the low half, `routeCheckOf` it in the high one. */
  route: 7,
  words: 8,
} as const;

export const IN_FLIGHT_REQUEST = { startNs: 2 } as const;

/** `…And…` words hold two 32-bit numbers, the first one in the low half. */
export const IN_FLIGHT_QUERY = {
  requestHandle: 2,
  startNs: 3,
  /** 1 for a wait, 0 for a query. */
  statementAndWait: 4,
  poolWaitNs: 5,
} as const;

export const ENDED_QUERY = {
  sequence: 0,
  requestHandle: 1,
  startNs: 2,
  durationNs: 3,
  poolWaitNs: 4,
  /** The outcome is `outcomeCodeOf` it and its SQLSTATE. */
  statementAndOutcome: 5,
  /** All bits set where it is unknown. */
  rowCount: 6,
} as const;

export const ENDED_REQUEST = {
  sequence: 0,
  startNs: 1,
  durationNs: 2,
  routeAndStatus: 3,
  queriesAndOutcome: 4,
  handle: 5,
} as const;

export const STATEMENT_IDENTITY = {
  sequence: 0,
  fingerprint: 1,
  blockAndBytes: 2,
  checksum: 3,
  words: 4,
} as const;

export const TEXT_BLOCK = {
  next: 0,
  text: 1,
  textWords: 31,
  textBytes: 248,
  words: 32,
  perStatement: 2,
} as const;

/** Of a normalised statement. */
export const TEXT_BYTES_MAX = 8192;

export const STATEMENT_TOTALS = {
  callCount: 0,
  errorCount: 1,
  rowCount: 2,
  totalNs: 3,
  minNs: 4,
  maxNs: 5,
  poolWaitNs: 6,
  zeroCount: 7,
  words: 8,
} as const;

export const ROUTE_TOTALS = {
  requestCount: 0,
  errorCount: 1,
  queryCount: 2,
  totalNs: 3,
  maxNs: 4,
  zeroCount: 5,
  nameBytes: 6,
  words: 8,
} as const;

export const POOL = {
  sequence: 0,
  nameBytes: 1,
  total: 2,
  idle: 3,
  waiting: 4,
  max: 5,
  updatedNs: 6,
  name: 7,
  nameBytesMax: 64,
  checksum: 15,
  words: 16,
} as const;

export const FINDING = {
  sequence: 0,
  verdict: 1,
  fingerprint: 2,
  statementId: 3,
  routeId: 4,
  count: 5,
  queryCount: 6,
  totalNs: 7,
  firstNs: 8,
  lastNs: 9,
  checksum: 15,
  words: 16,
} as const;

export const POOLS_MAX = 16;
export const FINDINGS_MAX = 64;

/** Buckets from `2^exponentMin` to `2^exponentMax` nanoseconds. */
export interface HistogramShape {
  readonly scale: number;
  readonly exponentMin: number;
  readonly exponentMax: number;
}

/** 1 µs to 18 minutes, each bucket 1.1 % wide. */
export const QUERY_SHAPE: HistogramShape = { scale: 6, exponentMin: 10, exponentMax: 40 };
/** 1 µs to 18 minutes, each bucket 4.4 % wide. */
export const STATEMENT_SHAPE: HistogramShape = { scale: 4, exponentMin: 10, exponentMax: 40 };
/** 16 µs to 4.6 minutes, each bucket 1.1 % wide. */
export const ROUTE_SHAPE: HistogramShape = { scale: 6, exponentMin: 14, exponentMax: 38 };

export const ROUTE_NAME_BYTES_MAX = 256;
export const OTHER_NAME = '<other>';

const CAPACITY_MAX = 65_536;
/** An identity has 16 bits for the row, and row 0 is not a statement's. */
const STATEMENTS_MAX = 32_768;

/** In the order in which the header has them. */
export const CAPACITY_NAMES: readonly (keyof RecorderCapacities)[] = [
  'inFlightQueriesMax',
  'inFlightRequestsMax',
  'recentQueriesMax',
  'recentRequestsMax',
  'statementsMax',
  'routesMax',
];

export interface ArenaLayout {
  readonly capacities: RecorderCapacities;
  readonly queryHistogram: number;
  readonly inFlightQueries: number;
  readonly inFlightRequests: number;
  readonly recentQueries: number;
  readonly recentRequests: number;
  readonly pools: number;
  readonly findings: number;
  readonly statementIdentities: number;
  readonly statementTotals: number;
  readonly statementHistograms: number;
  readonly routeTotals: number;
  readonly routeNames: number;
  readonly routeHistograms: number;
  readonly textBlocks: number;
  readonly arenaWords: number;
}

export function bucketCountOf(shape: HistogramShape): number {
  return (shape.exponentMax - shape.exponentMin) << shape.scale;
}

/** Two counts of 32 bits to a word. */
export function histogramWordsOf(shape: HistogramShape): number {
  return bucketCountOf(shape) / 2;
}

/**
 * @throws RangeError if a capacity is not a power of two from 1 to 65,536 (statements: 32,768); it
 * names the capacity.
 */
export function assertCapacities(capacities: RecorderCapacities): void {
  for (const name of CAPACITY_NAMES) assertCapacity(name, capacities[name]);
}

/** @throws RangeError as {@link assertCapacities} does. */
export function arenaLayoutOf(capacities: RecorderCapacities): ArenaLayout {
  assertCapacities(capacities);
  const statementRows = capacities.statementsMax + 1;
  const routeRows = capacities.routesMax + 1;
  let end: number = HEADER.words;
  const take = (words: number): number => {
    // Every part begins at a cache line.
    const start = Math.ceil(end / 8) * 8;
    end = start + words;
    return start;
  };
  return {
    capacities,
    queryHistogram: take(histogramWordsOf(QUERY_SHAPE)),
    inFlightQueries: take(capacities.inFlightQueriesMax * IN_FLIGHT.words),
    inFlightRequests: take(capacities.inFlightRequestsMax * IN_FLIGHT.words),
    recentQueries: take(capacities.recentQueriesMax * RECORD.words),
    recentRequests: take(capacities.recentRequestsMax * RECORD.words),
    pools: take(POOLS_MAX * POOL.words),
    findings: take(FINDINGS_MAX * FINDING.words),
    statementIdentities: take(statementRows * STATEMENT_IDENTITY.words),
    statementTotals: take(statementRows * STATEMENT_TOTALS.words),
    statementHistograms: take(statementRows * histogramWordsOf(STATEMENT_SHAPE)),
    routeTotals: take(routeRows * ROUTE_TOTALS.words),
    routeNames: take((routeRows * ROUTE_NAME_BYTES_MAX) / 8),
    routeHistograms: take(routeRows * histogramWordsOf(ROUTE_SHAPE)),
    textBlocks: take(textBlockCountOf(capacities) * TEXT_BLOCK.words),
    arenaWords: end,
  };
}

export function textBlockCountOf({ statementsMax }: RecorderCapacities): number {
  return statementsMax * TEXT_BLOCK.perStatement;
}

/** A statement's row in the table, given its identity. */
export function rowOfStatement(id: number): number {
  return id & 0xffff;
}

/** How many statements the row had before, modulo 2^16. */
export function generationOfStatement(id: number): number {
  return id >>> 16;
}

/** The same, given the sequence of the row's identity. */
export function generationOfSequence(sequence: number): number {
  return (sequence / 2 - 1) % 65_536;
}

export function statementIdOf(row: number, generation: number): number {
  return (generation % 65_536) * 65_536 + row;
}

function assertCapacity(name: string, capacity: unknown): void {
  const limit = name === 'statementsMax' ? STATEMENTS_MAX : CAPACITY_MAX;
  const isPowerOfTwo =
    typeof capacity === 'number' &&
    Number.isInteger(capacity) &&
    capacity >= 1 &&
    capacity <= limit &&
    Number.isInteger(Math.log2(capacity));
  if (isPowerOfTwo) return;
  throw new RangeError(
    `${name} must be a power of two from 1 to ${limit}; got ${String(capacity)}`,
  );
}
