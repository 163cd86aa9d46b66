/** This thread's part of the segment that the native engine keeps for the process. */
import { randomBytes } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { isMainThread, threadId } from 'node:worker_threads';

import type { EngineRecorder, RecorderCapacities, Segment, SegmentOptions } from './engine.ts';
import { HyperDjangoError } from '../errors/index.ts';
import { CAPACITY_NAMES } from './layout.ts';
import { processIdentity } from './process-identity.ts';
import type { ReadWords } from './words.ts';
import { segmentDirectory } from './segment-directory.ts';

/** What `native/addon.cc` exports for segments. */
export interface NativeSegmentBinding {
  /** Undefined where there is no memory. */
  openSegment(
    texts: readonly [directory: string, appName: string, scriptName: string, version: string],
    mainCapacities: Uint32Array,
    workerCapacities: Uint32Array,
    /** Generation, boot id, start ticks, seed, place. */
    numbers: BigUint64Array,
    isMainThread: boolean,
    threadId: number,
  ): NativeThread | undefined;
  /** False where the words lie outside. */
  readSegment(firstWord: number, target: BigUint64Array): boolean;
  setAppName(name: string): void;
  recordOverhead(queryCount: number, totalNs: number): void;
  setUnseen(libraries: number): void;
  beat(): void;
  /** If the process ended now, whether it would be by an exception that nobody caught. */
  setUncaughtException(isUncaught: boolean): void;
  noteExitCode(code: number): void;
}

interface NativeThread {
  /** Empty where the memory is private. */
  readonly path: string;
  readonly reason: string;
  /** -1 where the thread found no arena. */
  readonly arenaIndex: number;
  readonly firstWord: number;
  readonly watchesLoop: boolean;
  readonly knowsExitCode: boolean;
}

/** As the native heartbeat, `native/src/heartbeat.zig`. */
const HEARTBEAT_MS = 50;

/**
 * @param recorderOf makes this thread's recorder on words of the segment from one on, or, for a
 * thread that found no arena, on memory of its own.
 * @throws {HyperDjangoError} `ERR_HYPERDJANGO_ENGINE` where there is no memory for the records.
 */
export function openNativeSegment(
  binding: NativeSegmentBinding,
  options: SegmentOptions,
  recorderOf: (arena: ReadWords | undefined) => EngineRecorder,
): Segment {
  const { bootId, startTicks } = processIdentity();
  const random = randomBytes(16);
  const thread = binding.openSegment(
    [segmentDirectory(options.directory), options.appName, options.scriptName, process.version],
    capacitiesOf(options.mainCapacities),
    capacitiesOf(options.workerCapacities),
    BigUint64Array.of(
      random.readBigUInt64LE(0),
      bootId,
      startTicks,
      // Nobody outside can choose texts that collide in the recorder's hash tables.
      random.readBigUInt64LE(8),
      options.place ?? 0n,
    ),
    isMainThread,
    threadId,
  );
  if (thread === undefined) {
    throw new HyperDjangoError(
      'ERR_HYPERDJANGO_ENGINE',
      'The native engine has no memory for its records',
    );
  }
  watchProcess(binding, thread);
  const read: ReadWords = (firstWord, target) => {
    binding.readSegment(firstWord, target);
  };
  return {
    recorder: recorderOf(
      thread.arenaIndex < 0
        ? undefined
        : (firstWord, target) => read(thread.firstWord + firstWord, target),
    ),
    path: thread.path === '' ? null : thread.path,
    reason: [thread.reason, diskReason(thread.path)].filter(Boolean).join('; '),
    arenaIndex: thread.arenaIndex,
    read,
    setAppName: (name) => binding.setAppName(name),
    recordOverhead: (queryCount, totalNs) => binding.recordOverhead(queryCount, totalNs),
    setUnseen: (libraries) => binding.setUnseen(libraries),
  };
}

/** File systems in memory, by the numbers that `statfs(2)` has for them. */
const MEMORY_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x0102_1994, 0x8584_58f6]);

/** Empty where the segment is in memory. */
function diskReason(path: string): string {
  if (path === '') return '';
  try {
    if (MEMORY_FILE_SYSTEMS.has(statfsSync(path).type)) return '';
  } catch {
    // Somebody has removed it: that is not this line's news.
    return '';
  }
  return `${dirname(path)} is not in memory: to record may mean to wait for a disk`;
}

/** What only JavaScript can see. The end of the process itself is seen by the addon. */
function watchProcess(binding: NativeSegmentBinding, thread: NativeThread): void {
  if (thread.path === '') return;
  // Where libuv does not tell how long a loop is busy, the loop itself shows that it runs.
  if (!thread.watchesLoop) setInterval(() => binding.beat(), HEARTBEAT_MS).unref();
  if (!isMainThread) return;
  const endHandling = (): void => {
    process.off('exit', endHandling);
    binding.setUncaughtException(false);
  };
  process.on('uncaughtExceptionMonitor', () => {
    // Also where there is a handler: one that throws ends the process, and nothing else runs.
    binding.setUncaughtException(true);
    const isHandled =
      process.listenerCount('uncaughtException') > 0 ||
      process.hasUncaughtExceptionCaptureCallback();
    if (!isHandled) return;
    process.nextTick(endHandling);
    // A handler that ends the process has dealt with the exception.
    process.prependListener('exit', endHandling);
  });
  if (!thread.knowsExitCode) process.on('exit', (code) => binding.noteExitCode(code));
}

function capacitiesOf(capacities: RecorderCapacities): Uint32Array {
  return Uint32Array.from(CAPACITY_NAMES, (name) => capacities[name]);
}
