/** Finds and loads the addon. The only module that knows how; it brings no engine with it. */
import { existsSync } from 'node:fs';
import nodeModule from 'node:module';
import { dirname, join } from 'node:path';

import { HyperDjangoError } from '../errors/index.ts';
import { OWN_FILE, PACKAGE_FOLDERS } from '../util/own-place.ts';
import { createFileLocks, type FileLocks, HAS_FILE_LOCKS } from './file-locks.ts';
import type { NativeBinding } from './native.ts';
import { isTruncatedElf } from './truncation.ts';

/** Must be `HD_ABI_VERSION` of `native/include/core.h`. */
export const ABI_VERSION = 5;

// Bundlers follow the one that is made of `import.meta.url`; this finds files where it runs.
const require = nodeModule.createRequire(OWN_FILE);

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
  if (!HAS_FILE_LOCKS || process.env['HYPERDJANGO_ENGINE'] === 'portable') return undefined;
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
  if (PACKAGE_FOLDERS === undefined) return requireBeside();
  const { root } = PACKAGE_FOLDERS;
  try {
    const nodeGypBuild = require('node-gyp-build') as { path(folder: string): string };
    return requireFile(nodeGypBuild.path(root));
  } catch (error) {
    // node-gyp-build knows musl by Alpine's release file only.
    if (!isMusl()) throw error;
    return requireFile(prebuildIn(process.env['HYPERDJANGO_PREBUILD'] ?? root, '.musl'));
  }
}

/** In a bundle: from `prebuilds/` beside it, or from where the package is installed all the same. */
function requireBeside(): Partial<NativeBinding> {
  const folders = [process.env['HYPERDJANGO_PREBUILD'], dirname(OWN_FILE), installedFolder()];
  const kinds = process.platform === 'linux' ? [isMusl() ? '.musl' : '.glibc', ''] : [''];
  for (const folder of folders) {
    if (folder === undefined) continue;
    const file = kinds.map((kind) => prebuildIn(folder, kind)).find(existsSync);
    if (file !== undefined) return requireFile(file);
  }
  throw new Error(
    `hyperdjango is part of a bundle, and its folder prebuilds/ is not beside ${OWN_FILE}`,
  );
}

function installedFolder(): string | undefined {
  try {
    return dirname(require.resolve('hyperdjango/package.json'));
  } catch {
    return undefined;
  }
}

function prebuildIn(folder: string, kind: string): string {
  const target = `${process.platform}-${process.arch}`;
  return join(folder, 'prebuilds', target, `hyperdjango${kind}.node`);
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
