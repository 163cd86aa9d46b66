import { readFileSync } from 'node:fs';
import nodeModule from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { OptionError } from '../errors/index.ts';
import { getRecorder, isDisabled } from '../recorder/index.ts';
import { forEachLoaded, forEachLoadedLater } from '../util/loaded-modules.ts';
import { describeValue } from '../util/options.ts';
import { PACKAGE_FOLDERS } from '../util/own-place.ts';
import { IMPORTED_FILES, IMPORTED_KEY, loadSync, withLines } from './import-loader.ts';
import { type Hook, hooksOf, hooksOfFile } from './libraries.ts';
import { countHookedCopy, noteHookedFile, watchForUnhooked } from './unhooked.ts';

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
  for (const hook of hooks) put(hook);
  const [{ library, target: hooked }] = hooks;
  if (library === undefined || hookedByFile.has(hooked) || hookedByObject.has(hooked)) return;
  hookedByObject.add(hooked);
  countHookedCopy(library, 1);
}

/** Those that were found as files, and those that {@link instrument} was given without a file. */
const hookedByFile = new WeakSet<object>();
const hookedByObject = new WeakSet<object>();

function put(hook: Hook): void {
  hook.instrument();
  const { library } = hook;
  if (library === 'Drizzle' || library === 'Prisma') getRecorder().unseen.forgetOrm(library);
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
  const hooks = knownHooks('uninstrument(target)', target);
  for (const hook of hooks) hook.uninstrument();
  const [{ library, target: hooked }] = hooks;
  if (library !== undefined && hookedByObject.delete(hooked)) countHookedCopy(library, -1);
}

function knownHooks(option: string, target: unknown): [Hook, ...Hook[]] {
  const [first, ...others] = hooksOf(target);
  if (first !== undefined) return [first, ...others];
  throw new OptionError(
    option,
    'a pg module, Pool or Client, an sql of postgres.js, a PGlite, or a database of Drizzle or Prisma',
    describeValue(target),
  );
}

/** What Node 22.15 and later have beside `register`, which the types of Node 20 do not know. */
interface ModuleHooks {
  registerHooks?(hooks: { readonly load: typeof loadSync }): unknown;
  register(specifier: URL, options?: object): void;
}

const hooks = nodeModule as unknown as ModuleHooks;

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
  forEachLoaded(instrumentFile);
  // Elsewhere it takes a thread.
  if (hooks.registerHooks !== undefined) hookImports();
  if (isWatching) return;
  isWatching = true;
  forEachLoadedLater(instrumentFile);
  // Elsewhere sockets are made in other ways.
  if (IS_NODE) watchForUnhooked(() => forEachLoaded(instrumentFile));
}

/** Other runtimes may have the function and refuse it. */
function hookImports(): void {
  try {
    instrumentImports();
  } catch (error) {
    getRecorder().reportFault(error);
  }
}

/** Bun has none of the two. */
interface BunRuntime {
  plugin(plugin: { readonly name: string; setup(build: BunBuild): void }): void;
}

interface BunBuild {
  onLoad(
    files: { readonly filter: RegExp },
    load: (file: { readonly path: string }) => { contents: string; loader: 'js' } | undefined,
  ): void;
}

const IS_DENO = process.versions['deno'] !== undefined;
const IS_NODE = !IS_DENO && process.versions['bun'] === undefined;

/** What has to be given to {@link instrument} here, as no hook can reach it; in a sentence. */
export function whatNeedsInstrument(): string | undefined {
  if (PACKAGE_FOLDERS === undefined) return 'drivers in the same bundle need instrument()';
  return IS_DENO ? 'postgres.js, PGlite and Drizzle need instrument() on Deno' : undefined;
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
  const { Bun } = globalThis as { readonly Bun?: BunRuntime };
  if (Bun !== undefined) {
    Bun.plugin({ name: 'hyperdjango', setup: changeInBun });
  } else if (IS_DENO) {
    // With module hooks of any kind, Deno 2.9 takes JSON that is required for JavaScript.
    return;
  } else if (hooks.registerHooks !== undefined) {
    hooks.registerHooks({ load: loadSync });
  } else if (PACKAGE_FOLDERS !== undefined) {
    const loader = join(PACKAGE_FOLDERS.code, `drivers/import-loader${PACKAGE_FOLDERS.extension}`);
    hooks.register(pathToFileURL(loader));
  }
}

/** Bun does not say whether a file is CommonJS. */
const IS_MODULE = /(?:^|[;}])\s*(?:import|export)\b/m;

function changeInBun(build: BunBuild): void {
  for (const filter of IMPORTED_FILES) {
    build.onLoad({ filter }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      return { contents: IS_MODULE.test(text) ? withLines(path, text) : text, loader: 'js' };
    });
  }
}

function instrumentFile(file: string, exports: unknown): void {
  try {
    for (const hook of hooksOfFile(file, exports)) {
      put(hook);
      noteHookedFile(file);
      hookedByFile.add(hook.target);
      if (hookedByObject.delete(hook.target)) countHookedCopy(hook.library ?? '', -1);
    }
  } catch (error) {
    getRecorder().reportFault(error);
  }
}
