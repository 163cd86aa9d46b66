import { getRecorder } from '../recorder/index.ts';
import { forEachLoaded, forEachLoadedLater } from '../util/loaded-modules.ts';

/** Gives what each CommonJS file exports whose path fits, loaded already or later. */
export function whenLoaded(pattern: RegExp, use: (exports: unknown) => void): void {
  const look = (file: string, exports: unknown): void => {
    if (!pattern.test(file)) return;
    try {
      use(exports);
    } catch (error) {
      getRecorder().reportFault(error);
    }
  };
  forEachLoaded(look);
  forEachLoadedLater(look);
}
