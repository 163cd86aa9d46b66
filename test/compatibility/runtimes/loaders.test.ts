/** The application's `pg` is found whatever loads it: loaders of TypeScript, and test runners. */
import { spawnSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createDatabase, type TestDatabase } from '../../support/postgres.ts';
import { ROOT, runNode } from '../../support/processes.ts';
import { FOLDER } from './application.ts';
import { useInstalled } from './installed.ts';

const installed = useInstalled(['npm']);
const { resolve } = createRequire(join(FOLDER, 'package.json'));
let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createDatabase();
  folder = join(installed.folderOf('npm'), 'loaded');
  cpSync(join(FOLDER, 'loaded'), folder, { recursive: true });
});

afterAll(async () => database.drop());

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd: string = folder,
): Promise<string> {
  const { stdout, stderr } = await runNode(args, {
    cwd,
    env: {
      DATABASE_URL: database.url,
      HYPERDJANGO_ENGINE: undefined,
      HYPERDJANGO_QUIET: '1',
      NODE_NO_WARNINGS: '1',
      ...env,
    },
  });
  return stdout + stderr;
}

const IMPORT = ['--import', 'hyperdjango/register'];
const REQUIRE = ['-r', 'hyperdjango/register'];

describe.each(['served.mts', 'served.cts'])('tsx on %s', (file) => {
  const tsx = ['--import', pathToFileURL(resolve('tsx')).href];

  it.each([
    ['after register', [...IMPORT, ...tsx, file], {}],
    ['before register', [...tsx, ...IMPORT, file], {}],
    ['with register in NODE_OPTIONS', [...tsx, file], { NODE_OPTIONS: IMPORT.join(' ') }],
    ['by its command', [resolve('tsx/cli'), file], { NODE_OPTIONS: IMPORT.join(' ') }],
  ])('%s', async (_, args, env) => {
    expect(await run(args, env)).toBe('[]\n');
  });
});

it.each([
  ['tsx/cjs', 'served.ts'],
  ['ts-node/register/transpile-only', 'served.ts'],
  ['@swc-node/register', 'served.ts'],
  ['esbuild-register', 'served.ts'],
  ['@babel/register', 'served.js'],
])('%s, before register and after it', async (loader, file) => {
  const cwd = join(folder, 'commonjs');
  const own = ['-r', resolve(loader)];
  expect(await run([...REQUIRE, ...own, file], {}, cwd)).toBe('[]\n');
  expect(await run([...own, ...REQUIRE, file], {}, cwd)).toBe('[]\n');
});

it('Jest, as ES modules', async () => {
  const config = join(folder, 'jest.json');
  writeFileSync(
    config,
    JSON.stringify({ testMatch: ['**/requests.mjs'], transform: {}, rootDir: folder }),
  );
  const jest = join(FOLDER, 'node_modules/jest/bin/jest.js');
  const said = await run(['--experimental-vm-modules', jest, '--config', config]);
  expect(said).toContain('1 passed, 1 total');
});

it.each(['forks', 'threads', 'vmForks', 'vmThreads'])('vitest, in its pool %s', (pool) => {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const config = join(folder, 'vitest.config.mjs');
  writeFileSync(config, "export default { test: { include: ['requests.mjs'], globals: true } };\n");
  const { stdout } = spawnSync(
    process.execPath,
    [vitest, 'run', '--root', folder, '--pool', pool],
    { cwd: folder, encoding: 'utf8', env: { ...process.env, DATABASE_URL: database.url } },
  );
  expect(stdout).toMatch(/Tests .*1 passed/);
});
