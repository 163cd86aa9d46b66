import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import { engineOfKind, loadEngine } from '../../src/engine/load.ts';
import { packageRoot, runScript } from '../native/support/child.ts';
import type { ChildOptions, ChildResult } from '../native/support/child.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** Loads the built package's engine, uses it, and prints what it is. */
function loadInChild(options: ChildOptions = {}): Promise<ChildResult> {
  return runScript(
    `import('./dist/engine/load.js').then(({ loadEngine }) => {
      const { engine, reason } = loadEngine();
      const { text } = engine.normalizeSql('SELECT 1');
      const calls = engine.callCounts().normalizeSql;
      loadEngine();
      console.log(JSON.stringify({ kind: engine.kind, reason, text, calls }));
    });`,
    options,
  );
}

/** A folder of prebuilds whose addon for this machine is what `place` puts there. */
function prebuildsWith(place: (path: string) => void): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'hyperdjango-load-'));
  folders.push(folder);
  const target = join(folder, 'prebuilds', `${process.platform}-${process.arch}`);
  mkdirSync(target, { recursive: true });
  place(join(target, 'hyperdjango.node'));
  return { HYPERDJANGO_PREBUILD: folder };
}

function brokenAddon(): Record<string, string> {
  return prebuildsWith((path) => writeFileSync(path, 'this is no shared library\n'));
}

const ownAddon = join(packageRoot, 'build/Release/hyperdjango.node');

/** What an interrupted download or a full disk leaves behind: to load it would be a SIGBUS. */
function truncatedAddon(share: number): Record<string, string> {
  return prebuildsWith((path) => {
    writeFileSync(path, readFileSync(ownAddon));
    truncateSync(path, Math.floor(statSync(ownAddon).size * share));
  });
}

/** An addon that loads, and is not ours: what a left-over of another version amounts to. */
function foreignAddon(): Record<string, string> {
  const scope = join(packageRoot, 'node_modules/@rollup');
  const candidates = readdirSync(scope).flatMap((name) =>
    readdirSync(join(scope, name)).map((file) => join(scope, name, file)),
  );
  const addon = candidates.find((file) => file.endsWith('.node'));
  if (addon === undefined) throw new Error('vite brings an addon of rollup, where is it?');
  return prebuildsWith((path) => copyFileSync(addon, path));
}

function warningsIn({ stderr }: ChildResult): string[] {
  return stderr.split('\n').filter((line) => line.includes('HyperDjangoWarning'));
}

describe('loadEngine', () => {
  it('takes the native engine, without a word', async () => {
    const child = await loadInChild();
    expect(child).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(child.stdout)).toEqual({
      kind: 'native',
      reason: 'the native addon loaded',
      text: 'SELECT $1',
      calls: 1,
    });
  });

  it('takes the portable engine where it is told to, without a word', async () => {
    const child = await loadInChild({ env: { ...brokenAddon(), HYPERDJANGO_ENGINE: 'portable' } });
    expect(child).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(child.stdout)).toMatchObject({
      kind: 'portable',
      reason: 'HYPERDJANGO_ENGINE=portable',
      calls: 1,
    });
  });

  it.each([
    ['a file that is no addon', brokenAddon, {}, /could not be loaded: .*hyperdjango\.node/],
    ['most of an addon', () => truncatedAddon(0.999), {}, /only a part of the file/],
    ['the beginning of an addon', () => truncatedAddon(0.01), {}, /only a part of the file/],
    ['no addon at all', () => prebuildsWith(() => {}), {}, /No native build was found/],
    ['an addon of another ABI', foreignAddon, {}, /has ABI undefined where .* needs \d+/],
    [
      'addons switched off',
      () => ({}),
      { nodeArguments: ['--no-addons'] },
      /could not be loaded: .*disabled/i,
    ],
  ])('falls back to the portable engine and says why: %s', async (_, env, options, why) => {
    const child = await loadInChild({ ...options, env: env() });
    expect(child.exitCode, child.stderr).toBe(0);
    const loaded = JSON.parse(child.stdout) as { kind: string; reason: string; text: string };
    expect(loaded).toMatchObject({ kind: 'portable', text: 'SELECT $1' });
    expect(loaded.reason).toMatch(why);
    expect(loaded.reason).not.toContain('\n');
    expect(warningsIn(child)).toHaveLength(1);
    expect(warningsIn(child)[0]).toMatch(why);
    expect(warningsIn(child)[0]).toContain('The portable engine takes over');
  });

  it.each([
    ['a file that is no addon', brokenAddon],
    ['an addon of another ABI', foreignAddon],
  ])('fails loudly where the native engine is demanded: %s', async (_, env) => {
    const child = await loadInChild({ env: { ...env(), HYPERDJANGO_ENGINE: 'native' } });
    expect(child.exitCode).not.toBe(0);
    expect(child.stdout).toBe('');
    expect(child.stderr).toContain('The native addon');
    expect(child.stderr).toContain("code: 'ERR_HYPERDJANGO_ENGINE'");
  });

  it('refuses an engine that there is not, by name', async () => {
    const child = await loadInChild({ env: { HYPERDJANGO_ENGINE: 'rust' } });
    expect(child.exitCode).not.toBe(0);
    expect(child.stderr).toContain(
      "HYPERDJANGO_ENGINE must be 'native' or 'portable', or unset; got 'rust'",
    );
    expect(child.stderr).toContain("code: 'ERR_HYPERDJANGO_ENGINE'");
  });

  it('answers the same engine at every call', () => {
    expect(loadEngine()).toBe(loadEngine());
    expect(engineOfKind('native')).toBe(engineOfKind('native'));
    expect(engineOfKind('portable')).toBe(engineOfKind('portable'));
  });

  it('works in worker threads, each with an engine of its own', async () => {
    const child = await runScript(
      `const { Worker, isMainThread, parentPort } = require('node:worker_threads');
      const { once } = require('node:events');
      const count = 'import("./dist/engine/load.js").then(({ loadEngine }) => {' +
        'const { engine } = loadEngine(); engine.nowNs();' +
        'require("node:worker_threads").parentPort.postMessage(' +
        '[engine.kind, engine.callCounts().nowNs]); });';
      Promise.all([1, 2, 3].map(() => once(new Worker(count, { eval: true }), 'message')))
        .then((answers) => console.log(JSON.stringify(answers)));`,
    );
    expect(child).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(child.stdout)).toEqual([[['native', 1]], [['native', 1]], [['native', 1]]]);
  });
});
