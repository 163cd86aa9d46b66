import { execFile } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Enough of a process to know it again: a pid alone may have been given to another since. */
export interface ProcessDescription {
  readonly pid: number;
  /**
   * Which set of pids it counts in, and which clock; containers that share a `/tmp` do not share
   * their pids, and in another time namespace the same process has another start time.
   */
  readonly namespace: string;
  readonly startTime: string;
  readonly command: string;
}

/** @returns undefined where no process of that pid can be seen. */
export async function describeProcess(pid: number): Promise<ProcessDescription | undefined> {
  return process.platform === 'linux' ? describeByProc(pid) : describeByPs(pid);
}

/** Sends a signal; a process that has ended meanwhile is what the signal was for. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function describeByProc(pid: number): Promise<ProcessDescription | undefined> {
  try {
    const [status, command, ...namespaces] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
      ...['pid', 'time'].map((kind) => readlink(`/proc/self/ns/${kind}`).catch(() => '')),
    ]);
    const namespace = namespaces.join(' ').trim();
    // The second field is the program's name in parentheses, and may hold blanks and parentheses.
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
    const [state, startTime] = [fields[0], fields[19]];
    if (state === 'Z' || startTime === undefined) return undefined;
    return { pid, namespace, startTime, command: command.replaceAll('\0', ' ').trim() };
  } catch {
    return undefined;
  }
}

async function describeByPs(pid: number): Promise<ProcessDescription | undefined> {
  try {
    const { stdout } = await promisify(execFile)(
      'ps',
      ['-ww', '-o', 'lstart=,command=', '-p', String(pid)],
      { env: { PATH: process.env['PATH'], LC_ALL: 'C' } },
    );
    // `lstart` is as long as "Thu Jan  1 00:00:00 1970".
    return {
      pid,
      namespace: '',
      startTime: stdout.slice(0, 24),
      command: stdout.slice(24).trim(),
    };
  } catch {
    return undefined;
  }
}
