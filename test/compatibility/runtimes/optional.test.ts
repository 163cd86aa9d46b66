import { join } from 'node:path';

import { ROOT } from '../../support/processes.ts';
import { FOLDER } from './application.ts';
import { nodeRuntimes, useInstalled } from './installed.ts';
import { proveRuntimes, type Run, type Runtime } from './rows.ts';

const installed = useInstalled(['npm']);

const node = (version: string): string =>
  join(ROOT, 'test/compatibility/drivers/optional/node_modules', `node${version}/bin/node`);
const runtime = (name: string): string => join(FOLDER, 'optional/node_modules/.bin', name);

const BUN_SERVE =
  'Nothing of the server of Bun or Deno itself can be reached from outside: `performance()` on the application sees its requests.';

function other(execPath: string, args: readonly string[], routes: readonly string[]): () => Run {
  return () => ({ cwd: installed.folderOf('npm'), execPath, args, routes });
}

const bun = runtime('bun');
const deno = runtime('deno');
const DENO_RUN = ['run', '-A', '--node-modules-dir=manual'];
const PRELOAD = ['--preload', './node_modules/hyperdjango/dist/register.mjs'];
const NATIVE = /^the native addon loaded$/;
const ON_DENO =
  /^the native addon loaded; postgres\.js, PGlite and Drizzle need instrument\(\) on Deno$/;

const OTHERS: readonly Runtime[] = [
  {
    label: 'Bun 1.4, `node:http`',
    engine: 'native',
    reason: NATIVE,
    own: other(bun, ['esm.mjs'], ['items']),
    registered: other(bun, ['--preload', 'hyperdjango/register', 'plain.mjs'], ['items', 'rows']),
  },
  {
    label: 'Bun 1.4, CommonJS',
    engine: 'native',
    reason: NATIVE,
    own: other(bun, ['commonjs.cjs'], ['items']),
    registered: other(bun, ['--preload', 'hyperdjango/register', 'plain.cjs'], ['items', 'rows']),
  },
  {
    label: 'Bun 1.4, Hono on `Bun.serve`',
    engine: 'native',
    reason: NATIVE,
    own: other(bun, ['served.mjs'], ['items', 'rows']),
    impossible: { register: BUN_SERVE },
  },
  {
    label: 'Deno 2.9, `node:http`',
    engine: 'native',
    reason: ON_DENO,
    own: other(deno, [...DENO_RUN, 'bundled.mjs'], ['items', 'rows']),
    registered: other(deno, [...DENO_RUN, ...PRELOAD, 'plain.mjs'], ['items']),
  },
  {
    label: 'Deno 2.9, CommonJS',
    engine: 'native',
    reason: ON_DENO,
    own: other(deno, [...DENO_RUN, 'commonjs.cjs'], ['items']),
    registered: other(deno, [...DENO_RUN, ...PRELOAD, 'plain.cjs'], ['items', 'rows']),
  },
  {
    label: 'Deno 2.9, Hono on `Deno.serve`',
    engine: 'native',
    reason: ON_DENO,
    own: other(deno, [...DENO_RUN, 'served.mjs'], ['items', 'rows']),
    impossible: { register: BUN_SERVE },
  },
];

proveRuntimes('other runtimes', [
  ...['22', '24', '26'].flatMap((version) =>
    nodeRuntimes(`Node ${version}`, installed, 'npm', node(version)),
  ),
  ...OTHERS,
]);
