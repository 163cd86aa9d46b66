/** Names of applications: as long as a segment keeps them, and told apart where two are alike. */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';

import type { FileLocks } from '../engine/file-locks.ts';
import { SEGMENT_HEADER } from '../engine/segment-layout.ts';
import type { ReadWords } from '../engine/words.ts';
import { listDirectory } from './directory.ts';
import { isOwnerAlive } from './liveness.ts';
import { ProcessReader } from './process-snapshot.ts';

const BYTES_MAX = SEGMENT_HEADER.appNameBytesMax;
const MARK_DIGITS = 8;
/** With its mark a name fits too. */
const BASE_BYTES_MAX = BYTES_MAX - MARK_DIGITS - 1;

/** A name that was given, as a segment keeps it: one that is too long ends in a mark. */
export function cutName(name: string): string {
  return Buffer.byteLength(name) <= BYTES_MAX ? name : markedName(name, hashOf(name));
}

/** A name of a package and the place of a script in it: of one that is too long, both ends. */
export function cutPlace(name: string): string {
  if (Buffer.byteLength(name) <= BASE_BYTES_MAX) return name;
  const head = `${firstBytes(name, BASE_BYTES_MAX >> 1)}…`;
  const bytes = Buffer.from(name);
  let from = bytes.length - (BASE_BYTES_MAX - Buffer.byteLength(head));
  while (isInside(bytes, from)) from += 1;
  return head + bytes.toString('utf8', from);
}

export function hashOf(text: string): bigint {
  return createHash('sha256').update(text).digest().readBigUInt64LE();
}

/** A process that was given no name. */
export interface UnnamedProcess {
  /** Of its segment. */
  readonly path: string;
  /** What it is called if no other application is, at most 55 bytes. */
  readonly name: string;
  /** As in its segment's header. */
  readonly place: bigint;
  readonly read: ReadWords;
}

interface Known {
  readonly name: string;
  readonly isOwn: boolean;
  readonly isRunning: boolean;
  readonly startedNs: number;
}

/**
 * The name that a process takes: that of its own place; else that of an application of the name
 * that runs no more, whose next release it is; else its own, with a mark where it is taken. No
 * place takes a name under which another one runs.
 *
 * To be asked for when the process's own segment is there: of two that start at once each then
 * sees the other.
 *
 * @throws Error where the directory of segments cannot be read.
 */
export function nameApart(own: UnnamedProcess, locks: FileLocks | undefined): string {
  // Another thread of the process has asked before, or the application has said its name.
  const { appName } = ProcessReader.ofMemory(own.path, own.read).header();
  if (appName !== own.name) return appName;
  const known = knownOf(own, locks);
  const isTaken = (name: string): boolean =>
    known.some((other) => other.isRunning && !other.isOwn && other.name === name);
  const [earlier] = known
    .filter(({ name }) => !isTaken(name))
    .sort((a, b) => Number(b.isOwn) - Number(a.isOwn) || b.startedNs - a.startedNs);
  if (earlier !== undefined) return earlier.name;
  for (let tries = 0n, name = own.name; ; tries += 1n) {
    if (!isTaken(name)) return name;
    name = markedName(own.name, own.place + tries);
  }
}

/** What others of the name have left in the directory, or are writing. */
function knownOf(own: UnnamedProcess, locks: FileLocks | undefined): readonly Known[] {
  const place = own.place.toString(16).padStart(16, '0');
  const known: Known[] = [];
  for (const { path } of listDirectory(dirname(own.path)).segments) {
    if (path === own.path) continue;
    try {
      const reader = ProcessReader.open(path, locks);
      try {
        const header = reader.header();
        if (!isNameOf(own.name, header.appName)) continue;
        const isRunning = isOwnerAlive(path, header, locks);
        const { appName, startedNs } = header;
        known.push({ name: appName, isOwn: header.place === place, isRunning, startedNs });
      } finally {
        reader.close();
      }
    } catch {
      // Gone meanwhile, damaged, or of another version: no name that could be gone on with.
    }
  }
  return known;
}

/** Whether it is the name itself, or that with a mark. */
function isNameOf(base: string, name: string): boolean {
  if (!name.startsWith(base)) return false;
  return name.length === base.length || /^#[0-9a-f]{8}$/.test(name.slice(base.length));
}

function markedName(name: string, mark: bigint): string {
  const digits = BigInt.asUintN(64, mark).toString(16).padStart(16, '0').slice(-MARK_DIGITS);
  return `${firstBytes(name, BASE_BYTES_MAX)}#${digits}`;
}

/** Whole characters of it that fit. */
function firstBytes(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= bytesMax) return text;
  let end = bytesMax;
  while (isInside(bytes, end)) end -= 1;
  return bytes.toString('utf8', 0, end);
}

/** Whether a byte is in the midst of a character. */
function isInside(bytes: Buffer, index: number): boolean {
  return ((bytes[index] ?? 0) & 0xc0) === 0x80;
}
