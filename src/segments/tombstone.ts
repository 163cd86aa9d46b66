import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

import type { HistogramSnapshot } from '../engine/engine.ts';
import { OTHER_NAME } from '../engine/layout.ts';
import {
  type MergedFinding,
  type MergedHistory,
  type MergedRoute,
  type MergedStatement,
  Merger,
} from './merge.ts';

const TOMBSTONE_VERSION = 1;
const STATEMENTS_MAX = 2_048;
const ROUTES_MAX = 256;
const FINDINGS_MAX = 256;
const TEXT_LENGTH_MAX = 2_048;
/** What a reader that is slower than this many deaths counts twice is not worth remembering. */
const FOLDED_MAX = 1_024;
const FILE_BYTES_MAX = 64 * 2 ** 20;
const BUCKETS_MAX = 4_096;

/** The sums of an application's processes whose segments are gone. */
export interface Tombstone {
  readonly appName: string;
  /** The segments that are in the sums, the latest last. Their files may still be there. */
  readonly folded: readonly string[];
  readonly foldedCount: number;
  readonly history: MergedHistory;
}

export function emptyTombstone(appName: string): Tombstone {
  return { appName, folded: [], foldedCount: 0, history: new Merger().result() };
}

/** Adds segments to a tombstone, which stays within its bounds. */
export function foldInto(
  tombstone: Tombstone,
  generations: readonly string[],
  history: MergedHistory,
): Tombstone {
  const sum = new Merger().addHistory(tombstone.history).addHistory(history).result();
  const { totals, durations, dropped } = sum;
  return {
    appName: tombstone.appName,
    folded: [...tombstone.folded, ...generations].slice(-FOLDED_MAX),
    foldedCount: tombstone.foldedCount + generations.length,
    history: {
      totals,
      durations,
      dropped,
      statements: boundedStatements(sum.statements),
      routes: boundedRoutes(sum.routes),
      findings: sum.findings.slice(0, FINDINGS_MAX),
    },
  };
}

/**
 * @returns undefined where there is no such file.
 * @throws Error where it is no tombstone that this version can read.
 */
export function readTombstone(path: string): Tombstone | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(file);
    const isOurs = process.getuid === undefined || stat.uid === process.getuid();
    if (!stat.isFile() || !isOurs || stat.size > FILE_BYTES_MAX) {
      throw new Error(`${path} is no file that this user wrote`);
    }
    return parseTombstone(path, readFileSync(file, 'utf8'));
  } finally {
    closeSync(file);
  }
}

/**
 * Puts the tombstone in its place, whole or not at all. The caller holds the reaper's lock.
 *
 * @throws Error where the file system refuses.
 */
export function writeTombstone(path: string, tombstone: Tombstone): void {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  // Left by a reaper that died, as no other one is at work.
  removeIfThere(temporary);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const file = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    try {
      writeFully(file, Buffer.from(JSON.stringify({ version: TOMBSTONE_VERSION, ...tombstone })));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  }
}

export function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function writeFully(file: number, bytes: Buffer): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(file, bytes, done);
}

/** The rows with the longest totals, and one row for all others. */
function boundedStatements(rows: readonly MergedStatement[]): MergedStatement[] {
  const kept = rows.slice(0, STATEMENTS_MAX).map((row) => ({ ...row, text: shortened(row.text) }));
  if (rows.length === kept.length) return kept;
  const others = rows
    .slice(STATEMENTS_MAX)
    .map((row) => ({ ...row, fingerprint: '0'.repeat(16), text: OTHER_NAME }));
  return [...new Merger().addRows([...kept, ...others], []).result().statements];
}

function boundedRoutes(rows: readonly MergedRoute[]): MergedRoute[] {
  const kept = rows.slice(0, ROUTES_MAX);
  const others = rows.slice(ROUTES_MAX).map((row) => ({ ...row, route: OTHER_NAME }));
  return [...new Merger().addRows([], [...kept, ...others]).result().routes];
}

