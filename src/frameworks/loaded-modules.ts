import nodeModule from 'node:module';

import { getRecorder } from '../recorder/index.ts';

/** What is loaded, and how Node loads a CommonJS file, ESM imports of one included. */
const { _cache: cache, _extensions: loaders } = nodeModule as unknown as {
  readonly _cache: NodeJS.Dict<NodeJS.Module>;
  readonly _extensions: Record<string, (module: NodeJS.Module, file: string) => unknown>;
};

/** Gives what each CommonJS file exports whose path fits, loaded already or later. */
export function whenLoaded(pattern: RegExp, use: (exports: unknown) => void): void {
  const look = (file: string, { exports }: NodeJS.Module): void => {
    if (!pattern.test(file)) return;
    try {
      use(exports);
    } catch (error) {
      getRecorder().reportFault(error);
    }
  };
  for (const [file, module] of Object.entries(cache)) {
    if (module?.loaded === true) look(file, module);
  }
  const load = loaders['.js'];
  if (load === undefined) return;
  loaders['.js'] = function loadAndLook(this: unknown, module, file): unknown {
    const result = load.call(this, module, file);
    look(file, module);
    return result;
  };
}
