import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { npm, packPackage } from '../support/package.ts';
import { ROOT, runNode } from '../support/processes.ts';

let folder: string;
let files: readonly string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperdjango-pack-'));
  const packed = packPackage(folder);
  files = packed.files;
  // npm looks for a project above an empty folder.
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  npm(
    ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', packed.tarball],
    folder,
  );
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('the tarball holds the build, a prebuild and the licence, and no source or test', () => {
  const kinds = new Set(files.map((path) => path.split('/')[0]));
  const expected = ['package.json', 'binding.gyp', 'dist', 'prebuilds'];
  expect(kinds).toEqual(new Set([...expected, 'README.md', 'LICENSE', 'CHANGELOG.md']));
  expect(files.filter((path) => path.endsWith('.node'))).toHaveLength(1);
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

it('the command line starts from there, and says its version', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  const bin = join(folder, 'node_modules', '.bin', 'hyperdjango');
  const { code, stdout } = await runNode([bin, '--version'], { cwd: folder });
  expect([code, stdout.trim()]).toEqual([0, version]);
});
