import type { FileLocks } from '../engine/file-locks.ts';
import { processIdentity } from '../engine/process-identity.ts';
import type { SegmentHeader } from './segment-header.ts';

/**
 * Whether the process lives that writes a segment. It holds the file's lock until its last moment,
 * however that comes. Without the addon its pid and start time have to tell, which say nothing of
 * processes in other containers.
 */
export function isOwnerAlive(
  path: string,
  header: SegmentHeader,
  locks: FileLocks | undefined,
): boolean {
  if (locks !== undefined) return locks.isLocked(path);
  const { bootId, startTicks } = processIdentity(header.pid);
  const ownBootId = bootId.toString(16).padStart(16, '0');
  if (bootId !== 0n && isKnown(header.bootId) && header.bootId !== ownBootId) return false;
  if (startTicks === 0n) return false;
  // Pids are used again; a start time is not.
  return header.processStartTicks === 0 || startTicks === BigInt(header.processStartTicks);
}

function isKnown(bootId: string): boolean {
  return /[1-9a-f]/.test(bootId);
}
