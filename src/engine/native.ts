import { randomBytes } from 'node:crypto';

import type { NormalizedSql, NormalizeOptions, PlaceholderStyle, SqlSpans } from '../types/sql.ts';
import {
  type Engine,
  type EngineRecorder,
  OTHER_ID,
  OUTCOME,
  type Outcome,
  REGISTER,
  type RecorderCapacities,
  type RecorderSnapshot,
  type RequestOutcome,
  type Segment,
  type SegmentOptions,
  type SnapshotOptions,
  type StatementIdentity,
  type Verdict,
} from './engine.ts';
import type { FileLockBinding } from './file-locks.ts';
import { assertCapacities, CAPACITY_NAMES } from './layout.ts';
import { type NativeSegmentBinding, openNativeSegment } from './native-segment.ts';
import { unparsedSql } from './portable/sql/marks.ts';
import { ArenaReader } from './reader.ts';
import { outcomeCodeOf } from './sql-state.ts';
import type { ReadWords } from './words.ts';

/** Beyond `REGISTER` of engine.ts; must be as in `native/addon.cc`. */
const RESULT = 2;
const INPUT = 3;
const REGISTER_COUNT = 10;
const { startNs: START_NS, statementId: STATEMENT_ID } = REGISTER;
const { ok: OK } = OUTCOME;

/**
 * Of all recorders of the thread, as what is in them is taken out right after a call. The engine
 * compiles where a constant's memory lies into the code that uses it.
 */
const registers = new Float64Array(REGISTER_COUNT);

/** Texts that are told by comparison: a constant of the application's is the same string again. */
const TEXTS_KEPT = 16;
const TEXT_LENGTH_MAX = 8_192;

/** What `native/addon.cc` exports. */
export interface NativeBinding extends NativeSegmentBinding, FileLockBinding {
  readonly abiVersion: number;
  nowNs(): number;
  nowNsBigInt(): bigint;
  /** Gives the fingerprint and, right after it, the text; fills `listLengths`. */
  normalizeSql(sql: string, optionsCode: number): string | undefined;
  /** How many lists the last `normalizeSql` folded, then their lengths. */
  readonly listLengths: Uint32Array;
  scanSql(
    sql: string,
    placeholders: number,
    standardConformingStrings: number,
  ): Uint32Array | undefined;
  callCounts(): Record<string, number>;
  /** Without capacities and seed: on the arena that `openSegment` gave this thread. */
  readonly Recorder: new (
    capacities: Uint32Array | undefined,
    seed: bigint | undefined,
    registers: Float64Array,
  ) => NativeRecorderBinding;
}

/** Numbers come and go through the registers: an argument costs more than the store. */
interface NativeRecorderBinding {
  readonly beginRequest: (route: string) => void;
  readonly nameRequest: (route: string) => void;
  readonly endRequest: (route: string) => void;
  readonly beginQuery: (sql: string) => void;
  readonly beginStatement: () => void;
  readonly beginWait: () => void;
  readonly endWait: () => void;
  readonly endQuery: () => void;
  readonly internStatement: (sql: string) => void;
  readonly recordQuery: () => void;
  readonly recordFinding: (route: string) => void;
  readonly recordPool: (name: string) => void;
  readonly recordFault: () => void;
  read(firstWord: number, target: BigUint64Array): boolean;
}

const PLACEHOLDERS_CODE: Readonly<Record<PlaceholderStyle, number>> = {
  dollar: 0,
  question: 1,
  named: 2,
  format: 3,
};

const FINGERPRINT_DIGITS = 16;

export function createNativeEngine(binding: NativeBinding): Engine {
  return new NativeEngine(binding);
}

class NativeEngine implements Engine {
  readonly kind = 'native';
  readonly #binding: NativeBinding;
  readonly #readCounts: ReadCounts = { statement: 0, snapshot: 0 };
  #segment: Segment | undefined;

  constructor(binding: NativeBinding) {
    this.#binding = binding;
  }

  nowNs(): number {
    return this.#binding.nowNs();
  }

  nowNsBigInt(): bigint {
    return this.#binding.nowNsBigInt();
  }

  normalizeSql(sql: string, options: NormalizeOptions = {}): NormalizedSql {
    const binding = this.#binding;
    const answer = binding.normalizeSql(
      sql,
      placeholdersCode(options) + 4 * stringsCode(options.standardConformingStrings),
    );
    // There was not even the memory for a copy of the statement.
    if (answer === undefined) return unparsedSql(sql);
    return {
      text: answer.slice(FINGERPRINT_DIGITS),
      fingerprint: answer.slice(0, FINGERPRINT_DIGITS),
      listLengths: readLengths(binding.listLengths),
    };
  }

