import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const packageRoot: string = fileURLToPath(new URL('../../..', import.meta.url));

export interface ChildResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  readonly nodeArguments?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a CommonJS script in a Node of its own. */
export function runScript(
  script: string,
  options: ChildOptions = {},
  args: readonly string[] = [],
): Promise<ChildResult> {
  const { nodeArguments = [], env = {} } = options;
  return runNode([...nodeArguments, '--eval', script, '--', ...args], env, 50_000);
}

/**
 * Runs this Node with `args`; the engine is the child's own choice, whatever runs the tests.
 * What does not end in time is killed, so that nothing outlives the tests.
 */
export function runNode(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  timeoutMs = 900_000,
): Promise<ChildResult> {
  const { HYPERDJANGO_ENGINE: _, NODE_OPTIONS: __, ...inherited } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: packageRoot,
      env: { ...inherited, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
  });
}
