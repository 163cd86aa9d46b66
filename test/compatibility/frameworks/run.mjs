/**
 * Runs the frameworks' cases against what they need, which is installed here first, and writes the
 * table in `docs/compatibility.md` from what was seen. Arguments go to vitest; with any, nothing is
 * written.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const root = join(folder, '../../..');
const args = process.argv.slice(2);

function run(command, commandArgs, cwd, env = {}) {
  const { status } = spawnSync(command, commandArgs, {
    cwd,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** Once for each lockfile. */
function install() {
  const stamp = join(folder, 'node_modules/.installed');
  const lock = createHash('sha256').update(readFileSync(join(folder, 'package-lock.json')));
  const wanted = lock.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], folder);
  writeFileSync(stamp, wanted);
}

install();
const bin = (name) => join(root, 'node_modules', name);
run(process.execPath, [bin('typescript/bin/tsc'), '--noEmit', '-p', folder], root);
run(
  process.execPath,
  [
    bin('vitest/vitest.mjs'),
    'run',
    '--config',
    'test/compatibility/frameworks/vitest.config.ts',
    ...args,
  ],
  root,
  args.length === 0 ? { COMPATIBILITY_TABLE: join(root, 'docs/compatibility.md') } : {},
);
