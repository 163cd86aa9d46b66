import type { EngineKind } from '../engine/engine.ts';
import type { ReadWords } from '../engine/words.ts';
import {
  ARENAS_FIRST,
  ARENAS_MAX,
  arenaFirstWord,
  DIRECTORY_ENTRY,
  DIRECTORY_FIRST,
  PAGE_WORDS,
  SEGMENT_HEADER,
  SEGMENT_MAGIC,
  SEGMENT_STATE,
  SEGMENT_VERSION,
} from '../engine/segment-layout.ts';
import { highOf, lowOf, readWord } from '../engine/words.ts';

/** Twice what the largest arena takes: no number in a file makes a reader ask for more memory. */
const ARENA_WORDS_MAX = 2 ** 21;
const NAME_TRIES = 4;

/** The first page of a segment: what holds for the whole process. */
export interface SegmentHeader {
  readonly mainArenaWords: number;
  readonly workerArenaWords: number;
  readonly arenaCount: number;
  readonly pid: number;
  /** 0 where it is unknown. */
  readonly processStartTicks: number;
  /** 16 hex digits. */
  readonly generation: string;
  /** 16 hex digits; all zero where it is unknown. */
  readonly bootId: string;
  readonly startedNs: number;
  /** What to add to a monotonic time for nanoseconds since 1970. */
  readonly wallMinusMonotonicNs: number;
  readonly heartbeatNs: number;
  readonly heartbeatIntervalNs: number;
  readonly hasExited: boolean;
  readonly exitCode: number;
  readonly hasUncaughtException: boolean;
  readonly engine: EngineKind;
  readonly droppedThreads: number;
  readonly wantedMainArenaWords: number;
  readonly appName: string;
  /** 16 hex digits; all zero where the application was given its name. */
  readonly place: string;
  readonly scriptName: string;
  readonly runtimeVersion: string;
}

/** What the directory says of one arena. */
export interface ArenaEntry {
  readonly firstWord: number;
  readonly wordsMax: number;
  readonly isInUse: boolean;
  readonly threadId: number;
  readonly adoptionCount: number;
  readonly loopCheckedNs: number;
  readonly loopIdleNs: number;
  readonly loopBusySinceNs: number;
  readonly overheadSampleCount: number;
  readonly overheadNs: number;
  /** Bits of `UNSEEN`. */
  readonly unseen: number;
}

/**
 * @throws Error if what `read` gives is no segment, is one of another version, or names arenas
 * that lie beyond its end.
 */
export function readSegmentHeader(read: ReadWords, segmentWords: number): SegmentHeader {
  if (segmentWords < ARENAS_FIRST) throw new Error('it is too short for a segment');
  const words = copyHeader(read);
  assertVersion(words);
  const word = (index: number): number => readWord(words, index);
  const header: SegmentHeader = {
    mainArenaWords: word(SEGMENT_HEADER.mainArenaWords),
    workerArenaWords: word(SEGMENT_HEADER.workerArenaWords),
    arenaCount: word(SEGMENT_HEADER.arenaCount),
    pid: word(SEGMENT_HEADER.pid),
    processStartTicks: word(SEGMENT_HEADER.processStartTicks),
    generation: hexOf(words, SEGMENT_HEADER.generation),
    bootId: hexOf(words, SEGMENT_HEADER.bootId),
    startedNs: word(SEGMENT_HEADER.startedNs),
    wallMinusMonotonicNs: signedWord(words, SEGMENT_HEADER.wallMinusMonotonicNs),
    heartbeatNs: word(SEGMENT_HEADER.heartbeatNs),
    heartbeatIntervalNs: word(SEGMENT_HEADER.heartbeatIntervalNs),
    hasExited: word(SEGMENT_HEADER.state) === SEGMENT_STATE.exited,
    exitCode: word(SEGMENT_HEADER.exitCode),
    hasUncaughtException: word(SEGMENT_HEADER.hasUncaughtException) !== 0,
    engine: word(SEGMENT_HEADER.engine) === 0 ? 'native' : 'portable',
    droppedThreads: word(SEGMENT_HEADER.droppedThreads),
    wantedMainArenaWords: word(SEGMENT_HEADER.wantedMainArenaWords),
    appName: textOf(words, SEGMENT_HEADER.appName, SEGMENT_HEADER.appNameBytesMax),
    place: hexOf(words, SEGMENT_HEADER.place),
    scriptName: textOf(words, SEGMENT_HEADER.scriptName, SEGMENT_HEADER.scriptNameBytesMax),
    runtimeVersion: textOf(
      words,
      SEGMENT_HEADER.runtimeVersion,
      SEGMENT_HEADER.runtimeVersionBytesMax,
    ),
  };
  assertSizes(header, segmentWords);
  return header;
}

