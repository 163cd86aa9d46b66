/** Tells a process from a later one that got its pid. */
import { readFileSync } from 'node:fs';

export interface ProcessIdentity {
  /** The first half of the host's boot id; 0 where it is unknown. */
  readonly bootId: bigint;
  /** Clock ticks between the host's start and the process's; 0 where it is unknown. */
  readonly startTicks: bigint;
}

/** Of this process, or of another one; zeros where the system does not tell. Never throws. */
export function processIdentity(pid: number | 'self' = 'self'): ProcessIdentity {
  return { bootId: bootId(), startTicks: startTicks(pid) };
}

function bootId(): bigint {
  const digits = textOf('/proc/sys/kernel/random/boot_id').replaceAll('-', '').slice(0, 16);
  return /^[0-9a-f]{16}$/.test(digits) ? BigInt(`0x${digits}`) : 0n;
}

/** Field 22; the second one, the command, may hold spaces and brackets of its own. */
function startTicks(pid: number | 'self'): bigint {
  const stat = textOf(`/proc/${pid}/stat`);
  const field = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  return /^\d+$/.test(field) ? BigInt(field) : 0n;
}

function textOf(path: string): string {
  if (process.platform !== 'linux') return '';
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
