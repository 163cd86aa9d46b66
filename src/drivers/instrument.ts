import nodeModule, { createRequire } from 'node:module';

import { OptionError } from '../errors/index.ts';
import { getRecorder, isDisabled } from '../recorder/index.ts';
import { describeValue } from '../util/options.ts';
import { instrumentPool, uninstrumentPool } from './pg-pool.ts';
import { instrumentClient, uninstrumentClient } from './pg.ts';
import type { PgClientClass, PgPoolClass } from './pg-types.ts';

/**
 * Hooks a copy of node-postgres: the module, or any pool or client made by it. Every client and
 * pool of that copy is then recorded, those that exist already included. Calling it again does
 * nothing.
 *
 * @throws {OptionError} where `target` is none of these.
 * @example
 * ```ts
 * import pg from 'pg';
 * import { instrument } from 'hyperdjango/drivers';
 *
 * instrument(pg);
 * ```
 */
export function instrument(target: object): void {
  const { Client, Pool } = classesOf('instrument(target)', target);
  if (isDisabled()) return;
  if (Client !== undefined) instrumentClient(Client);
  if (Pool !== undefined) instrumentPool(Pool);
}

/**
 * Puts the driver's own functions back, identical to what they were before {@link instrument}.
 *
 * @throws {OptionError} where `target` is nothing that {@link instrument} takes.
 * @example
 * ```ts
 * import pg from 'pg';
 * import { instrument, uninstrument } from 'hyperdjango/drivers';
 *
 * const { query } = pg.Client.prototype;
 * instrument(pg);
 * uninstrument(pg);
 * pg.Client.prototype.query === query; // true
 * ```
 */
export function uninstrument(target: object): void {
  const { Client, Pool } = classesOf('uninstrument(target)', target);
  if (Client !== undefined) uninstrumentClient(Client);
  if (Pool !== undefined) uninstrumentPool(Pool);
}

// The folder of `pg` may have any name, as npm installs aliases.
const CLIENT_FILE = /[\\/]lib[\\/]client\.js$/;
const POOL_FILE = /[\\/]pg-pool[\\/]index\.js$/;

/** How Node loads a CommonJS file, ESM imports of one included. */
const { _extensions: loaders } = nodeModule as unknown as {
  readonly _extensions: Record<string, (module: NodeJS.Module, file: string) => unknown>;
};

let isWatching = false;

/**
 * Hooks every copy of node-postgres that the process has loaded or loads later. Packages that
 * bring a `pg` of their own are normal, and Node's module cache holds them all.
 * `new PerformanceMiddleware()` does it by itself.
 *
 * @example
 * ```ts
 * import { instrumentLoaded } from 'hyperdjango/drivers';
 *
 * instrumentLoaded();
 * ```
 */
export function instrumentLoaded(): void {
  if (isDisabled()) return;
  const { cache } = createRequire(import.meta.url);
  for (const [file, module] of Object.entries(cache)) {
    if (module?.loaded === true) instrumentFile(file, module);
  }
  const load = loaders['.js'];
  if (isWatching || load === undefined) return;
  isWatching = true;
  loaders['.js'] = function loadAndInstrument(this: unknown, module, file): unknown {
    const result = load.call(this, module, file);
    instrumentFile(file, module);
    return result;
  };
}

function instrumentFile(file: string, { exports }: NodeJS.Module): void {
  try {
    if (CLIENT_FILE.test(file)) {
      if (isClientClass(exports)) instrumentClient(exports);
    } else if (POOL_FILE.test(file) && isPoolClass(exports)) {
      instrumentPool(exports);
    }
  } catch (error) {
    getRecorder().reportFault(error);
  }
}

interface Classes {
  readonly Client: PgClientClass | undefined;
  readonly Pool: PgPoolClass | undefined;
}

function classesOf(option: string, target: unknown): Classes {
  if ((typeof target === 'object' && target !== null) || typeof target === 'function') {
    const candidate = target as { Client?: unknown; Pool?: unknown; constructor: unknown };
    // A module has both classes; a pool knows the class of its clients.
    const Client = [candidate.Client, candidate.constructor].find(isClientClass);
    const Pool = [candidate.Pool, candidate.constructor].find(isPoolClass);
    if (Client !== undefined || Pool !== undefined) return { Client, Pool };
  }
  throw new OptionError(option, 'the pg module, a pg.Pool or a pg.Client', describeValue(target));
}

function isClientClass(value: unknown): value is PgClientClass {
  const candidate = value as Partial<PgClientClass> | undefined;
  return (
    typeof value === 'function' &&
    typeof candidate?.prototype?.query === 'function' &&
    typeof candidate.Query?.prototype.submit === 'function' &&
    // The queries of `pg.native` are of another kind, whose end shows nowhere.
    typeof candidate.Query.prototype.handleReadyForQuery === 'function'
  );
}

function isPoolClass(value: unknown): value is PgPoolClass {
  const candidate = value as Partial<PgPoolClass> | undefined;
  return (
    typeof value === 'function' &&
    typeof candidate?.prototype?.connect === 'function' &&
    'totalCount' in candidate.prototype
  );
}
