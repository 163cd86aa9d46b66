import nodeModule, { createRequire } from 'node:module';

import { OptionError } from '../errors/index.ts';
import { getRecorder, isDisabled } from '../recorder/index.ts';
import { describeValue } from '../util/options.ts';
import { IMPORTED_KEY, loadSync } from './import-loader.ts';
import { type Hook, hooksOf, hooksOfFile } from './libraries.ts';

/**
 * Hooks a copy of a library, which every object made by that copy shares, those that exist already
 * included. Calling it again does nothing. It takes
 *
 * - of node-postgres the module or its `native`, or any pool or client;
 * - of postgres.js any `sql`, or the module's default export;
 * - a PGlite, its class, or its module;
 * - a database of Drizzle, or a client of Prisma: their queries are seen by the driver under them,
 *   their call sites by this.
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
  const hooks = knownHooks('instrument(target)', target);
  if (isDisabled()) return;
  for (const hook of hooks) hook.instrument();
}

/**
 * Puts the library's own functions back, identical to what they were before {@link instrument}.
 * Queries in flight are recorded to their end.
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
  for (const hook of knownHooks('uninstrument(target)', target)) hook.uninstrument();
}

function knownHooks(option: string, target: unknown): Hook[] {
  const hooks = hooksOf(target);
  if (hooks.length > 0) return hooks;
  throw new OptionError(
    option,
    'a pg module, Pool or Client, an sql of postgres.js, a PGlite, or a database of Drizzle or Prisma',
    describeValue(target),
  );
}

/** How Node loads a CommonJS file, ESM imports of one included. */
const { _extensions: loaders } = nodeModule as unknown as {
  readonly _extensions: Record<string, (module: NodeJS.Module, file: string) => unknown>;
};

/** What Node 22.15 and later have beside `register`, which the types of Node 20 do not know. */
interface ModuleHooks {
  registerHooks?(hooks: { readonly load: typeof loadSync }): unknown;
  register(specifier: URL, options?: object): void;
}

const moduleHooks = nodeModule as unknown as ModuleHooks;

let isWatching = false;

/**
 * Hooks every copy of a library that the process has loaded or loads later as CommonJS, as
 * node-postgres always is. Packages that bring a `pg` of their own are normal, and Node's module
 * cache holds them all. `new PerformanceMiddleware()` does it by itself.
 *
 * From Node 22.15 on it does what {@link instrumentImports} does too: there it takes no thread.
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
    if (module?.loaded === true) instrumentFile(file, module.exports);
  }
  if (moduleHooks.registerHooks !== undefined) hookImports();
  const load = loaders['.js'];
  if (isWatching || load === undefined) return;
  isWatching = true;
  loaders['.js'] = function loadAndInstrument(this: unknown, module, file): unknown {
    const result = load.call(this, module, file);
    instrumentFile(file, module.exports);
    return result;
  };
}

/** Other runtimes may have the function and refuse it. */
function hookImports(): void {
  try {
    instrumentImports();
  } catch (error) {
    getRecorder().reportFault(error);
  }
}

let isImporting = false;

/**
 * Hooks every library that is imported from now on as an ECMAScript module, which
 * {@link instrumentLoaded} cannot see: postgres.js, PGlite and Drizzle. What is imported already
 * stays as it is, so it has to run first, as `node --import hyperdjango/register` does.
 *
 * @example
 * ```ts
 * import { instrumentImports } from 'hyperdjango/drivers';
 *
 * instrumentImports();
 * ```
 */
export function instrumentImports(): void {
  if (isDisabled() || isImporting) return;
  isImporting = true;
  const imported = globalThis as unknown as Record<symbol, typeof instrumentFile>;
  imported[Symbol.for(IMPORTED_KEY)] ??= instrumentFile;
  if (moduleHooks.registerHooks === undefined) {
    const isSource = import.meta.url.endsWith('.ts');
    moduleHooks.register(new URL(`./import-loader.${isSource ? 'ts' : 'js'}`, import.meta.url));
  } else {
    moduleHooks.registerHooks({ load: loadSync });
  }
}

function instrumentFile(file: string, exports: unknown): void {
  try {
    for (const hook of hooksOfFile(file, exports)) hook.instrument();
  } catch (error) {
    getRecorder().reportFault(error);
  }
}
