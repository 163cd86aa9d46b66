/** Where the code of this package runs: from its own files, or from one that a bundler has made. */
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * A bundle in CommonJS form has `__filename` alone; in place of `import.meta.url` webpack puts the
 * address that the source had on the machine where the bundle was made.
 */
const ownUrl: string =
  typeof __filename === 'string' ? pathToFileURL(__filename).href : import.meta.url;

/** The file itself; in a bundle that is the bundle. What runs from no file has the runtime's. */
export const OWN_FILE: string = ownUrl.startsWith('file:')
  ? fileURLToPath(ownUrl)
  : process.execPath;

/** Where this package's files are, and how they end; undefined in a bundle. */
export const PACKAGE_FOLDERS: PackageFolders | undefined = foldersAbove(ownUrl);

interface PackageFolders {
  /** With the manifest. */
  readonly root: string;
  /** `dist`, or `src`. */
  readonly code: string;
  readonly extension: string;
}

function foldersAbove(url: string): PackageFolders | undefined {
  const extension = /\/util\/own-place(\.[jt]s)$/.exec(url)?.[1];
  if (extension === undefined) return undefined;
  // Not on `import.meta.url` itself, which bundlers take for a file to copy.
  const folderAt = (path: string): string => fileURLToPath(new URL(path, url));
  return { root: folderAt('../..'), code: folderAt('..'), extension };
}
