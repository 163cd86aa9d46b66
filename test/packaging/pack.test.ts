import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { type Cell, type Row, writeTable } from '../compatibility/drivers/table.ts';
import { installerEnvironment, npm, packPackage } from '../support/package.ts';
import { ROOT, runNode } from '../support/processes.ts';
import { installWith, MANAGERS, STEPS } from './support/managers.ts';
import { RUNS_ALL, runProgram, toolFolder } from './support/tools.ts';

let folder: string;
let tarball: string;
let files: readonly string[];
const folders: string[] = [];

beforeAll(() => {
  folder = emptyFolder();
  ({ tarball, files } = packPackage(folder));
  npm(
    ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', tarball],
    folder,
  );
}, 600_000);

afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

/** A folder of a user's, with no project around it. */
function emptyFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'hyperdjango-user-'));
  folders.push(path);
  return path;
}

it('the tarball holds the build, a prebuild and the licence; nothing to build, no source or test', () => {
  const kinds = new Set(files.map((path) => path.split('/')[0]));
  const expected = ['package.json', 'dist', 'prebuilds'];
  expect(kinds).toEqual(new Set([...expected, 'README.md', 'LICENSE', 'CHANGELOG.md']));
  expect(files.filter((path) => path.endsWith('.node'))).toHaveLength(1);
  // Package managers build whatever has one.
  expect(files.filter((path) => path.endsWith('.gyp'))).toEqual([]);
});

it('installed in an empty folder, without Zig and without install scripts, the addon loads', async () => {
  const script = `
    import { createRequire } from 'node:module';
    import { status, HyperApp, PerformanceMiddleware } from 'hyperdjango';
    const app = new HyperApp('packed');
    app.use(new PerformanceMiddleware());
    app.get('/', (c) => c.text('ok'));
    const response = await app.fetch(new Request('http://localhost/'));
    const addon = Object.keys(createRequire(import.meta.url).cache).find((file) => file.endsWith('.node'));
    console.log(JSON.stringify({ engine: status().engine, count: response.headers.get('x-query-count'), addon }));
  `;
  writeFileSync(join(folder, 'app.mjs'), script);
  const { code, stdout, stderr } = await runNode(['app.mjs'], {
    cwd: folder,
    env: { HYPERDJANGO_ENGINE: undefined, PATH: '' },
  });
  expect([code, stderr]).toEqual([0, '']);
  const seen = JSON.parse(stdout) as { engine: string; count: string; addon: string };
  expect(seen).toMatchObject({ engine: 'native', count: '0' });
  expect(seen.addon).toContain(join('node_modules', 'hyperdjango', 'prebuilds'));
});

it('a lockfile knows of no install script', () => {
  const lockfile = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  expect(lockfile).toContain('node_modules/hyperdjango');
  expect(lockfile).not.toContain('hasInstallScript');
});

const managers = MANAGERS.filter(({ isQuick }) => RUNS_ALL || isQuick === true);
const rows: Row[] = [];

describe.each(managers)('$label', (manager) => {
  const engines = STEPS.map((): string[] => []);

  it.concurrent.each([
    { runsScripts: true, what: 'with install scripts' },
    { runsScripts: false, what: 'without' },
  ])(
    'installs it, from a lockfile too, $what: the native engine each time',
    async ({ runsScripts }) => {
      const seen = await installWith(manager, { folder: emptyFolder(), tarball, runsScripts });
      expect(seen.map(({ step }) => step)).toEqual(Object.keys(manager.steps));
      for (const { step, told } of seen) {
        expect(told).toMatchObject({ engine: 'native', isOne: true });
        engines[STEPS.indexOf(step)]?.push(told.engine);
      }
    },
    300_000,
  );

  afterAll(() => {
    const cells = STEPS.map((step, index): [string, Cell] => {
      const text = step in manager.steps ? engines[index]?.join(', ') : '–';
      return [step, { isProven: true, text: text ?? '' }];
    });
    if (engines[0]?.length === 2)
      rows.push({ label: manager.label, cells: Object.fromEntries(cells) });
  });
});

afterAll(async () => {
  if (RUNS_ALL && rows.length === managers.length) await writeTable('managers', STEPS, rows);
});

