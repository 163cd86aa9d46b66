/**
 * Builds `build/Release/hyperdjango.node` for this machine, or `build/Debug/…` with `--debug`.
 * Under prebuildify the target comes from `PREBUILD_PLATFORM`, `PREBUILD_ARCH`, `PREBUILD_LIBC`.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';

import { hostLibc, packageRoot, runZig, targetArguments } from './zig.mjs';

const require = createRequire(import.meta.url);

function folderOf(packageName) {
  return dirname(require.resolve(`${packageName}/package.json`));
}

const isDebug = process.argv.includes('--debug');
const target = targetArguments(
  process.env.PREBUILD_PLATFORM || process.platform,
  process.env.PREBUILD_ARCH || process.arch,
  process.env.PREBUILD_LIBC || hostLibc(),
);

const folder = join(packageRoot, 'build', isDebug ? 'Debug' : 'Release');
// On the error output, as what is built for may print JSON.
if (!existsSync(folder)) console.error('Building the native engine, once: it takes a minute …');
process.exitCode = runZig([
  'build',
  'addon',
  ...(isDebug ? [] : ['-Drelease']),
  ...target,
  `-Dnode-addon-api=${folderOf('node-addon-api')}`,
  `-Dnode-api-headers=${folderOf('node-api-headers')}`,
  '--prefix',
  folder,
]);
