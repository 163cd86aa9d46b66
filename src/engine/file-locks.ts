/** Locks on files, by which others see that a process lives; Node itself has none. */
import { closeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';

/** What `native/addon.cc` exports for them; numbers below 0 are negated errnos. */
export interface FileLockBinding {
  isLocked(path: string): number;
  tryLock(path: string): number;
  punchHoles(path: string): number;
}

/** Symbolic links are never followed. */
export interface FileLocks {
  /**
   * Whether some process holds the file, as the owner of a segment does for as long as it lives.
   *
   * @throws an error with `code` where the file cannot be opened.
   */
  isLocked(path: string): boolean;

  /**
   * Takes the lock of a file, made where it is missing.
   *
   * @returns what {@link FileLocks.unlock} takes; undefined where another process has it.
   * @throws an error with `code` where the file cannot be opened.
   */
  tryLock(path: string): number | undefined;

  unlock(lock: number): void;

  /**
   * Gives back the room that pages full of zeros take in a file that nobody holds. What is read of
   * the file stays the same.
   *
   * @returns the number of bytes; undefined where somebody holds the file.
   * @throws an error with `code` where the file cannot be opened, or has no holes.
   */
  punchHoles(path: string): number | undefined;
}

/** Deno has numbers of its own for files: it could not close what the addon has opened. */
export const HAS_FILE_LOCKS: boolean =
  process.platform === 'linux' && process.versions['deno'] === undefined;

const EAGAIN = -11;

export function createFileLocks(binding: FileLockBinding): FileLocks {
  return {
    isLocked: (path) => checked('isLocked', path, binding.isLocked(path)) === 1,
    tryLock: (path) => unlessHeld('tryLock', path, binding.tryLock(path)),
    unlock: closeSync,
    punchHoles: (path) => unlessHeld('punchHoles', path, binding.punchHoles(path)),
  };
}

function unlessHeld(syscall: string, path: string, result: number): number | undefined {
  return result === EAGAIN ? undefined : checked(syscall, path, result);
}

function checked(syscall: string, path: string, result: number): number {
  if (result >= 0) return result;
  const code = getSystemErrorName(result);
  throw Object.assign(new Error(`${code}: ${syscall} '${path}'`), { code, syscall, path });
}