describe('where require() takes no ECMAScript module', () => {
  const subpaths = Object.keys(
    (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { exports: object }).exports,
  )
    .filter((subpath) => subpath !== './package.json')
    .map((subpath) => join('hyperdjango', subpath));

  it('every subpath loads, and is what import gives', async () => {
    const script = `
      const differences = [];
      (async () => {
        for (const name of ${JSON.stringify(subpaths)}) {
          const required = require(name);
          const imported = await import(name);
          const names = Object.keys(required).filter((key) => key !== '__esModule');
          for (const key of new Set([...names, ...Object.keys(imported)])) {
            if (['default', '__esModule', 'module.exports'].includes(key)) continue;
            if (required[key] !== imported[key] || required[key] === undefined) differences.push(name + ' ' + key);
          }
        }
        console.log(JSON.stringify(differences));
      })();
    `;
    writeFileSync(join(folder, 'both.cjs'), script);
    const flags = process.allowedNodeEnvironmentFlags.has('--experimental-require-module')
      ? ['--no-experimental-require-module']
      : [];
    const { code, stdout, stderr } = await runNode([...flags, 'both.cjs'], {
      cwd: folder,
      env: { HYPERDJANGO_QUIET: '1' },
    });
    expect([code, stderr, stdout.trim()]).toEqual([0, '', '[]']);
  });

  it('both forms count into one recorder, and take the objects of each other', async () => {
    const script = `
      const { createServer } = require('node:http');
      const pg = require('pg');
      const { PerformanceMiddleware } = require('hyperdjango');
      (async () => {
        const { performance } = await import('hyperdjango/node');
        const root = await import('hyperdjango');
        const perf = new PerformanceMiddleware();
        const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
        const observe = performance(perf);
        const server = createServer((request, response) => observe(request, response, async () => {
          for (let id = 0; id < 3; id += 1) await pool.query('SELECT ' + id + '::int');
          response.end();
        }));
        await new Promise((resolve) => server.listen(0, resolve));
        const response = await fetch('http://127.0.0.1:' + server.address().port);
        await response.text();
        server.close();
        await pool.end();
        let isOption = false;
        try { new root.PerformanceMiddleware({ nPlusOneThreshold: 1 }); } catch (error) {
          isOption = error instanceof require('hyperdjango').OptionError;
        }
        const { totalRequests, totalQueries } = perf.getStats();
        console.log(JSON.stringify({ count: response.headers.get('x-query-count'), totalRequests, totalQueries, isOption }));
      })();
    `;
    writeFileSync(join(folder, 'shared.cjs'), script);
    for (const register of [
      [],
      ['--require', 'hyperdjango/register'],
      ['--import', 'hyperdjango/register'],
    ]) {
      const { code, stdout, stderr } = await runNode([...register, 'shared.cjs'], {
        cwd: folder,
        env: { DATABASE_URL: inject('postgresUrl'), HYPERDJANGO_QUIET: '1' },
      });
      expect([code, stderr]).toEqual([0, '']);
      expect(JSON.parse(stdout)).toEqual({
        ...{ count: '3', totalRequests: 1, totalQueries: 3, isOption: true },
      });
    }
  }, 60_000);

  it('Jest loads it in its own module system, and counts', async () => {
    const jest = join(toolFolder('jest', '30.5.2'), 'bin/jest.js');
    const place = join(folder, 'jest');
    mkdirSync(place);
    writeFileSync(
      join(place, 'package.json'),
      '{"jest":{"testEnvironment":"node","transform":{},"watchman":false}}',
    );
    writeFileSync(
      join(place, 'app.test.js'),
      `const { HyperApp, PerformanceMiddleware, status } = require('hyperdjango');
      require('hyperdjango/express');
      test('counts', async () => {
        const perf = new PerformanceMiddleware();
        const app = new HyperApp('jest');
        app.use(perf);
        app.get('/', (c) => { perf.recordQuery('SELECT 1', { durationMs: 1 }); return c.text('ok'); });
        const response = await app.fetch(new Request('http://localhost/'));
        expect(response.headers.get('x-query-count')).toBe('1');
        expect(status().engine).toBe('native');
      });`,
    );
    await runProgram([jest, '--rootDir', place], {
      cwd: place,
      env: { HYPERDJANGO_ENGINE: undefined, NODE_ENV: 'test' },
    });
  }, 300_000);
});

describe('the command line from there', () => {
  const run = (place: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    runNode([join(place, 'node_modules/.bin/hyperdjango'), ...args], { cwd: place, env });

  it('starts, and says its version', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      version: string;
    };
    const { code, stdout } = await run(folder, ['--version']);
    expect([code, stdout.trim()]).toEqual([0, version]);
  });

  it('runs the demo on the server of DATABASE_URL', async () => {
    const { code, stdout, stderr } = await run(folder, ['demo', '--seconds', '1', '--json'], {
      DATABASE_URL: inject('postgresUrl'),
    });
    expect([code, stderr]).toEqual([0, expect.stringContaining('schema hyperdjango_demo')]);
    expect(JSON.parse(stdout)).toMatchObject({ headers: { 'x-query-count': expect.any(String) } });
  }, 60_000);

  it('names the one command that brings a PostgreSQL, which then runs the demo', async () => {
    const place = emptyFolder();
    npm(['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], place);
    const missing = await run(place, ['demo', '--seconds', '1']);
    expect(missing.code).toBe(1);
    const line = missing.stderr.trim().split('\n').at(-1) ?? '';
    const command =
      /^hyperdjango demo: no PostgreSQL to start: install it with "(npm [^"]+)", or set DATABASE_URL/;
    const [program = '', ...args] = command.exec(line)?.[1]?.split(' ') ?? [];
    expect(program).toBe('npm');
    execFileSync(program, args, { cwd: place, env: installerEnvironment(), stdio: 'pipe' });
    const { code, stdout } = await run(place, ['demo', '--seconds', '1', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ headers: { 'x-query-count': expect.any(String) } });
    expect(readdirSync(place)).toEqual(['node_modules', 'package-lock.json', 'package.json']);
  }, 300_000);
});
