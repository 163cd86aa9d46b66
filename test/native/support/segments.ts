import { readFileSync } from 'node:fs';

import { HEADER } from '../../../src/engine/layout.ts';
import { ArenaReader } from '../../../src/engine/reader.ts';
import {
  ARENAS_FIRST,
  arenaFirstWord,
  DIRECTORY_ENTRY,
  DIRECTORY_FIRST,
  SEGMENT_HEADER,
  SEGMENT_MAGIC,
} from '../../../src/engine/segment-layout.ts';
import { ROOT, type RunningProcess, type RunOptions, startNode } from '../../support/processes.ts';

/** A segment as a test looks at it: no validation, no care for what changes meanwhile. */
export interface SegmentFile {
  readonly words: BigUint64Array;
  readonly magic: bigint;
  readonly pid: number;
  readonly generation: string;
  readonly state: number;
  readonly exitCode: number;
  readonly hasUncaughtException: number;
  readonly heartbeatNs: number;
  readonly droppedThreads: number;
  readonly mainArenaWords: number;
  readonly wantedMainArenaWords: number;
  readonly appName: string;
  readonly scriptName: string;
  readonly runtimeVersion: string;
  readonly arenas: readonly ArenaState[];
}

export interface ArenaState {
  readonly words: number;
  readonly isInUse: number;
  readonly threadId: number;
  readonly adoptionCount: number;
  readonly loopCheckedNs: number;
  readonly loopBusySinceNs: number;
  readonly overheadSampleCount: number;
  readonly overheadNs: number;
  readonly queryCount: number;
  readonly inFlightQueries: number;
  readonly inFlightRequests: number;
  readonly statements: readonly (readonly [text: string, callCount: number])[];
}

export const MAGIC: bigint = (BigInt(SEGMENT_MAGIC.high) << 32n) | BigInt(SEGMENT_MAGIC.low);

export function readSegment(path: string): SegmentFile {
  const bytes = new Uint8Array(readFileSync(path));
  const words = new BigUint64Array(bytes.buffer);
  const word = (index: number): bigint => words[index] ?? 0n;
  const number = (index: number): number => Number(word(index));
  const text = (first: number, bytesMax: number): string =>
    Buffer.from(bytes.subarray(first * 8, first * 8 + bytesMax))
      .toString('utf8')
      .replace(/\0+$/, '');
  const header = SEGMENT_HEADER;
  return {
    words,
    magic: word(header.magic),
    pid: number(header.pid),
    generation: word(header.generation).toString(16).padStart(16, '0'),
    state: number(header.state),
    exitCode: number(header.exitCode),
    hasUncaughtException: number(header.hasUncaughtException),
    heartbeatNs: number(header.heartbeatNs),
    droppedThreads: number(header.droppedThreads),
    mainArenaWords: number(header.mainArenaWords),
    wantedMainArenaWords: number(header.wantedMainArenaWords),
    appName: text(header.appName, header.appNameBytesMax),
    scriptName: text(header.scriptName, header.scriptNameBytesMax),
    runtimeVersion: text(header.runtimeVersion, header.runtimeVersionBytesMax),
    arenas: Array.from({ length: number(header.arenaCount) }, (_, index) =>
      arenaState(
        words,
        DIRECTORY_FIRST + index * DIRECTORY_ENTRY.words,
        arenaFirstWord(index, number(header.mainArenaWords), number(header.workerArenaWords)),
      ),
    ),
  };
}

function arenaState(words: BigUint64Array, entry: number, arena: number): ArenaState {
  const number = (index: number): number => Number(words[index] ?? 0n);
  const reader = new ArenaReader((firstWord, target) => {
    target.set(words.subarray(firstWord, firstWord + target.length));
  }, arena);
  const snapshot = reader.snapshot(0);
  return {
    words: number(arena + HEADER.arenaWords),
    isInUse: number(entry + DIRECTORY_ENTRY.isInUse),
    threadId: number(entry + DIRECTORY_ENTRY.threadId),
    adoptionCount: number(entry + DIRECTORY_ENTRY.adoptionCount),
    loopCheckedNs: number(entry + DIRECTORY_ENTRY.loopCheckedNs),
    loopBusySinceNs: number(entry + DIRECTORY_ENTRY.loopBusySinceNs),
    overheadSampleCount: number(entry + DIRECTORY_ENTRY.overheadSampleCount),
    overheadNs: number(entry + DIRECTORY_ENTRY.overheadNs),
    queryCount: snapshot.queryCount,
    inFlightQueries: snapshot.inFlightQueries.length,
    inFlightRequests: snapshot.inFlightRequests.length,
    statements: snapshot.statements.map(({ text, callCount }) => [text, callCount]),
  };
}

/** Bytes of a segment with a main arena of so many words and no worker. */
export function segmentBytes(mainArenaWords: number): number {
  return (ARENAS_FIRST + mainArenaWords) * 8;
}

/** What every script of these tests begins with: the recorder, and this thread's segment. */
const PRELUDE = `
  const { getRecorder, isDisabled } = await import(process.env.RECORDER_URL);
  const { Worker, isMainThread, parentPort, threadId } = await import('node:worker_threads');
  const { once } = await import('node:events');
`;

/** Starts a module of its own with `getRecorder` at hand; its lines are JSON or plain. */
export function startRecording(code: string, options: RunOptions = {}): RunningProcess {
  return startNode(['--input-type=module', '--eval', PRELUDE + code], {
    ...options,
    env: { ...recordingEnvironment(), ...options.env },
  });
}

/** For a shell that starts `node "$@"` itself. */
export function recordingArguments(code: string): string[] {
  return ['--input-type=module', '--eval', PRELUDE + code];
}

export function recordingEnvironment(): Readonly<Record<string, string | undefined>> {
  return {
    HYPERDJANGO_ENGINE: 'native',
    HYPERDJANGO_APP: undefined,
    HYPERDJANGO_DIR: undefined,
    RECORDER_URL: new URL('dist/recorder/index.js', `file://${ROOT}/`).href,
  };
}

/**
 * Begins a command under which a folder is a file system of its own in memory, which is gone with
 * the process.
 */
export function onTmpfs(options: string, folder: string): string[] {
  return [
    'unshare',
    ...(process.geteuid?.() === 0 ? [] : ['--user', '--map-root-user']),
    '--mount',
    'sh',
    '-c',
    `mount -t tmpfs -o mode=700,${options} tmpfs "${folder}" && shift 0 && exec "$@"`,
    'sh',
  ];
}
