import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

import type { ReadWords } from '../engine/words.ts';

const WORD_BYTES = 8;
/** Twice what a segment with every arena takes. */
const FILE_BYTES_MAX = 256 * 2 ** 20;

/** The file of a process's segment, open for reading. */
export interface SegmentFile {
  readonly path: string;
  /** Whole words of the file when it was opened; it grows when a thread gets an arena. */
  readonly words: () => number;
  /** @throws Error where the file ends before the last of the words. */
  readonly read: ReadWords;
  readonly close: () => void;
}

/**
 * Opens a segment to copy words out of it. It is never mapped: a mapped file that is cut short
 * takes the process down that looks at it.
 *
 * @throws Error where it cannot be opened, is a symbolic link, no regular file, another user's,
 * or too long to be a segment.
 */
export function openSegmentFile(path: string): SegmentFile {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    checkedBytes(path, file);
  } catch (error) {
    closeSync(file);
    throw error;
  }
  return {
    path,
    words: () => Math.floor(checkedBytes(path, file) / WORD_BYTES),
    read(firstWord, target) {
      readFully(path, file, firstWord * WORD_BYTES, target);
    },
    close: () => closeSync(file),
  };
}

function checkedBytes(path: string, file: number): number {
  const stat = fstatSync(file);
  if (!stat.isFile()) throw new Error(`${path} is no regular file`);
  const uid = process.getuid?.();
  if (uid !== undefined && stat.uid !== uid) {
    throw new Error(`${path} belongs to another user (uid ${stat.uid}, not ${uid})`);
  }
  if (stat.size > FILE_BYTES_MAX) {
    throw new Error(`${path} is too long for a segment: ${stat.size} bytes`);
  }
  return stat.size;
}

function readFully(path: string, file: number, position: number, target: BigUint64Array): void {
  const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  let done = 0;
  while (done < bytes.length) {
    const count = readSync(file, bytes, done, bytes.length - done, position + done);
    if (count === 0) {
      throw new Error(`${path} ends at byte ${position + done}, before its content does`);
    }
    done += count;
  }
}