function shortened(text: string): string {
  return text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX - 1)}…`;
}

function parseTombstone(path: string, text: string): Tombstone {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${path} is no JSON`);
  }
  if (!isRecord(value)) throw new Error(`${path} is no tombstone`);
  if (value['version'] !== TOMBSTONE_VERSION) {
    throw new Error(
      `${path} was written by another version of hyperdjango ` +
        `(layout ${String(value['version'])}; this one reads ${TOMBSTONE_VERSION})`,
    );
  }
  const whole = withLaterSums(value);
  if (!isTombstone(whole)) throw new Error(`${path} is damaged`);
  return whole;
}

/** Sums that are younger than the file begin at 0: an application's figures outlive an update. */
function withLaterSums(value: Record<string, unknown>): Record<string, unknown> {
  const { history } = value;
  if (!isRecord(history)) return value;
  const filled = (sums: object, own: unknown): unknown =>
    isRecord(own) ? { ...sums, ...own } : own;
  const totals = filled(EMPTY.totals, history['totals']);
  const dropped = filled(EMPTY.dropped, history['dropped']);
  return { ...value, history: { ...history, totals, dropped } };
}

type Check = (value: unknown) => boolean;

const isNumber: Check = (value) => typeof value === 'number' && value >= 0 && value < Infinity;
const isText: Check = (value) => typeof value === 'string';

function isTombstone(value: Record<string, unknown>): value is Record<string, unknown> & Tombstone {
  return hasShape(value, {
    appName: isText,
    folded: listOf(isText, 2 * FOLDED_MAX),
    foldedCount: isNumber,
    history: shape({
      totals: numbers(Object.keys(EMPTY.totals)),
      dropped: numbers(Object.keys(EMPTY.dropped)),
      durations: isHistogram,
      statements: listOf(isStatement, STATEMENTS_MAX + 1),
      routes: listOf(isRoute, ROUTES_MAX + 1),
      findings: listOf(isFinding, FINDINGS_MAX),
    }),
  });
}

const EMPTY: MergedHistory = new Merger().result();

const isHistogram: Check = shape({
  scale: (value) => isHistogramScale(value),
  offset: (value) => Number.isInteger(value) && Math.abs(Number(value)) < 2 ** 20,
  counts: listOf(isNumber, BUCKETS_MAX),
  zeroCount: isNumber,
} satisfies Record<keyof HistogramSnapshot, Check>);

function isHistogramScale(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 8;
}

const isStatement: Check = shape({
  fingerprint: isText,
  text: isText,
  callCount: isNumber,
  errorCount: isNumber,
  rowCount: isNumber,
  totalNs: isNumber,
  minNs: isNumber,
  maxNs: isNumber,
  poolWaitNs: isNumber,
  durations: isHistogram,
} satisfies Record<keyof MergedStatement, Check>);

const isRoute: Check = shape({
  route: isText,
  requestCount: isNumber,
  errorCount: isNumber,
  queryCount: isNumber,
  totalNs: isNumber,
  maxNs: isNumber,
  durations: isHistogram,
} satisfies Record<keyof MergedRoute, Check>);

const isFinding: Check = shape({
  verdict: isNumber,
  fingerprint: isText,
  text: isText,
  route: isText,
  count: isNumber,
  queryCount: isNumber,
  totalNs: isNumber,
  firstNs: isNumber,
  lastNs: isNumber,
} satisfies Record<keyof MergedFinding, Check>);

function shape(checks: Readonly<Record<string, Check>>): Check {
  return (value) => isRecord(value) && hasShape(value, checks);
}

function numbers(names: readonly string[]): Check {
  return shape(Object.fromEntries(names.map((name) => [name, isNumber])));
}

function listOf(check: Check, lengthMax: number): Check {
  return (value) => Array.isArray(value) && value.length <= lengthMax && value.every(check);
}

function hasShape(
  value: Record<string, unknown>,
  checks: Readonly<Record<string, Check>>,
): boolean {
  return Object.entries(checks).every(([name, check]) => check(value[name]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
