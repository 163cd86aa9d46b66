/** The CommonJS files of the process, those that its ES modules import included. */
import nodeModule from 'node:module';

type UseExports = (file: string, exports: unknown) => void;

/** What every version of Node has, and its types do not tell. */
const { _cache: cache, _extensions: loaders } = nodeModule as unknown as {
  readonly _cache: NodeJS.Dict<NodeJS.Module>;
  readonly _extensions: Record<string, (module: NodeJS.Module, file: string) => unknown>;
};

/** Gives what each file that is loaded exports; in Bun, each ES module as well. */
export function forEachLoaded(use: UseExports): void {
  for (const [file, module] of Object.entries(cache)) {
    if (module?.loaded === true) use(file, module.exports);
  }
}

/** The same for each CommonJS file that is loaded later. */
export function forEachLoadedLater(use: UseExports): void {
  const load = loaders['.js'];
  if (load === undefined) return;
  loaders['.js'] = function loadAndTell(this: unknown, module, file): unknown {
    const result = load.call(this, module, file);
    use(file, module.exports);
    return result;
  };
}