  scanSql(sql: string, options: NormalizeOptions = {}): SqlSpans {
    const flat = this.#binding.scanSql(
      sql,
      placeholdersCode(options),
      stringsCode(options.standardConformingStrings),
    );
    const literals: (readonly [number, number])[] = [];
    const parameters: (readonly [number, number])[] = [];
    const comments: (readonly [number, number])[] = [];
    const byKind = [literals, parameters, comments];
    for (let index = 0; flat !== undefined && index < flat.length; index += 3) {
      const [start = 0, length = 0, kind = 0] = flat.subarray(index, index + 3);
      byKind[kind]?.push([start, length]);
    }
    return { literals, parameters, comments };
  }

  createRecorder(capacities: RecorderCapacities): EngineRecorder {
    return new NativeRecorder(this.#binding, this.#readCounts, { capacities });
  }

  openSegment(options: SegmentOptions): Segment {
    return (this.#segment ??= openNativeSegment(this.#binding, options, (arena) => {
      const { workerCapacities: capacities } = options;
      return new NativeRecorder(this.#binding, this.#readCounts, { capacities, arena });
    }));
  }

  callCounts(): Readonly<Record<string, number>> {
    return { ...this.#binding.callCounts(), ...this.#readCounts };
  }
}

/** Reading is done in TypeScript, for both engines. */
interface ReadCounts {
  statement: number;
  snapshot: number;
}

/** A recorder's memory: its own, or this thread's arena of the segment. */
interface RecorderMemory {
  readonly capacities: RecorderCapacities;
  readonly arena?: ReadWords | undefined;
}

class NativeRecorder implements EngineRecorder {
  readonly registers: Float64Array = registers;
  readonly #binding: NativeBinding;
  /** The latest texts by their length, each followed by how it was read, and by its statement. */
  readonly #texts = Array<string | number>(3 * TEXTS_KEPT).fill('');
  readonly #reader: ArenaReader;
  readonly #readCounts: ReadCounts;
  readonly #beginRequest: NativeRecorderBinding['beginRequest'];
  readonly #nameRequest: NativeRecorderBinding['nameRequest'];
  readonly #endRequest: NativeRecorderBinding['endRequest'];
  readonly #beginQuery: NativeRecorderBinding['beginQuery'];
  readonly #beginStatement: NativeRecorderBinding['beginStatement'];
  readonly #beginWait: NativeRecorderBinding['beginWait'];
  readonly #endWait: NativeRecorderBinding['endWait'];
  readonly #endQuery: NativeRecorderBinding['endQuery'];
  readonly #internStatement: NativeRecorderBinding['internStatement'];
  readonly #recordQuery: NativeRecorderBinding['recordQuery'];
  readonly #recordFinding: NativeRecorderBinding['recordFinding'];
  readonly #recordPool: NativeRecorderBinding['recordPool'];
  readonly #recordFault: NativeRecorderBinding['recordFault'];

  constructor(
    binding: NativeBinding,
    readCounts: ReadCounts,
    { capacities, arena }: RecorderMemory,
  ) {
    const isOwn = arena === undefined;
    // Says which capacity is wrong, where the addon would only refuse them.
    if (isOwn) assertCapacities(capacities);
    const recorder = new binding.Recorder(
      isOwn ? Uint32Array.from(CAPACITY_NAMES, (name) => capacities[name]) : undefined,
      // Nobody outside can choose texts that collide in the recorder's hash tables.
      isOwn ? randomBytes(8).readBigUInt64LE() : undefined,
      registers,
    );
    const read: ReadWords =
      arena ??
      ((firstWord, target) => {
        recorder.read(firstWord, target);
      });
    this.#binding = binding;
    this.#readCounts = readCounts;
    this.#reader = new ArenaReader(read);
    this.#beginRequest = recorder.beginRequest;
    this.#nameRequest = recorder.nameRequest;
    this.#endRequest = recorder.endRequest;
    this.#beginQuery = recorder.beginQuery;
    this.#beginStatement = recorder.beginStatement;
    this.#beginWait = recorder.beginWait;
    this.#endWait = recorder.endWait;
    this.#endQuery = recorder.endQuery;
    this.#internStatement = recorder.internStatement;
    this.#recordQuery = recorder.recordQuery;
    this.#recordFinding = recorder.recordFinding;
    this.#recordPool = recorder.recordPool;
    this.#recordFault = recorder.recordFault;
  }

  beginRequest(route: string): number {
    this.#beginRequest(route);
    return registers[RESULT] as number;
  }

  nameRequest(handle: number, route: string): void {
    registers[INPUT] = handle;
    this.#nameRequest(route);
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
    registers[INPUT] = handle;
    registers[INPUT + 1] = startNs;
    registers[INPUT + 2] = durationNs;
    registers[INPUT + 3] = statusCode;
    registers[INPUT + 4] = queryCount;
    registers[INPUT + 5] = outcome;
    this.#endRequest(route);
    return registers[RESULT] as number;
  }

