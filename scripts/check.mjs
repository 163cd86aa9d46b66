/**
 * Everything that can be said of the code without running it, in well under a minute: types,
 * lint, format, architecture, dead code, package. Each check runs although another failed.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { zigPath } from './zig.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

/** A command line tool of a dev dependency, run by this Node. */
function tool(packageName, binName = packageName) {
  const manifest = join(root, 'node_modules', packageName, 'package.json');
  const { bin } = require(manifest);
  return [process.execPath, join(dirname(manifest), typeof bin === 'string' ? bin : bin[binName])];
}

const built = [
  [
    'build the page',
    [...tool('vite'), 'build', '--config', 'src/dashboard/ui/vite.config.ts', '--logLevel', 'warn'],
  ],
  ['build', [process.execPath, 'scripts/build-ts.mjs']],
];

const checks = [
  ['types', [...tool('typescript', 'tsc'), '--noEmit']],
  [
    'types of the page',
    [...tool('typescript', 'tsc'), '--noEmit', '--project', 'src/dashboard/ui/tsconfig.json'],
  ],
  ['lint', [...tool('oxlint'), '--type-aware', '--deny-warnings']],
  ['format', [...tool('oxfmt'), '--check', '.']],
  ['format of Zig', [zigPath(), 'fmt', '--check', 'native', 'build.zig']],
  [
    'architecture',
    [...tool('dependency-cruiser', 'depcruise'), 'src', '--config', '.dependency-cruiser.mjs'],
  ],
  ['dead code', [...tool('knip')]],
  ['package', [...tool('publint'), '--strict']],
  ['types of the package', [...tool('@arethetypeswrong/cli', 'attw'), '--pack', '.']],
];

/** @returns whether it succeeded; its output appears when it did not. */
function run([name, [command, ...args]]) {
  const startMs = performance.now();
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('close', (code) => {
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
      console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
      if (code !== 0) console.log(output);
      resolve(code === 0);
    });
  });
}

let isGood = true;
for (const step of built) isGood = isGood && (await run(step));
const only = process.argv.slice(2);
const chosen = checks.filter(([name]) => only.length === 0 || only.includes(name));
// Two at a time: more would only fight for the cores.
const queue = [...chosen];
await Promise.all(
  [0, 1].map(async () => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      isGood = (await run(check)) && isGood;
    }
  }),
);
process.exitCode = isGood ? 0 : 1;
