/** The application as the tests of this folder share it: packed and installed once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll } from 'vitest';

import { packPackage } from '../../support/package.ts';
import { installApplication, type Installer } from './application.ts';
import { type Bundle, bundle } from './bundles.ts';
import type { Run, Runtime } from './rows.ts';

export interface Installed {
  /** Where an installer has put the application. */
  folderOf(installer: Installer): string;
  /** Where bundles go: nothing is installed above. */
  readonly bundles: string;
}

/** Installs before the tests of the file that calls it, and cleans up after them. */
export function useInstalled(installers: readonly Installer[]): Installed {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hyperdjango-runtimes-'));
    const { tarball } = packPackage(folder);
    for (const installer of installers) {
      installApplication(join(folder, installer), tarball, installer);
    }
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folderOf: (installer) => join(folder, installer),
    get bundles() {
      return join(folder, 'bundles');
    },
  };
}

const IMPORT = ['--import', 'hyperdjango/register'];
const NATIVE = /^the native addon loaded$/;

/** The three forms of modules, on one version of Node and one layout of packages. */
export function nodeRuntimes(
  label: string,
  installed: Installed,
  installer: Installer,
  execPath?: string,
): Runtime[] {
  const run = (args: readonly string[], routes: readonly string[]): Run => ({
    cwd: installed.folderOf(installer),
    execPath,
    args,
    routes,
  });
  const common = { engine: 'native', reason: NATIVE } as const;
  return [
    {
      ...common,
      label: `${label}, ES modules`,
      own: () => run(['esm.mjs'], ['items']),
      registered: () => run([...IMPORT, 'plain.mjs'], ['items', 'rows']),
    },
    {
      ...common,
      label: `${label}, CommonJS`,
      own: () => run(['commonjs.cjs'], ['items']),
      registered: () => run(['-r', 'hyperdjango/register', 'plain.cjs'], ['items', 'rows']),
    },
    {
      ...common,
      label: `${label}, both at once`,
      own: () => run(['both.mjs'], ['items', 'others']),
      registered: () =>
        run([...IMPORT, '-r', 'hyperdjango/register', 'plain.mjs'], ['items', 'rows']),
    },
  ];
}

/** @returns how a bundle is run; throws where the bundler complained of us. */
export async function bundled(
  installed: Installed,
  name: string,
  options: Bundle,
): Promise<string> {
  const folder = join(installed.bundles, name.replaceAll(/\W+/g, '-'));
  const { file, warnings } = await bundle(installed.folderOf('npm'), folder, options);
  if (warnings.length > 0) throw new Error(warnings.join('\n'));
  return file;
}
