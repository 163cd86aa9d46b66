/**
 * Chooses the engine: the native one where its addon loads, the portable one elsewhere. The only
 * module that knows how the addon is found.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { HyperDjangoError } from '../errors/index.ts';
import type { Engine, EngineKind } from './engine.ts';
import { createFileLocks, type FileLocks } from './file-locks.ts';
import { ABI_VERSION, createNativeEngine } from './native.ts';
import type { NativeBinding } from './native.ts';
import { createPortableEngine } from './portable/index.ts';
import { isTruncatedElf } from './truncation.ts';

export interface LoadedEngine {
  readonly engine: Engine;
  /** Why it is this one, in a sentence for people. */
  readonly reason: string;
}

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);

let loaded: LoadedEngine | undefined;
let nativeBinding: NativeBinding | undefined;
let nativeEngine: Engine | undefined;
let portableEngine: Engine | undefined;

/**
 * The engine of this thread; every call gives the same one.
 *
 * `HYPERDJANGO_ENGINE=native` or `portable` forces one. Where it is not set and the addon cannot
 * be loaded, the portable engine is taken, and one process warning says why.
 *
 * @throws {HyperDjangoError} `ERR_HYPERDJANGO_ENGINE` if `HYPERDJANGO_ENGINE` is something else,
 * or is `native` and the addon does not load; the message says why.
 *
 * @example
 * ```ts
 * const { engine, reason } = loadEngine();
 * engine.kind; // 'native'
 * ```
 */
export function loadEngine(): LoadedEngine {
  loaded ??= chooseEngine(process.env['HYPERDJANGO_ENGINE']);
  return loaded;
}

/**
 * One engine by name, whichever was chosen: to compare them.
 *
 * @throws {HyperDjangoError} `ERR_HYPERDJANGO_ENGINE` if `kind` is `native` and the addon does not
 * load; the message says why.
 */
export function engineOfKind(kind: EngineKind): Engine {
  if (kind === 'portable') return (portableEngine ??= createPortableEngine());
  return (nativeEngine ??= createNativeEngine((nativeBinding ??= loadBinding())));
}

/**
 * Locks on files; undefined where the portable engine runs, and on systems other than Linux.
 *
 * @throws {HyperDjangoError} as {@link loadEngine} does.
 */
export function fileLocks(): FileLocks | undefined {
  if (loadEngine().engine.kind !== 'native' || process.platform !== 'linux') return undefined;
  return createFileLocks((nativeBinding ??= loadBinding()));
}

function chooseEngine(forced: string | undefined): LoadedEngine {
  switch (forced) {
    case 'portable':
      return { engine: engineOfKind('portable'), reason: 'HYPERDJANGO_ENGINE=portable' };
    case 'native':
      return { engine: engineOfKind('native'), reason: 'HYPERDJANGO_ENGINE=native' };
    case undefined:
    case '':
      return nativeElsePortable();
    default:
      throw new HyperDjangoError(
        'ERR_HYPERDJANGO_ENGINE',
        `HYPERDJANGO_ENGINE must be 'native' or 'portable', or unset; got '${forced}'`,
      );
  }
}

function nativeElsePortable(): LoadedEngine {
  try {
    return { engine: engineOfKind('native'), reason: 'the native addon loaded' };
  } catch (error) {
    const reason = messageOf(error);
    process.emitWarning(
      `${reason}. The portable engine takes over: same results, more time for each query. ` +
        'HYPERDJANGO_ENGINE=portable chooses it without this warning.',
      { type: 'HyperDjangoWarning', code: 'HYPERDJANGO_PORTABLE_ENGINE' },
    );
    return { engine: engineOfKind('portable'), reason };
  }
}

function loadBinding(): NativeBinding {
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

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().replace(/\s*\n\s*/g, ' ');
}
