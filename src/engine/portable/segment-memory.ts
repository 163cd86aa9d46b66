/**
 * A segment in memory that the threads of a process share: the same words as the native engine's
 * segment file, which is why one reader serves both.
 */
import { randomBytes } from 'node:crypto';
import { threadId } from 'node:worker_threads';

import { NO_HANDLE, type RecorderCapacities, type SegmentOptions } from '../engine.ts';
import { arenaLayoutOf, CAPACITY_NAMES, HEADER, IN_FLIGHT } from '../layout.ts';
import { processIdentity } from '../process-identity.ts';
import {
  ARENAS_FIRST,
  ARENAS_MAX,
  arenaFirstWord,
  DIRECTORY_ENTRY,
  DIRECTORY_FIRST,
  paddedWords,
  SEGMENT_HEADER,
  SEGMENT_MAGIC,
  SEGMENT_STATE,
  SEGMENT_VERSION,
} from '../segment-layout.ts';
import { lowOf, readWord, writeHalves, writeWord } from '../words.ts';

const WORD_BYTES = 8;
const HEADER_BYTES = ARENAS_FIRST * WORD_BYTES;
const PORTABLE = 1;

/** As of ES2024; what it may grow to takes addresses, not memory. */
interface GrowableMemory extends SharedArrayBuffer {
  grow(byteLength: number): void;
}

/** One thread's way into the segment. */
export class SegmentMemory {
  readonly buffer: GrowableMemory;
  readonly #header: Uint32Array<SharedArrayBuffer>;

  /** A new segment, with room for the main arena. */
  static create(options: SegmentOptions): SegmentMemory {
    const mainWords = paddedWords(arenaLayoutOf(options.mainCapacities).arenaWords);
    const workerWords = paddedWords(arenaLayoutOf(options.workerCapacities).arenaWords);
    const bytes = (arenas: number): number =>
      arenaFirstWord(arenas, mainWords, workerWords) * WORD_BYTES;
    const Growable = SharedArrayBuffer as unknown as new (
      length: number,
      options: { maxByteLength: number },
    ) => GrowableMemory;
    const buffer = new Growable(bytes(1), { maxByteLength: bytes(ARENAS_MAX) });
    const memory = new SegmentMemory(buffer);
    memory.#initialise(options, mainWords, workerWords);
    return memory;
  }

