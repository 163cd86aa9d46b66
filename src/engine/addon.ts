/** Finds and loads the addon. The only module that knows how; it brings no engine with it. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { HyperDjangoError } from '../errors/index.ts';
import { createFileLocks, type FileLocks } from './file-locks.ts';
import type { NativeBinding } from './native.ts';
import { isTruncatedElf } from './truncation.ts';

/** Must be `HD_ABI_VERSION` of `native/include/core.h`. */
export const ABI_VERSION = 4;

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);

let loaded: NativeBinding | undefined;

/**
 * The addon; every call gives the same one.
 *
 * @throws {HyperDjangoError} `ERR_HYPERDJANGO_ENGINE` if it does not load; the message says why.
 */
export function loadBinding(): NativeBinding {
  loaded ??= findBinding();
  return loaded;
}

/** Locks on files, for programs that need no engine; undefined where there is no addon. */
export function loadFileLocks(): FileLocks | undefined {
  if (process.platform !== 'linux' || process.env['HYPERDJANGO_ENGINE'] === 'portable') {
    return undefined;
  }
  try {
    return createFileLocks(loadBinding());
  } catch {
    return undefined;
  }
}

function findBinding(): NativeBinding {
  let binding: Partial<NativeBinding>;
  try {
    binding = requireAddon();
  } catch (cause) {
    throw new HyperDjangoError(
      'ERR_HYPERDJANGO_ENGINE',
      `The native addon could not be loaded: ${messageOf(cause)}`,
      { cause },
    );
  }
  // A build/Release left over from another version would be found before the right prebuild.
  if (binding.abiVersion !== ABI_VERSION) {
    throw new HyperDjangoError(
      'ERR_HYPERDJANGO_ENGINE',
      `The native addon has ABI ${String(binding.abiVersion)} where this version of hyperdjango ` +
        `needs ${ABI_VERSION}: remove build/ or install the package again`,
    );
  }
  return binding as NativeBinding;
}

function requireAddon(): Partial<NativeBinding> {
  try {
    const nodeGypBuild = require('node-gyp-build') as { path(folder: string): string };
    return requireFile(nodeGypBuild.path(packageRoot));
  } catch (error) {
    // node-gyp-build knows musl by Alpine's release file only.
    if (!isMusl()) throw error;
    const folder = process.env['HYPERDJANGO_PREBUILD'] ?? packageRoot;
    const target = `${process.platform}-${process.arch}`;
    return requireFile(join(folder, 'prebuilds', target, 'hyperdjango.musl.node'));
  }
}

function requireFile(path: string): Partial<NativeBinding> {
  if (isTruncatedElf(path)) throw new Error(`${path} is only a part of the file that it should be`);
  return require(path) as Partial<NativeBinding>;
}

/** Takes some milliseconds: only for when loading failed. */
function isMusl(): boolean {
  if (process.platform !== 'linux') return false;
  // Without this the report looks up the name of every peer of every socket.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime === undefined;
}

export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().replace(/\s*\n\s*/g, ' ');
}
