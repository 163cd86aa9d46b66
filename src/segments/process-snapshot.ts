import type { EngineKind, RecorderSnapshot } from '../engine/engine.ts';
import type { FileLocks } from '../engine/file-locks.ts';
import { ArenaReader } from '../engine/reader.ts';
import { StatementDictionary } from '../engine/statement-dictionary.ts';
import type { ReadWords } from '../engine/words.ts';
import { isOwnerAlive } from './liveness.ts';
import { openSegmentFile } from './segment-file.ts';
import {
  type ArenaEntry,
  readArenaEntries,
  readSegmentHeader,
  type SegmentHeader,
} from './segment-header.ts';
import { unseenDriversIn, unseenOrmsIn, unseenProblems } from './unseen.ts';

/** `dead`: gone without having said so, as by SIGKILL. */
export type ProcessState = 'running' | 'exited' | 'dead';

/** One process, as its segment shows it. Monotonic times are the host's, in nanoseconds. */
export interface ProcessSnapshot {
  /** Null for memory that only its own process can read. */
  readonly path: string | null;
  readonly pid: number;
  /** 16 hex digits; no two segments share one. */
  readonly generation: string;
  readonly appName: string;
  readonly scriptName: string;
  readonly runtimeVersion: string;
  readonly engine: EngineKind;
  readonly state: ProcessState;
  /** Of a process that has exited. */
  readonly exitCode: number | undefined;
  readonly hasUncaughtException: boolean;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** When the process was last seen alive: now for one that runs, else its last sign of life. */
  readonly aliveNs: number;
  /** The same in milliseconds since 1970. */
  readonly aliveAt: number;
  /** When the heartbeat last ran; 0 where the process has none. */
  readonly heartbeatNs: number;
  readonly heartbeatIntervalNs: number;
  readonly threads: readonly ThreadSnapshot[];
  /** Threads that found no arena. */
  readonly droppedThreads: number;
  /** Mean cost of a recorded query, sampled; 0 where nothing was sampled yet. */
  readonly overheadNs: number;
  /** Drivers whose queries are not recorded, and ORMs whose call sites are not known. */
  readonly unseenDrivers: readonly string[];
  readonly unseenOrms: readonly string[];
  /** What is amiss, in sentences: less memory than wanted, arenas that cannot be read. */
  readonly problems: readonly string[];
}

export interface ThreadSnapshot {
  readonly arenaIndex: number;
  /** `worker_threads.threadId` of the arena's last thread; 0 is the main one. */
  readonly threadId: number;
  /** Whether a thread is using the arena; totals of those that ended stay. */
  readonly isInUse: boolean;
  /** How many threads have had the arena. */
  readonly adoptionCount: number;
  readonly loop: LoopState;
  readonly records: RecorderSnapshot;
}

export interface LoopState {
  /** When the event loop was last looked at; 0 where nobody can. */
  readonly checkedNs: number;
  /** How long the loop had been busy without a break when the process was last seen alive. */
  readonly busyNs: number;
}

export interface ReadOptions {
  /**
   * Those of statements and routes, which are most of what there is to read.
   *
   * @defaultValue true
   */
  readonly histograms?: boolean;
  /**
   * What has ended lately. With false it is read only where it may tell what is wrong: of the
   * dead, and of threads whose event loop is stuck.
   *
   * @defaultValue true
   */
  readonly recent?: boolean;
}

/** From here on a loop that has been busy without a break counts as stuck. */
export const STUCK_NS = 100e6;

/** A process's segment, open for one reading after the other. */
export class ProcessReader {
  readonly path: string | null;
  readonly #read: ReadWords;
  readonly #words: () => number;
  readonly #close: () => void;
  readonly #isAlive: (header: SegmentHeader) => boolean;
  readonly #dictionary: StatementDictionary;
  /** By index; the readers remember rows. */
  readonly #arenas: ArenaReader[] = [];

  /**
   * @param dictionary of all processes that are read together.
   * @throws Error where the file is no segment that this version can read; it names the file.
   */
  static open(
    path: string,
    locks: FileLocks | undefined,
    dictionary: StatementDictionary = new StatementDictionary(),
  ): ProcessReader {
    const file = openSegmentFile(path);
    return new ProcessReader(
      path,
      file.read,
      file.words,
      file.close,
      (header) => isOwnerAlive(path, header, locks),
      dictionary,
    );
  }

  /** For the segment of this process, which needs no file. */
  static ofMemory(path: string | null, read: ReadWords): ProcessReader {
    return new ProcessReader(
      path,
      read,
      // Where it ends is as its header says.
      () => Number.POSITIVE_INFINITY,
      () => {},
      () => true,
      new StatementDictionary(),
    );
  }

  private constructor(
    path: string | null,
    read: ReadWords,
    words: () => number,
    close: () => void,
    isAlive: (header: SegmentHeader) => boolean,
    dictionary: StatementDictionary,
  ) {
    this.path = path;
    this.#read = read;
    this.#words = words;
    this.#close = close;
    this.#isAlive = isAlive;
    this.#dictionary = dictionary;
  }

