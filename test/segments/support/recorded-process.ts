import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import type { EngineRecorder, RecorderCapacities } from '../../../src/engine/engine.ts';
import { PortableRecorder } from '../../../src/engine/portable/recorder.ts';
import { SegmentMemory } from '../../../src/engine/portable/segment-memory.ts';
import { normalizeSql } from '../../../src/engine/portable/sql/index.ts';
import {
  DIRECTORY_ENTRY,
  DIRECTORY_FIRST,
  SEGMENT_HEADER,
  SEGMENT_STATE,
} from '../../../src/engine/segment-layout.ts';
import { ProcessReader } from '../../../src/segments/process-snapshot.ts';

export const SMALL: RecorderCapacities = {
  inFlightQueriesMax: 8,
  inFlightRequestsMax: 8,
  recentQueriesMax: 16,
  recentRequestsMax: 8,
  statementsMax: 16,
  routesMax: 8,
};

export interface RecordedProcessOptions {
  readonly appName?: string;
  readonly scriptName?: string;
  readonly pid?: number;
  /** The clock that the records are written by. */
  readonly clock?: TestClock;
  readonly capacities?: RecorderCapacities;
}

const START_NS = 1e9;

/** A monotonic clock that stands still until it is told to go on. */
export class TestClock {
  /** So soon after the host's start that it is past wherever a test runs. */
  nowNs = START_NS;

  advance(ms: number): void {
    this.nowNs += ms * 1e6;
  }
}

/** 2026-01-02 03:04:05 UTC at the clock's start. */
const WALL_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
export const WALL_MINUS_MONOTONIC_MS: number = WALL_MS - START_NS / 1e6;

let generation = 0;

/** The segment of a process that never was: recorded into by one test, read as a file by it. */
export class RecordedProcess {
  readonly memory: SegmentMemory;
  readonly clock: TestClock;
  readonly generation: string;
  readonly pid: number;
  readonly #capacities: RecorderCapacities;

  constructor(options: RecordedProcessOptions = {}) {
    const { appName = 'shop', scriptName = 'server.js', pid = 4_242 } = options;
    this.#capacities = options.capacities ?? SMALL;
    this.clock = options.clock ?? new TestClock();
    this.pid = pid;
    this.memory = SegmentMemory.create({
      appName,
      scriptName,
      directory: undefined,
      mainCapacities: this.#capacities,
      workerCapacities: this.#capacities,
    });
    generation += 1;
    this.generation = generation.toString(16).padStart(16, '0');
    this.setHeader('pid', pid);
    this.setHeader('generation', generation);
    // Of no process that lives.
    this.setHeader('processStartTicks', 1);
    this.setHeader('engine', 0);
    this.setHeader('startedNs', this.clock.nowNs);
    this.setHeader('heartbeatNs', this.clock.nowNs);
    this.setHeader('heartbeatIntervalNs', 20e6);
    this.setHeader('wallMinusMonotonicNs', WALL_MINUS_MONOTONIC_MS * 1e6);
    this.setText('runtimeVersion', 'v22.0.0');
  }

  /** Another thread's recorder, in an arena of its own. */
  thread(threadId = 0): EngineRecorder {
    const index = this.memory.claimArena();
    const recorder = new PortableRecorder(
      this.#capacities,
      { nowNs: () => this.clock.nowNs, normalizeSql, calls: noCalls() },
      this.memory.arenaWords(index),
    );
    this.memory.publishArena(index);
    this.setEntry(index, 'threadId', threadId);
    return recorder;
  }

  setHeader(name: keyof typeof SEGMENT_HEADER, value: number): void {
    new BigUint64Array(this.memory.buffer)[SEGMENT_HEADER[name]] = BigInt(value);
  }

  setEntry(arena: number, name: keyof typeof DIRECTORY_ENTRY, value: number): void {
    const word = DIRECTORY_FIRST + arena * DIRECTORY_ENTRY.words + DIRECTORY_ENTRY[name];
    new BigUint64Array(this.memory.buffer)[word] = BigInt(value);
  }

  setText(name: 'appName' | 'scriptName' | 'runtimeVersion', text: string): void {
    const bytes = Buffer.from(this.memory.buffer, SEGMENT_HEADER[name] * 8, 32);
    bytes.fill(0);
    bytes.write(text);
  }

  /** The heartbeat's last act: now. */
  beat(): void {
    this.setHeader('heartbeatNs', this.clock.nowNs);
  }

  exit(code: number): void {
    this.setHeader('exitCode', code);
    this.setHeader('state', SEGMENT_STATE.exited);
  }

  bytes(): Buffer {
    return Buffer.from(new Uint8Array(this.memory.buffer));
  }

  /** @returns the path of the segment, as it is now. */
  writeTo(directory: string): string {
    const path = join(directory, `${this.pid}-${this.generation}.segment`);
    writeFileSync(path, this.bytes(), { mode: 0o600 });
    return path;
  }

  /** For readers that need no file. */
  reader(): ProcessReader {
    return ProcessReader.ofMemory(null, (firstWord, target) => this.memory.read(firstWord, target));
  }
}

/** A directory of segments that is gone with the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hyperdjango-segments-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Runs a query to its end, on the process's clock. */
export function runQuery(
  recorder: EngineRecorder,
  clock: TestClock,
  sql: string,
  ms: number,
  { requestHandle = 0, isError = false, rowCount = 1, sqlState = '' } = {},
): void {
  const handle = recorder.beginQuery(sql, requestHandle, 0);
  clock.advance(ms);
  recorder.endQuery(handle, isError ? 1 : 0, rowCount, sqlState);
}

export function runRequest(
  recorder: EngineRecorder,
  clock: TestClock,
  route: string,
  queries: readonly (readonly [sql: string, ms: number])[],
  statusCode = 200,
): void {
  const handle = recorder.beginRequest(route);
  const startNs = clock.nowNs;
  for (const [sql, ms] of queries) {
    runQuery(recorder, clock, sql, ms, { requestHandle: handle });
  }
  const outcome = statusCode >= 500 ? 1 : 0;
  recorder.endRequest(
    handle,
    route,
    startNs,
    clock.nowNs - startNs,
    statusCode,
    queries.length,
    outcome,
  );
}

function noCalls(): ConstructorParameters<typeof PortableRecorder>[1]['calls'] {
  return new Proxy({} as ConstructorParameters<typeof PortableRecorder>[1]['calls'], {
    get: () => 0,
    set: () => true,
  });
}
