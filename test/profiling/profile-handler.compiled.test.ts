import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type FinishedProcess, ROOT, runNode } from '../support/processes.ts';

/** In the repository, where compiled files can import the package by its name. */
let outDir: string;

beforeAll(async () => {
  await mkdir(join(ROOT, 'build'), { recursive: true });
  outDir = await mkdtemp(join(ROOT, 'build', 'decorators-'));
});

afterAll(async () => {
  await rm(outDir, { recursive: true, force: true });
});

function compile(fixture: string, ...options: string[]): Promise<FinishedProcess> {
  const project = join(ROOT, 'test/fixtures', fixture);
  return runNode([
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    ...['--project', project],
    ...options,
  ]);
}

describe('profileHandler, compiled by TypeScript', () => {
  it('has types for wrapper and standard decorator that lose nothing', async () => {
    const { code, stdout } = await compile('standard-decorators');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  });

  it('is a decorator under experimentalDecorators too, above a route and below it', async () => {
    const compiled = await compile('legacy-decorators', '--outDir', outDir);
    expect({ code: compiled.code, stdout: compiled.stdout }).toEqual({ code: 0, stdout: '' });
    const { stdout, stderr, code } = await runNode([join(outDir, 'routes.js')]);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(JSON.parse(stdout)).toEqual({
      answers: {
        sum: 3,
        name: 'sum',
        wrong: 'function',
        '/above': ['hello', true],
        '/below': ['hello', true],
        '/static': ['Routes', true],
        '/plain': ['hello', false],
      },
      refusal: 'OptionError: @profileHandler: expected to decorate a method, got undefined',
    });
  });
});
