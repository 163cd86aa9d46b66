/** The package as users get it. */
import { execFileSync } from 'node:child_process';
import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from './processes.ts';

export interface PackedPackage {
  readonly tarball: string;
  /** What is in it. */
  readonly files: readonly string[];
}

/** Packs the project, with a prebuild for this machine, into the folder. */
export function packPackage(folder: string): PackedPackage {
  const project = copyProject(join(folder, 'project'));
  execFileSync(process.execPath, ['scripts/prebuild.mjs'], {
    cwd: project,
    stdio: 'pipe',
    env: { ...process.env, ZIG_LOCAL_CACHE_DIR: join(ROOT, '.zig-cache') },
  });
  const packed = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], project)) as
    | [{ filename: string; files: { path: string }[] }]
    | Record<string, { filename: string; files: { path: string }[] }>;
  const [tarball] = Object.values(packed);
  if (tarball === undefined) throw new Error('npm pack has made nothing');
  return {
    tarball: join(folder, tarball.filename),
    files: tarball.files.map(({ path }) => path),
  };
}

/** npm, without what a run of npm around this one has put into the environment. */
export function npm(args: readonly string[], cwd: string): string {
  return execFileSync('npm', [...args], {
    cwd,
    env: installerEnvironment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export function installerEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(?!config_)/.test(name)),
  );
}

/** Other tests load the addon from `build/`, which prebuildify empties: it gets a copy. */
function copyProject(to: string): string {
  const tracked = ['package.json', 'binding.gyp', 'build.zig', 'native', 'scripts', 'dist'];
  const papers = ['README.md', 'LICENSE', 'CHANGELOG.md'];
  for (const name of [...tracked, ...papers]) {
    cpSync(join(ROOT, name), join(to, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(to, 'node_modules'));
  return to;
}
