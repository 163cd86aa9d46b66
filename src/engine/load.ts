/** Chooses the engine: the native one where its addon loads, the portable one elsewhere. */
import { HyperDjangoError } from '../errors/index.ts';
import { loadBinding, messageOf } from './addon.ts';
import type { Engine, EngineKind } from './engine.ts';
import { createFileLocks, type FileLocks, HAS_FILE_LOCKS } from './file-locks.ts';
import { createNativeEngine } from './native.ts';
import { createPortableEngine } from './portable/index.ts';

export interface LoadedEngine {
  readonly engine: Engine;
  /** Why it is this one, in a sentence for people. */
  readonly reason: string;
}

let loaded: LoadedEngine | undefined;
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
  return (nativeEngine ??= createNativeEngine(loadBinding()));
}

/**
 * Locks on files; undefined where the portable engine runs, and where there are none.
 *
 * @throws {HyperDjangoError} as {@link loadEngine} does.
 */
export function fileLocks(): FileLocks | undefined {
  if (loadEngine().engine.kind !== 'native' || !HAS_FILE_LOCKS) return undefined;
  return createFileLocks(loadBinding());
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
