/** Tools of other versions than the project's own, installed when a test asks for them. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { installerEnvironment, npm } from '../../support/package.ts';
import { ROOT } from '../../support/processes.ts';

const execute = promisify(execFile);

/** `npm run test:packaging` runs every row; `npm test` one of each kind. */
export const RUNS_ALL: boolean = process.env['PACKAGING_ALL'] === '1';

/** @returns the folder of a package, such as `pnpm@9.15.9`; its version is exact. */
export function toolFolder(name: string, version: string): string {
  const folder = join(ROOT, 'test/packaging/.tools', `${name.replace('/', '+')}@${version}`);
  const installed = join(folder, 'node_modules', name);
  if (!existsSync(join(installed, 'package.json'))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}');
    npm(['install', '--no-audit', '--no-fund', '--prefer-offline', `${name}@${version}`], folder);
  }
  return installed;
}

/** Runs a program of Node's; the error of one that fails has what it wrote. */
export async function runProgram(
  args: readonly string[],
  { cwd, env = {} }: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<string> {
  const options = { cwd, env: { ...installerEnvironment(), ...env }, maxBuffer: 1 << 26 };
  const { stdout } = await execute(process.execPath, args, options).catch(
    (error: { stdout?: string; stderr?: string }) => {
      throw new Error(`${args.join(' ')}\n${error.stdout ?? ''}${error.stderr ?? ''}`);
    },
  );
  return stdout;
}
