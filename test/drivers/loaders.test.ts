import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { ROOT, runNode } from '../support/processes.ts';

function flagsFor(file: string): string[] {
  return ['--import', pathToFileURL(join(ROOT, file)).href];
}

const REGISTER = flagsFor('dist/register.js');
const LOADERS = [
  ['compiles files itself', 'test/fixtures/drivers/replacing-loader.cjs'],
  ['gives CommonJS its source', 'test/fixtures/drivers/source-loader.mjs'],
] as const;

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(async () => database.drop());

async function run(
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const { stdout, stderr } = await runNode([...flags, 'test/fixtures/drivers/served.mjs'], {
    env: { DATABASE_URL: database.url, HYPERDJANGO_QUIET: '1', NODE_NO_WARNINGS: '1', ...env },
  });
  if (stdout === '') throw new Error(stderr);
  return { wrong: JSON.parse(stdout) as unknown, stderr };
}

const RIGHT = { wrong: [], stderr: '' };

describe.each(LOADERS)('pg behind a loader that %s', (_, loader) => {
  it('is found whether the loader comes before register or after it', async () => {
    expect(await run([...REGISTER, ...flagsFor(loader)])).toEqual(RIGHT);
    expect(await run([...flagsFor(loader), ...REGISTER])).toEqual(RIGHT);
  });

  it('is found where register comes from NODE_OPTIONS', async () => {
    const env = { NODE_OPTIONS: REGISTER.join(' ') };
    expect(await run(flagsFor(loader), env)).toEqual(RIGHT);
  });
});
