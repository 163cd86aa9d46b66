/** Where the code of this package runs: from its own files, or from one that a bundler has made. */
import { fileURLToPath } from 'node:url';

/** webpack puts a function in its place, in a bundle. */
declare const __webpack_require__: unknown;

/** In place of `import.meta.url` webpack puts the source's address where the bundle was made. */
const isByWebpack = typeof __webpack_require__ === 'function';

const ownUrl: string | undefined = isByWebpack ? undefined : import.meta.url;

/** The file itself; in a bundle that is the bundle, or the script that has loaded it. */
export const OWN_FILE: string = ownFile();

/** Where this package's files are, and how they end; undefined in a bundle. */
export const PACKAGE_FOLDERS: PackageFolders | undefined = foldersAbove(ownUrl);

interface PackageFolders {
  /** With the manifest. */
  readonly root: string;
  /** `dist`, or `src`. */
  readonly code: string;
  readonly extension: string;
}

function ownFile(): string {
  if (ownUrl?.startsWith('file:') === true) return fileURLToPath(ownUrl);
  try {
    // All that a bundle in CommonJS form has.
    return __filename;
  } catch {
    return process.argv[1] ?? process.execPath;
  }
}

function foldersAbove(url: string | undefined): PackageFolders | undefined {
  const extension = /^file:.*\/util\/own-place(\.[jt]s)$/.exec(url ?? '')?.[1];
  if (extension === undefined) return undefined;
  // Not on `import.meta.url` itself, which bundlers take for a file to copy.
  const folderAt = (path: string): string => fileURLToPath(new URL(path, url));
  return { root: folderAt('../..'), code: folderAt('..'), extension };
}
