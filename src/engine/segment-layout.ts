/**
 * Where everything lies in a segment, the memory of one process: `native/src/segment_layout.zig`
 * in TypeScript. Offsets and sizes are in words of 64 bits; every part begins at a page.
 *
 *   header (one page) · arena directory · main arena · worker arenas
 */

/** "HYPERDJS", as the two 32-bit halves of a little-endian word. */
export const SEGMENT_MAGIC = { low: 0x45_50_59_48, high: 0x53_4a_44_52 } as const;
export const SEGMENT_VERSION = 2;

export const PAGE_WORDS = 512;
export const ARENAS_MAX = 128;

/** What each word means is said in `segment_layout.zig`. */
export const SEGMENT_HEADER = {
  magic: 0,
  version: 1,
  mainArenaWords: 2,
  workerArenaWords: 3,
  arenaCount: 4,
  pid: 5,
  processStartTicks: 6,
  generation: 7,
  bootId: 8,
  startedNs: 9,
  wallMinusMonotonicNs: 10,
  heartbeatNs: 11,
  heartbeatIntervalNs: 12,
  state: 13,
  exitCode: 14,
  hasUncaughtException: 15,
  engine: 16,
  droppedThreads: 17,
  wantedMainArenaWords: 18,
  namesSequence: 19,
  appName: 24,
  appNameBytesMax: 64,
  scriptName: 32,
  scriptNameBytesMax: 64,
  runtimeVersion: 40,
  runtimeVersionBytesMax: 32,
  place: 44,
  words: 512,
} as const;

export const SEGMENT_STATE = { initialising: 0, running: 1, exited: 2 } as const;

export const DIRECTORY_ENTRY = {
  isInUse: 0,
  threadId: 1,
  adoptionCount: 2,
  loopCheckedNs: 3,
  loopIdleNs: 4,
  loopBusySinceNs: 5,
  overheadSampleCount: 6,
  overheadNs: 7,
  unseen: 8,
  words: 16,
} as const;

/** Bits of `DIRECTORY_ENTRY.unseen`: what a thread uses and no hook reaches. */
export const UNSEEN = {
  /** Drivers whose queries are not recorded. */
  pg: 1,
  postgresJs: 2,
  otherDriver: 4,
  pglite: 8,
  /** ORMs whose call sites are not known. */
  drizzle: 0x100,
  prisma: 0x200,
} as const;

export const DIRECTORY_FIRST: number = SEGMENT_HEADER.words;
export const ARENAS_FIRST: number = DIRECTORY_FIRST + ARENAS_MAX * DIRECTORY_ENTRY.words;

/** Arenas are as long as their content, rounded up to pages. */
export function paddedWords(arenaWords: number): number {
  return Math.ceil(arenaWords / PAGE_WORDS) * PAGE_WORDS;
}

export function arenaFirstWord(
  index: number,
  mainArenaWords: number,
  workerArenaWords: number,
): number {
  if (index === 0) return ARENAS_FIRST;
  return ARENAS_FIRST + mainArenaWords + (index - 1) * workerArenaWords;
}
