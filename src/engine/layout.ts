/**
 * Where everything lies in a recorder's arena: `native/src/layout.zig` in TypeScript, for the
 * portable engine, which writes such an arena itself, and for the reader of both. Offsets and
 * sizes are in words of 64 bits.
 */
import type { RecorderCapacities } from './engine.ts';

/** "HYPERDJ1", as the two 32-bit halves of a little-endian word. */
export const MAGIC = { low: 0x45_50_59_48, high: 0x31_4a_44_52 } as const;
export const LAYOUT_VERSION = 1;

export const HEADER = {
  magic: 0,
  version: 1,
  arenaWords: 2,
  capacities: 3,
  queryCount: 16,
  requestCount: 17,
  statementCount: 18,
  routeCount: 19,
  textBytesUsed: 20,
  droppedQueries: 21,
  droppedRequests: 22,
  droppedStatements: 23,
  words: 64,
} as const;

/** In-flight slots: sequence, handle (0 while free), payload. */
export const IN_FLIGHT_QUERY = {
  sequence: 0,
  handle: 1,
  requestHandle: 2,
  startNs: 3,
  statementId: 4,
  poolWaitNs: 5,
  words: 8,
} as const;

export const IN_FLIGHT_REQUEST = { sequence: 0, handle: 1, startNs: 2, words: 4 } as const;

/** Ring records; `…And…` words hold two 32-bit numbers, the first one in the low half. */
export const ENDED_QUERY = {
  sequence: 0,
  requestHandle: 1,
  startNs: 2,
  durationNs: 3,
  poolWaitNs: 4,
  statementAndOutcome: 5,
  /** All bits set where it is unknown. */
  rowCount: 6,
  words: 8,
} as const;

export const ENDED_REQUEST = {
  sequence: 0,
  startNs: 1,
  durationNs: 2,
  routeAndStatus: 3,
  queriesAndOutcome: 4,
  words: 8,
} as const;

export const STATEMENT_IDENTITY = { fingerprint: 0, textOffsetAndBytes: 1, words: 2 } as const;

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

/** Buckets from `2^exponentMin` to `2^exponentMax` nanoseconds. */
export interface HistogramShape {
  readonly scale: number;
  readonly exponentMin: number;
  readonly exponentMax: number;
}

/** 1 µs to 18 minutes, each bucket 4.4 % wide. */
export const STATEMENT_SHAPE: HistogramShape = { scale: 4, exponentMin: 10, exponentMax: 40 };
/** 16 µs to 4.6 minutes, each bucket 1.1 % wide. */
export const ROUTE_SHAPE: HistogramShape = { scale: 6, exponentMin: 14, exponentMax: 38 };

export const ROUTE_NAME_BYTES_MAX = 256;
export const TEXT_BYTES_PER_STATEMENT = 512;
export const OTHER_NAME = '<other>';

const CAPACITY_MAX = 65_536;

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
  readonly inFlightQueries: number;
  readonly inFlightRequests: number;
  readonly recentQueries: number;
  readonly recentRequests: number;
  readonly statementIdentities: number;
  readonly statementTotals: number;
  readonly statementHistograms: number;
  readonly routeTotals: number;
  readonly routeNames: number;
  readonly routeHistograms: number;
  readonly texts: number;
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
 * @throws RangeError if a capacity is not a power of two from 1 to 65,536; it names the capacity.
 */
export function arenaLayoutOf(capacities: RecorderCapacities): ArenaLayout {
  for (const name of CAPACITY_NAMES) assertCapacity(name, capacities[name]);
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
    inFlightQueries: take(capacities.inFlightQueriesMax * IN_FLIGHT_QUERY.words),
    inFlightRequests: take(capacities.inFlightRequestsMax * IN_FLIGHT_REQUEST.words),
    recentQueries: take(capacities.recentQueriesMax * ENDED_QUERY.words),
    recentRequests: take(capacities.recentRequestsMax * ENDED_REQUEST.words),
    statementIdentities: take(statementRows * STATEMENT_IDENTITY.words),
    statementTotals: take(statementRows * STATEMENT_TOTALS.words),
    statementHistograms: take(statementRows * histogramWordsOf(STATEMENT_SHAPE)),
    routeTotals: take(routeRows * ROUTE_TOTALS.words),
    routeNames: take((routeRows * ROUTE_NAME_BYTES_MAX) / 8),
    routeHistograms: take(routeRows * histogramWordsOf(ROUTE_SHAPE)),
    texts: take((capacities.statementsMax * TEXT_BYTES_PER_STATEMENT) / 8),
    arenaWords: end,
  };
}

function assertCapacity(name: string, capacity: unknown): void {
  const isPowerOfTwo =
    typeof capacity === 'number' &&
    Number.isInteger(capacity) &&
    capacity >= 1 &&
    capacity <= CAPACITY_MAX &&
    Number.isInteger(Math.log2(capacity));
  if (isPowerOfTwo) return;
  throw new RangeError(
    `${name} must be a power of two from 1 to ${CAPACITY_MAX}; got ${String(capacity)}`,
  );
}