  /** @param buffer another thread's. */
  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer as GrowableMemory;
    this.#header = new Uint32Array(buffer, 0, HEADER_BYTES / 4);
  }

  /** Words of the whole segment, as it is now. */
  words(): number {
    return Math.floor(this.buffer.byteLength / WORD_BYTES);
  }

  /**
   * An arena that no other thread uses. The totals of an earlier thread go on in it.
   *
   * @returns -1 where each has its thread; that is counted.
   */
  claimArena(): number {
    for (let index = 0; index < ARENAS_MAX; index += 1) {
      const word = DIRECTORY_FIRST + index * DIRECTORY_ENTRY.words;
      const isInUse = 2 * (word + DIRECTORY_ENTRY.isInUse);
      if (Atomics.compareExchange(this.#header, isInUse, 0, 1) !== 0) continue;
      this.#growTo(index + 1);
      writeWord(this.#header, word + DIRECTORY_ENTRY.threadId, threadId);
      writeWord(this.#header, word + DIRECTORY_ENTRY.unseen, 0);
      Atomics.add(this.#header, 2 * (word + DIRECTORY_ENTRY.adoptionCount), 1);
      return index;
    }
    Atomics.add(this.#header, 2 * SEGMENT_HEADER.droppedThreads, 1);
    return -1;
  }

  /** Readers look at an arena from here on: its content is there. */
  publishArena(index: number): void {
    const word = 2 * SEGMENT_HEADER.arenaCount;
    let count = Atomics.load(this.#header, word);
    while (count < index + 1) {
      const seen = Atomics.compareExchange(this.#header, word, count, index + 1);
      if (seen === count) break;
      count = seen;
    }
  }

  /**
   * The thread has ended: nothing of it is in flight any more, and another may have the arena.
   * Does nothing if that has been done already.
   *
   * @param ended the thread that had it.
   */
  releaseArena(index: number, ended: number): void {
    const word = DIRECTORY_FIRST + index * DIRECTORY_ENTRY.words;
    const isInUse = 2 * (word + DIRECTORY_ENTRY.isInUse);
    if (Atomics.load(this.#header, isInUse) === 0) return;
    if (readWord(this.#header, word + DIRECTORY_ENTRY.threadId) !== ended) return;
    this.#clearInFlight(index);
    Atomics.store(this.#header, isInUse, 0);
  }

  /** @returns -1 where the thread has none. */
  arenaOf(thread: number): number {
    const count = readWord(this.#header, SEGMENT_HEADER.arenaCount);
    for (let index = 0; index < count; index += 1) {
      const word = DIRECTORY_FIRST + index * DIRECTORY_ENTRY.words;
      const isInUse = lowOf(this.#header, word + DIRECTORY_ENTRY.isInUse) !== 0;
      if (isInUse && readWord(this.#header, word + DIRECTORY_ENTRY.threadId) === thread) {
        return index;
      }
    }
    return -1;
  }

  arenaWords(index: number): BigUint64Array<SharedArrayBuffer> {
    const words = this.#sizes()[index === 0 ? 'main' : 'worker'];
    return new BigUint64Array(this.buffer, this.#firstWord(index) * WORD_BYTES, words);
  }

  read(firstWord: number, target: BigUint64Array): void {
    target.set(new BigUint64Array(this.buffer, firstWord * WORD_BYTES, target.length));
  }

  setAppName(name: string): void {
    const sequence = 2 * SEGMENT_HEADER.namesSequence;
    Atomics.add(this.#header, sequence, 1);
    this.#writeText(SEGMENT_HEADER.appName, SEGMENT_HEADER.appNameBytesMax, name);
    Atomics.add(this.#header, sequence, 1);
  }

  recordOverhead(index: number, queryCount: number, totalNs: number): void {
    const word = DIRECTORY_FIRST + index * DIRECTORY_ENTRY.words;
    const samples = word + DIRECTORY_ENTRY.overheadSampleCount;
    const sum = word + DIRECTORY_ENTRY.overheadNs;
    writeWord(this.#header, samples, readWord(this.#header, samples) + queryCount);
    writeWord(this.#header, sum, readWord(this.#header, sum) + Math.round(totalNs));
  }

  setUnseen(index: number, libraries: number): void {
    const word = DIRECTORY_FIRST + index * DIRECTORY_ENTRY.words;
    writeWord(this.#header, word + DIRECTORY_ENTRY.unseen, libraries);
  }

  #initialise(options: SegmentOptions, mainWords: number, workerWords: number): void {
    const header = this.#header;
    const { bootId, startTicks } = processIdentity();
    const monotonicNs = process.hrtime.bigint();
    const words = new BigUint64Array(this.buffer, 0, SEGMENT_HEADER.words);
    writeHalves(header, SEGMENT_HEADER.magic, SEGMENT_MAGIC.low, SEGMENT_MAGIC.high);
    writeWord(header, SEGMENT_HEADER.version, SEGMENT_VERSION);
    writeWord(header, SEGMENT_HEADER.mainArenaWords, mainWords);
    writeWord(header, SEGMENT_HEADER.workerArenaWords, workerWords);
    writeWord(header, SEGMENT_HEADER.wantedMainArenaWords, mainWords);
    writeWord(header, SEGMENT_HEADER.pid, process.pid);
    words[SEGMENT_HEADER.processStartTicks] = startTicks;
    words[SEGMENT_HEADER.place] = options.place ?? 0n;
    words[SEGMENT_HEADER.generation] = randomBytes(8).readBigUInt64LE();
    words[SEGMENT_HEADER.bootId] = bootId;
    words[SEGMENT_HEADER.startedNs] = monotonicNs;
    words[SEGMENT_HEADER.wallMinusMonotonicNs] = BigInt.asUintN(
      64,
      BigInt(Date.now()) * 1_000_000n - monotonicNs,
    );
    writeWord(header, SEGMENT_HEADER.state, SEGMENT_STATE.running);
    writeWord(header, SEGMENT_HEADER.engine, PORTABLE);
    const { scriptName, scriptNameBytesMax, runtimeVersion, runtimeVersionBytesMax } =
      SEGMENT_HEADER;
    this.#writeText(scriptName, scriptNameBytesMax, options.scriptName);
    this.#writeText(runtimeVersion, runtimeVersionBytesMax, process.version);
    this.setAppName(options.appName);
  }

  #sizes(): { main: number; worker: number } {
    return {
      main: readWord(this.#header, SEGMENT_HEADER.mainArenaWords),
      worker: readWord(this.#header, SEGMENT_HEADER.workerArenaWords),
    };
  }

  #firstWord(index: number): number {
    const { main, worker } = this.#sizes();
    return arenaFirstWord(index, main, worker);
  }

  #growTo(arenas: number): void {
    const bytes = this.#firstWord(arenas) * WORD_BYTES;
    try {
      if (this.buffer.byteLength < bytes) this.buffer.grow(bytes);
    } catch (error) {
      // Another thread has let it grow further meanwhile.
      if (this.buffer.byteLength < bytes) throw error;
    }
  }

  #clearInFlight(index: number): void {
    const arena = this.arenaWords(index);
    const words = new Uint32Array(arena.buffer, arena.byteOffset, 2 * arena.length);
    const layout = arenaLayoutOf(capacitiesOf(words));
    for (const [first, count] of [
      [layout.inFlightQueries, layout.capacities.inFlightQueriesMax],
      [layout.inFlightRequests, layout.capacities.inFlightRequestsMax],
    ] as const) {
      for (let slot = 0; slot < count; slot += 1) {
        writeWord(words, first + slot * IN_FLIGHT.words + IN_FLIGHT.handle, NO_HANDLE);
      }
    }
  }

  /** UTF-8, cut before a character that would not fit whole, filled up with zeros. */
  #writeText(word: number, bytesMax: number, text: string): void {
    const bytes = new Uint8Array(this.buffer, word * WORD_BYTES, bytesMax);
    const encoded = new Uint8Array(bytesMax);
    new TextEncoder().encodeInto(text, encoded);
    bytes.set(encoded);
  }
}

function capacitiesOf(arena: Uint32Array): RecorderCapacities {
  const [
    inFlightQueriesMax = 0,
    inFlightRequestsMax = 0,
    recentQueriesMax = 0,
    recentRequestsMax = 0,
    statementsMax = 0,
    routesMax = 0,
  ] = CAPACITY_NAMES.map((_, index) => readWord(arena, HEADER.capacities + index));
  return {
    inFlightQueriesMax,
    inFlightRequestsMax,
    recentQueriesMax,
    recentRequestsMax,
    statementsMax,
    routesMax,
  };
}
