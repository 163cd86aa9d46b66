import { readFileSync } from 'node:fs';

import type { SegmentHeader } from './segment-header.ts';

/** File locks, which only the native addon has. */
export interface FileLocks {
  /** Whether some process holds the lock of the file. */
  isLocked(path: string): boolean;
  /** @returns what `unlock` takes; undefined where another process holds the lock. */
  tryLock(path: string): number | undefined;
  unlock(lock: number): void;
}

/**
 * Whether the process lives that writes a segment. It holds the file's lock until its last moment,
 * however that comes; without the addon, its pid and start time have to tell, which processes of
 * other containers do not have in common with us.
 */
export function isOwnerAlive(
  path: string,
  header: SegmentHeader,
  locks: FileLocks | undefined,
): boolean {
  if (locks !== undefined) return locks.isLocked(path);
  if (isKnown(header.bootId) && isKnown(bootId()) && header.bootId !== bootId()) return false;
  const startTicks = processStartTicks(header.pid);
  if (startTicks === undefined) return false;
  // Pids are used again; a start time is not.
  return header.processStartTicks === 0 || startTicks === header.processStartTicks;
}

/** Field 22 of `/proc/<pid>/stat`; undefined where there is no such process. */
function processStartTicks(pid: number): number | undefined {
  const text = readProcFile(`/proc/${pid}/stat`);
  // The second field is the program's name, in which anything may stand.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields?.[0];
  if (fields === undefined || state === 'Z' || state === 'X') return undefined;
  return Number(fields[19]);
}

let ownBootId: string | undefined;

/** The first 16 hex digits of the host's boot id; zeros where it cannot be read. */
function bootId(): string {
  ownBootId ??=
    readProcFile('/proc/sys/kernel/random/boot_id')?.replaceAll('-', '').slice(0, 16) ??
    '0'.repeat(16);
  return ownBootId;
}

function isKnown(id: string): boolean {
  return /[1-9a-f]/.test(id);
}

function readProcFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
