/** Builds and loads `floor.zig`, an addon of its own that only the benchmark uses. */
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

import { hostLibc, packageRoot, runZig, targetArguments } from '../../scripts/zig.mjs';

/** @returns {{ begin(sql: string): void, end(): void, total(): number }} */
export function loadFloor() {
  const folder = join(packageRoot, 'build', 'bench');
  const addon = join(folder, 'floor.node');
  mkdirSync(folder, { recursive: true });
  // As `zig build` passes them on: without a target, this machine's CPU would be the floor's.
  const [target, cpu] = targetArguments(process.platform, process.arch, hostLibc()).map(
    (argument) => argument.replace(/^-D(\w+)=/, ''),
  );
  const code = runZig([
    'build-lib',
    join(packageRoot, 'bench', 'floor', 'floor.zig'),
    '-dynamic',
    '-lc',
    '-OReleaseSafe',
    '-fllvm',
    '-fallow-shlib-undefined',
    '-target',
    target,
    `-mcpu=${cpu}`,
    `-femit-bin=${addon}`,
  ]);
  if (code !== 0) throw new Error('floor.zig does not build');
  return createRequire(import.meta.url)(addon);
}