/** The directory's entries of the arenas that exist and lie within the segment. */
export function readArenaEntries(
  read: ReadWords,
  header: SegmentHeader,
  segmentWords: number,
): ArenaEntry[] {
  const words = copyWords(read, DIRECTORY_FIRST, header.arenaCount * DIRECTORY_ENTRY.words);
  const entries: ArenaEntry[] = [];
  for (let index = 0; index < header.arenaCount; index += 1) {
    const row = index * DIRECTORY_ENTRY.words;
    const firstWord = arenaFirstWord(index, header.mainArenaWords, header.workerArenaWords);
    // The arena that is being added: the file's size was looked at before the count.
    if (index > 0 && firstWord + header.workerArenaWords > segmentWords) break;
    entries.push({
      firstWord,
      wordsMax: index === 0 ? header.mainArenaWords : header.workerArenaWords,
      isInUse: readWord(words, row + DIRECTORY_ENTRY.isInUse) !== 0,
      threadId: readWord(words, row + DIRECTORY_ENTRY.threadId),
      adoptionCount: readWord(words, row + DIRECTORY_ENTRY.adoptionCount),
      loopCheckedNs: readWord(words, row + DIRECTORY_ENTRY.loopCheckedNs),
      loopIdleNs: readWord(words, row + DIRECTORY_ENTRY.loopIdleNs),
      loopBusySinceNs: readWord(words, row + DIRECTORY_ENTRY.loopBusySinceNs),
      overheadSampleCount: readWord(words, row + DIRECTORY_ENTRY.overheadSampleCount),
      overheadNs: readWord(words, row + DIRECTORY_ENTRY.overheadNs),
      unseen: readWord(words, row + DIRECTORY_ENTRY.unseen),
    });
  }
  return entries;
}

/** With names that nobody was writing meanwhile, unless the writer died over them. */
function copyHeader(read: ReadWords): Uint32Array {
  let words = copyWords(read, 0, SEGMENT_HEADER.words);
  for (let tries = 1; tries < NAME_TRIES; tries += 1) {
    const sequence = lowOf(words, SEGMENT_HEADER.namesSequence);
    const after = copyWords(read, 0, SEGMENT_HEADER.words);
    if (sequence % 2 === 0 && lowOf(after, SEGMENT_HEADER.namesSequence) === sequence) break;
    words = after;
  }
  return words;
}

function copyWords(read: ReadWords, firstWord: number, count: number): Uint32Array {
  const target = new BigUint64Array(count);
  read(firstWord, target);
  return new Uint32Array(target.buffer);
}

function assertVersion(words: Uint32Array): void {
  const isSegment =
    lowOf(words, SEGMENT_HEADER.magic) === SEGMENT_MAGIC.low &&
    highOf(words, SEGMENT_HEADER.magic) === SEGMENT_MAGIC.high;
  if (!isSegment) throw new Error('it does not begin as a segment does');
  const version = readWord(words, SEGMENT_HEADER.version);
  if (version === SEGMENT_VERSION) return;
  const age = version > SEGMENT_VERSION ? 'a newer' : 'an older';
  throw new Error(
    `${age} version of hyperdjango wrote it (layout ${version}; this one reads ${SEGMENT_VERSION})`,
  );
}

function assertSizes(header: SegmentHeader, segmentWords: number): void {
  const { mainArenaWords, workerArenaWords, arenaCount } = header;
  const arePages = [mainArenaWords, workerArenaWords].every(
    (words) => words > 0 && words <= ARENA_WORDS_MAX && words % PAGE_WORDS === 0,
  );
  if (!arePages || arenaCount < 1 || arenaCount > ARENAS_MAX) {
    throw new Error('its header is damaged');
  }
  if (ARENAS_FIRST + mainArenaWords > segmentWords) {
    throw new Error('it ends before its first arena does');
  }
}

function textOf(words: Uint32Array, firstWord: number, bytesMax: number): string {
  const bytes = Buffer.from(words.buffer, words.byteOffset + 8 * firstWord, bytesMax);
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end === -1 ? bytesMax : end);
}

function hexOf(words: Uint32Array, word: number): string {
  return [highOf(words, word), lowOf(words, word)]
    .map((half) => half.toString(16).padStart(8, '0'))
    .join('');
}

function signedWord(words: Uint32Array, word: number): number {
  return (highOf(words, word) | 0) * 2 ** 32 + lowOf(words, word);
}
