/**
 * Fills `prebuilds/` by prebuildify, one call for each target: this machine's own, or with
 * `--all` every target that is shipped. All of them build on one Linux machine.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';

import { hostLibc, packageRoot } from './zig.mjs';

const require = createRequire(import.meta.url);

const SHIPPED = [
  { platform: 'linux', arch: 'x64', libc: 'glibc' },
  { platform: 'linux', arch: 'x64', libc: 'musl' },
  { platform: 'linux', arch: 'arm64', libc: 'glibc' },
  { platform: 'linux', arch: 'arm64', libc: 'musl' },
  { platform: 'darwin', arch: 'x64' },
  { platform: 'darwin', arch: 'arm64' },
  { platform: 'win32', arch: 'x64' },
  { platform: 'win32', arch: 'arm64' },
];

function prebuild({ platform, arch, libc }) {
  const prebuildify = join(dirname(require.resolve('prebuildify/package.json')), 'bin.js');
  const args = ['--napi', '--platform', platform, '--arch', arch];
  if (libc) args.push('--libc', libc, '--tag-libc');
  execFileSync(process.execPath, [prebuildify, ...args], {
    cwd: packageRoot,
    stdio: 'inherit',
    env: {
      ...process.env,
      // node-gyp wants a Node with its headers, though nothing here reads them: name the one
      // that runs, so that nothing is downloaded.
      npm_config_nodedir: process.env.npm_config_nodedir ?? dirname(dirname(process.execPath)),
    },
  });
}

/** node-gyp empties `build/` and prebuildify moves its result away: give both back. */
function keepingBuilds(work) {
  const kept = mkdtempSync(join(tmpdir(), 'hyperdjango-build-'));
  const present = ['Release', 'Debug'].filter((configuration) => {
    const file = join(packageRoot, 'build', configuration, 'hyperdjango.node');
    if (existsSync(file)) copyFileSync(file, join(kept, configuration));
    return existsSync(file);
  });
  try {
    work();
  } finally {
    rmSync(join(packageRoot, 'build'), { recursive: true, force: true });
    for (const configuration of present) {
      const folder = join(packageRoot, 'build', configuration);
      mkdirSync(folder, { recursive: true });
      copyFileSync(join(kept, configuration), join(folder, 'hyperdjango.node'));
    }
    rmSync(kept, { recursive: true });
  }
}

const host = { platform: process.platform, arch: process.arch, libc: hostLibc() };
const targets = process.argv.includes('--all') ? SHIPPED : [host];
keepingBuilds(() => {
  for (const target of targets) prebuild(target);
});