  beginQuery(
    sql: string,
    requestHandle: number,
    poolWaitNs: number,
    standardConformingStrings?: boolean,
  ): number {
    registers[INPUT] = requestHandle;
    registers[INPUT + 1] = poolWaitNs;
    const reading = stringsCode(standardConformingStrings);
    const texts = this.#texts;
    const place = placeOf(sql);
    if (place >= 0 && texts[place] === sql && texts[place + 1] === reading) {
      registers[INPUT + 2] = texts[place + 2] as number;
      this.#beginStatement();
      // Not where the statement has lost its row since.
      if (registers[START_NS] !== 0) return registers[RESULT] as number;
    }
    registers[INPUT + 2] = reading;
    this.#beginQuery(sql);
    const statementId = registers[STATEMENT_ID] as number;
    // What found no row may find one the next time.
    if (place >= 0 && statementId !== OTHER_ID) {
      texts[place] = sql;
      texts[place + 1] = reading;
      texts[place + 2] = statementId;
    }
    return registers[RESULT] as number;
  }

  beginWait(statementId: number, requestHandle: number): number {
    registers[INPUT] = statementId;
    registers[INPUT + 1] = requestHandle;
    this.#beginWait();
    return registers[RESULT] as number;
  }

  endWait(handle: number, isTimedOut: boolean, startNs = 0): number {
    registers[INPUT] = handle;
    registers[INPUT + 1] = isTimedOut ? 1 : 0;
    registers[INPUT + 2] = startNs;
    this.#endWait();
    return registers[RESULT] as number;
  }

  endQuery(handle: number, outcome: Outcome, rowCount: number, sqlState?: string): number {
    registers[INPUT] = handle;
    registers[INPUT + 1] = outcome === OK ? OK : outcomeCodeOf(outcome, sqlState);
    registers[INPUT + 2] = rowCount;
    this.#endQuery();
    return registers[RESULT] as number;
  }

  internStatement(sql: string, standardConformingStrings?: boolean): number {
    registers[INPUT] = stringsCode(standardConformingStrings);
    this.#internStatement(sql);
    return registers[RESULT] as number;
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
    registers[INPUT] = statementId;
    registers[INPUT + 1] = requestHandle;
    registers[INPUT + 2] = startNs;
    registers[INPUT + 3] = durationNs;
    registers[INPUT + 4] = poolWaitNs;
    registers[INPUT + 5] = outcomeCodeOf(outcome, sqlState);
    registers[INPUT + 6] = rowCount;
    this.#recordQuery();
  }

  recordFinding(
    verdict: Verdict,
    statementId: number,
    route: string,
    queryCount: number,
    totalNs: number,
  ): void {
    registers[INPUT] = verdict;
    registers[INPUT + 1] = statementId;
    registers[INPUT + 2] = queryCount;
    registers[INPUT + 3] = totalNs;
    this.#recordFinding(route);
  }

  recordPool(
    row: number,
    name: string,
    total: number,
    idle: number,
    waiting: number,
    max: number,
  ): void {
    registers[INPUT] = row;
    registers[INPUT + 1] = total;
    registers[INPUT + 2] = idle;
    registers[INPUT + 3] = waiting;
    registers[INPUT + 4] = max;
    this.#recordPool(name);
  }

  recordFault(): void {
    this.#recordFault();
  }

  statement(id: number): StatementIdentity | undefined {
    this.#readCounts.statement += 1;
    return this.#reader.statement(id);
  }

  snapshot(options?: SnapshotOptions): RecorderSnapshot {
    this.#readCounts.snapshot += 1;
    return this.#reader.snapshot(this.#binding.nowNs(), options);
  }
}

/** A loop: a view and a copy of it cost as much as the normaliser. */
function readLengths(lengths: Uint32Array): number[] {
  const count = lengths[0] ?? 0;
  const read: number[] = [];
  for (let index = 1; index <= count; index += 1) read.push(lengths[index] ?? 0);
  return read;
}

/** Among the texts that are kept; -1 for one that is too long, and for what is no text. */
function placeOf(sql: unknown): number {
  if (typeof sql !== 'string' || sql.length > TEXT_LENGTH_MAX) return -1;
  return 3 * (sql.length % TEXTS_KEPT);
}

function placeholdersCode(options: NormalizeOptions): number {
  return PLACEHOLDERS_CODE[options.placeholders ?? 'dollar'] ?? PLACEHOLDERS_CODE.dollar;
}

function stringsCode(standardConformingStrings: boolean | undefined): number {
  if (standardConformingStrings === undefined) return 0;
  return standardConformingStrings ? 1 : 2;
}