  /** @throws Error where the segment cannot be read. */
  header(): SegmentHeader {
    return readSegmentHeader(this.#read, this.#words());
  }

  /**
   * @param nowNs on the host's monotonic clock.
   * @throws Error where the segment cannot be read; one arena that cannot is a problem of the
   * snapshot.
   */
  snapshot(nowNs: number, options: ReadOptions = {}): ProcessSnapshot {
    const words = this.#words();
    const header = readSegmentHeader(this.#read, words);
    // Before the content is read: of one that is dead by now, all of it has been written.
    const state = stateOf(header, this.#isAlive(header));
    const entries = readArenaEntries(this.#read, header, words);
    const unseen = entries.reduce((all, entry) => all | (entry.isInUse ? entry.unseen : 0), 0);
    const problems = [...sizeProblems(header), ...unseenProblems(unseen)];
    const arenas: { entry: ArenaEntry; index: number; records: RecorderSnapshot }[] = [];
    const { histograms = true, recent: isWanted = true } = options;
    entries.forEach((entry, index) => {
      try {
        const recent = isWanted || state !== 'running' || loopOf(entry, nowNs).busyNs >= STUCK_NS;
        const records = this.#arenaAt(index, entry).snapshot(nowNs, { histograms, recent });
        arenas.push({ entry, index, records });
      } catch (error) {
        problems.push(`arena ${index} cannot be read: ${messageOf(error)}`);
      }
    });
    const signs = arenas.map(({ records }) => lastSignNs(records));
    const aliveNs = state === 'running' ? nowNs : lastOf(header, nowNs, signs);
    return {
      path: this.path,
      pid: header.pid,
      generation: header.generation,
      appName: header.appName,
      scriptName: header.scriptName,
      runtimeVersion: header.runtimeVersion,
      engine: header.engine,
      state,
      exitCode: state === 'exited' ? header.exitCode : undefined,
      hasUncaughtException: header.hasUncaughtException,
      startedAt: wallMsOf(header, header.startedNs),
      aliveNs,
      aliveAt: wallMsOf(header, aliveNs),
      heartbeatNs: header.heartbeatNs,
      heartbeatIntervalNs: header.heartbeatIntervalNs,
      threads: arenas.map(({ entry, index, records }) => ({
        arenaIndex: index,
        threadId: entry.threadId,
        isInUse: entry.isInUse,
        adoptionCount: entry.adoptionCount,
        loop: loopOf(entry, state === 'running' ? nowNs : entry.loopCheckedNs),
        records,
      })),
      droppedThreads: header.droppedThreads,
      overheadNs: meanOverheadNs(entries),
      unseenDrivers: unseenDriversIn(unseen),
      unseenOrms: unseenOrmsIn(unseen),
      problems,
    };
  }

  close(): void {
    this.#close();
  }

  #arenaAt(index: number, { firstWord, wordsMax }: ArenaEntry): ArenaReader {
    const known = this.#arenas[index];
    if (known !== undefined) return known;
    const reader = new ArenaReader(this.#read, firstWord, this.#dictionary);
    if (reader.arenaWords > wordsMax) throw new Error('it is larger than its place');
    this.#arenas[index] = reader;
    return reader;
  }
}

function stateOf(header: SegmentHeader, isAlive: boolean): ProcessState {
  if (isAlive) return 'running';
  return header.hasExited ? 'exited' : 'dead';
}

function sizeProblems({
  mainArenaWords,
  wantedMainArenaWords,
  droppedThreads,
}: SegmentHeader): string[] {
  const problems: string[] = [];
  if (wantedMainArenaWords > mainArenaWords) {
    const percent = Math.round((100 * mainArenaWords) / wantedMainArenaWords);
    problems.push(`the segment found room for ${percent} % of its tables`);
  }
  if (droppedThreads > 0) problems.push(`${droppedThreads} threads found no arena`);
  return problems;
}

function loopOf(entry: ArenaEntry, untilNs: number): LoopState {
  const { loopCheckedNs, loopBusySinceNs } = entry;
  const busyNs = loopBusySinceNs === 0 ? 0 : Math.max(0, untilNs - loopBusySinceNs);
  return { checkedNs: loopCheckedNs, busyNs };
}

/** The last moment at which the thread wrote something down. */
function lastSignNs(records: RecorderSnapshot): number {
  const query = records.recentQueries.at(-1);
  const request = records.recentRequests.at(-1);
  return Math.max(
    records.inFlightQueries.at(-1)?.startNs ?? 0,
    records.inFlightRequests.at(-1)?.startNs ?? 0,
    query === undefined ? 0 : query.startNs + query.durationNs,
    request === undefined ? 0 : request.startNs + request.durationNs,
  );
}

/** A beat may be missed, and a damaged record may lie in the future. */
function lastOf(header: SegmentHeader, nowNs: number, signs: readonly number[]): number {
  return Math.max(header.startedNs, header.heartbeatNs, ...signs.filter((ns) => ns <= nowNs));
}

function wallMsOf(header: SegmentHeader, monotonicNs: number): number {
  return (monotonicNs + header.wallMinusMonotonicNs) / 1e6;
}

function meanOverheadNs(entries: readonly ArenaEntry[]): number {
  const count = entries.reduce((sum, entry) => sum + entry.overheadSampleCount, 0);
  const totalNs = entries.reduce((sum, entry) => sum + entry.overheadNs, 0);
  return count === 0 ? 0 : totalNs / count;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
