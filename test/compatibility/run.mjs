/**
 * Installs the real libraries in this folder, where they are not yet, and runs the suite on them.
 * `--all` adds what is heavy or needs another runtime (`optional` folders); anything else goes to
 * vitest.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));
const require = createRequire(import.meta.url);

function run(command, args, options = {}) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (status !== 0) process.exit(status ?? 1);
}

/** npm writes what it installed into a file of its own. */
function isInstalled(folder) {
  const installed = join(folder, 'node_modules/.package-lock.json');
  return (
    existsSync(installed) &&
    statSync(installed).mtimeMs >= statSync(join(folder, 'package-lock.json')).mtimeMs
  );
}

const args = process.argv.slice(2);
const all = args.includes('--all');
const optional = join(here, 'drivers/optional');
const light = [here, join(here, 'runtimes')];
const heavy = [
  optional,
  join(optional, 'prisma6'),
  join(optional, 'pg-native'),
  join(here, 'runtimes/optional'),
];
const folders = [...light, ...(all ? heavy : [])];
for (const folder of folders.filter((one) => !isInstalled(one))) {
  // Some libraries ask for a later Node in their manifest and run on this one.
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder });
}
if (all) {
  // Its engines, which cannot be had offline, are only for migrations.
  const env = {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
    PRISMA_QUERY_ENGINE_LIBRARY: '/bin/true',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  };
  for (const [cwd, packages] of [
    [join(optional, 'prisma7'), optional],
    [join(optional, 'prisma6'), join(optional, 'prisma6')],
  ]) {
    const prisma = join(packages, 'node_modules/prisma/build/index.js');
    run(process.execPath, [prisma, 'generate', '--no-hints'], { cwd, env });
  }
}
run(process.execPath, ['scripts/build-ts.mjs']);
const { bin } = JSON.parse(readFileSync(require.resolve('vitest/package.json'), 'utf8'));
run(
  process.execPath,
  [
    join(dirname(require.resolve('vitest/package.json')), bin.vitest ?? bin),
    'run',
    '--config',
    'test/compatibility/vitest.config.ts',
    ...args.filter((arg) => arg !== '--all'),
  ],
  { env: { ...process.env, ...(all && { COMPATIBILITY_ALL: '1' }) } },
);
// Frameworks have packages and a configuration of their own.
if (args.every((arg) => arg === '--all')) {
  run(process.execPath, ['test/compatibility/frameworks/run.mjs']);
}
