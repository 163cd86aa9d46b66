/**
 * The CommonJS files of the process, those that its ES modules import included, whatever loads them:
 * Node itself, a loader that puts its own functions in place of Node's, or another module system
 * that gives its modules a `require` with a cache.
 */
import nodeModule from 'node:module';

import { OWN_FILE } from './own-place.ts';

type UseExports = (file: string, exports: unknown) => void;

/** Of the module system that has loaded this very file, which need not be Node's (Jest, vitest). */
const { cache } = nodeModule.createRequire(OWN_FILE);

/** What every version of Node has, and its types do not tell. */
const { _extensions: loaders, prototype: modules } = nodeModule as unknown as {
  readonly _extensions: Record<string, (module: NodeJS.Module, file: string) => unknown>;
  readonly prototype: { load?: (this: NodeJS.Module, file: string) => unknown };
};

const hearers: UseExports[] = [];

/** Gives what each file that is loaded exports; in Bun, each ES module as well. */
export function forEachLoaded(use: UseExports): void {
  for (const file of Object.keys(cache)) {
    const module = cache[file];
    if (module?.loaded === true) use(pathOf(file), module.exports);
  }
}

/** How many there are: where that has not changed, there is most likely nothing new to look at. */
export function countLoaded(): number {
  return Object.keys(cache).length;
}

/** The same for each CommonJS file that Node loads later. */
export function forEachLoadedLater(use: UseExports): void {
  hearers.push(use);
  if (hearers.length > 1) return;
  const { load } = modules;
  if (load === undefined) {
    hearExtensions();
    return;
  }
  // Each file comes by here, whoever reads and compiles it.
  modules.load = function loadAndTell(this: NodeJS.Module, file) {
    const result = load.call(this, file);
    tell(file, this.exports);
    return result;
  };
}

/** Bun has no other place. */
function hearExtensions(): void {
  const load = loaders['.js'];
  if (load === undefined) return;
  loaders['.js'] = function loadAndTell(this: unknown, module, file): unknown {
    const result = load.call(this, module, file);
    tell(file, module.exports);
    return result;
  };
}

function tell(file: string, exports: unknown): void {
  for (const use of hearers) use(pathOf(file), exports);
}

/** Loaders mark their files by a query. */
function pathOf(file: string): string {
  const end = typeof file === 'string' ? file.lastIndexOf('?') : -1;
  return end < 0 ? file : file.slice(0, end);
}
