import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

export interface FinishedProcess {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** @defaultValue the Node that runs the test */
  readonly execPath?: string;
  /** Only root can start a process as another user. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** A Node.js process that a test started. */
export interface RunningProcess {
  readonly child: ChildProcess;
  /** The next line of its standard output; undefined after the last one. */
  nextLine(): Promise<string | undefined>;
  readonly finished: Promise<FinishedProcess>;
}

/** Starts `node` with these arguments, without what vitest put into the environment. */
export function startNode(args: readonly string[], options: RunOptions = {}): RunningProcess {
  const child = spawn(options.execPath ?? process.execPath, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...cleanEnvironment(), ...options.env },
    ...options.user,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    nextLine: async () => {
      const line = await lines.next();
      return line.done === true ? undefined : line.value;
    },
    finished: once(child, 'close').then(() => ({
      code: child.exitCode,
      signal: child.signalCode,
      stdout,
      stderr,
    })),
  };
}

/** Runs `node` with these arguments to its end. */
export async function runNode(
  args: readonly string[],
  options: RunOptions = {},
): Promise<FinishedProcess> {
  return startNode(args, options).finished;
}

/** Waits until the condition holds. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`still waiting for ${what}`);
    await delay(10);
  }
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) =>
    /^(?:VITEST|VITE_|NODE_ENV$|NODE_OPTIONS$|TEST$|DATABASE_URL$)/.test(name),
  );
  return { ...process.env, ...Object.fromEntries(names.map((name) => [name, undefined])) };
}
