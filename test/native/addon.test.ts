import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ABI_VERSION } from '../../src/engine/addon.ts';
import { packageRoot, runNode, runScript } from './support/child.ts';
import { readElf } from './support/elf.ts';

const addonPath = (configuration: string): string =>
  join(packageRoot, 'build', configuration, 'hyperdjango.node');

/** The script of a worker: records for ever, and tells once that it has begun. */
const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const addon = require(workerData);
  const registers = new Float64Array(10);
  const capacities = Uint32Array.of(8, 8, 16, 16, 16, 16);
  const recorder = new addon.Recorder(capacities, 1n, registers);
  recorder.beginQuery('SELECT 1');
  parentPort.postMessage(registers[2]);
  for (;;) { recorder.beginQuery('SELECT ' + Math.random()); recorder.endQuery(); }
`;

beforeAll(async () => {
  const built = await runNode(['scripts/build-native.mjs', '--debug']);
  expect(built.exitCode, built.stderr).toBe(0);
}, 600_000);

describe.each(['Release', 'Debug'])('the %s addon', (configuration) => {
  const path = addonPath(configuration);

  it('has the ABI number of core.h and of the loader', async () => {
    const header = readFileSync(join(packageRoot, 'native/include/core.h'), 'utf8');
    const inHeader = Number(/#define HD_ABI_VERSION (\d+)u/.exec(header)?.[1]);
    const child = await runScript(`console.log(require(${JSON.stringify(path)}).abiVersion)`);
    expect(child).toMatchObject({ exitCode: 0, stderr: '' });
    expect(Number(child.stdout)).toBe(ABI_VERSION);
    expect(inHeader).toBe(ABI_VERSION);
  });

  it('survives workers that are terminated in the middle of recording', async () => {
    const child = await runScript(
      `
      const { Worker } = require('node:worker_threads');
      const { once } = require('node:events');
      (async () => {
        for (let round = 0; round < 10; round += 1) {
          const workers = Array.from({ length: 4 }, () =>
            new Worker(${JSON.stringify(WORKER)}, { eval: true, workerData: process.argv[1] }));
          const begun = await Promise.all(workers.map((worker) => once(worker, 'message')));
          if (!begun.every(([handle]) => handle > 0)) throw new Error('no handle');
          await Promise.all(workers.map((worker) => worker.terminate()));
        }
        console.log('40 workers');
      })();
      `,
      {},
      [path],
    );
    expect(child).toMatchObject({ exitCode: 0, signal: null, stdout: '40 workers\n' });
  });

  it('keeps a recorder alive as long as one of its functions', async () => {
    const child = await runScript(
      `
      const addon = require(process.argv[1]);
      let registers = new Float64Array(10);
      let { beginQuery } = new addon.Recorder(Uint32Array.of(8, 8, 8, 8, 8, 8), 1n, registers);
      for (let round = 0; round < 20; round += 1) {
        for (let other = 0; other < 20; other += 1) {
          new addon.Recorder(Uint32Array.of(8, 8, 8, 8, 64, 8), 1n, new Float64Array(10));
        }
        gc();
        beginQuery('SELECT ' + round);
        if (registers[1] < 1) throw new Error('the recorder is gone');
      }
      console.log('alive');
      `,
      { nodeArguments: ['--expose-gc'] },
      [path],
    );
    expect(child).toMatchObject({ exitCode: 0, signal: null, stdout: 'alive\n' });
  });

  it('refuses what the package itself never passes', async () => {
    const child = await runScript(
      `
      const { Recorder } = require(process.argv[1]);
      const good = [Uint32Array.of(8, 8, 8, 8, 8, 8), 1n, new Float64Array(10)];
      const bad = [
        [], [1, 2, 3], [good[0], 1, good[2]], [good[0], 1n, new Float64Array(2)],
        [Uint32Array.of(8), 1n, good[2]], [new Float64Array(6), 1n, good[2]],
        [Uint32Array.of(8, 8, 8, 8, 8, 3), 1n, good[2]],
      ];
      let refused = 0;
      for (const args of bad) try { new Recorder(...args); } catch { refused += 1; }
      const recorder = new Recorder(...good);
      const answers = [
        recorder.read(-1, new BigUint64Array(1e6)), recorder.read(1e9, new BigUint64Array(1)),
        recorder.read(0, new Uint8Array(8)), recorder.read(), recorder.read(0, new BigUint64Array(8)),
      ];
      console.log(refused, ...answers);
      `,
      {},
      [path],
    );
    expect(child).toMatchObject({ exitCode: 0, stdout: '7 false false false false true\n' });
  });
});

describe('two copies of the addon', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hyperdjango-copies-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('live beside each other in one process', async () => {
    const copy = join(folder, 'copy.node');
    copyFileSync(addonPath('Release'), copy);
    const child = await runScript(
      `
      const addons = process.argv.slice(1).map((path) => require(path));
      for (const addon of addons) addon.nowNs();
      console.log(...addons.map((addon) => addon.callCounts().nowNs));
      `,
      {},
      [addonPath('Release'), copy],
    );
    expect(child).toMatchObject({ exitCode: 0, stdout: '1 1\n' });
  });
});

describe.runIf(process.platform === 'linux')('what the addon shows to the linker', () => {
  it.each(['Release', 'Debug'])('is two symbols, in %s', (configuration) => {
    expect(readElf(addonPath(configuration)).exportedSymbols).toEqual([
      'napi_register_module_v1',
      'node_api_module_get_api_version_v1',
    ]);
  });

  it('is a need for glibc 2.28 at most', () => {
    const versions = readElf(addonPath('Release'))
      .neededVersions.map((version) => /^GLIBC_2\.(\d+)/.exec(version)?.[1])
      .filter((minor) => minor !== undefined);
    // None at all on musl.
    for (const minor of versions) expect(Number(minor)).toBeLessThanOrEqual(28);
  });
});
