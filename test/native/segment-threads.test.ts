import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';

import { ARENAS_MAX } from '../../src/engine/segment-layout.ts';
import { ROOT } from '../support/processes.ts';
import {
  onTmpfs,
  readSegment,
  recordingArguments,
  recordingEnvironment,
  type SegmentFile,
  startRecording,
} from './support/segments.ts';

const folder = mkdtempSync('/dev/shm/hyperdjango-threads-');
afterAll(() => rmSync(folder, { recursive: true }));

/** Workers of the fixture: started, heard of when they have recorded, and ended. */
const PREPARE = `
  const start = (workerData) => new Worker('./test/fixtures/segments/worker.mjs', { workerData, execArgv: [] });
  const told = async (worker) => (await once(worker, 'message'))[0];
  const end = async (worker) => { worker.postMessage('end'); await once(worker, 'exit'); };
  const say = (value) => console.log(JSON.stringify(value));
`;

async function run<T>(
  code: string,
  timeoutMs = 60_000,
): Promise<{ told: T; segment: SegmentFile }> {
  const running = startRecording(PREPARE + code, { env: { HYPERDJANGO_DIR: folder } });
  const timer = setTimeout(() => running.child.kill('SIGKILL'), timeoutMs);
  const finished = await running.finished;
  clearTimeout(timer);
  expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' });
  const told = JSON.parse(finished.stdout) as T & { readonly path: string };
  return { told, segment: readSegment(told.path) };
}

describe('worker threads', () => {
  it('record into the segment of their process, each in an arena of its own', async () => {
    const { told, segment } = await run<{ arenas: number[]; same: boolean }>(`
      const { segment } = getRecorder();
      const workers = Array.from({ length: 64 }, (_, index) => start({ count: index }));
      const answers = await Promise.all(workers.map(told));
      say({
        path: segment.path,
        arenas: answers.map(({ arenaIndex }) => arenaIndex).sort((a, b) => a - b),
        same: answers.every(({ path, reason }) => path === segment.path && reason === ''),
      });
      await Promise.all(workers.map(end));
    `);
    expect(told.arenas).toEqual(Array.from({ length: 64 }, (_, index) => index + 1));
    expect(told.same).toBe(true);
    expect(segment.arenas).toHaveLength(65);
    const [main, ...workers] = segment.arenas;
    expect(main).toMatchObject({ threadId: 0, queryCount: 0 });
    expect(workers.map(({ queryCount }) => queryCount).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 64 }, (_, index) => index),
    );
    for (const worker of workers) {
      expect(worker).toMatchObject({
        isInUse: 0,
        adoptionCount: 1,
        inFlightQueries: 0,
        inFlightRequests: 0,
      });
    }
  });

  it('go on with what a thread before them left', async () => {
    const { told, segment } = await run<{ arenas: number[] }>(`
      const arenas = [];
      for (const count of [3, 4, 5]) {
        const worker = start({ count });
        arenas.push((await told(worker)).arenaIndex);
        await end(worker);
      }
      say({ path: getRecorder().segment.path, arenas });
    `);
    expect(told.arenas).toEqual([1, 1, 1]);
    expect(segment.arenas).toHaveLength(2);
    expect(segment.arenas[1]).toMatchObject({ adoptionCount: 3, queryCount: 12, isInUse: 0 });
    expect(segment.arenas[1]?.statements).toContainEqual(['SELECT $1', 12]);
  });

  it('are all in what one of them reads of the segment', async () => {
    const { told } = await run<{ magics: number; outside: string }>(`
      const workers = [start({ count: 1 }), start({ count: 1 })];
      await Promise.all(workers.map(told));
      const { segment } = getRecorder();
      const header = new BigUint64Array(5);
      segment.read(0, header);
      const [, , main, worker, count] = [...header].map(Number);
      const firsts = [2560, 2560 + main, 2560 + main + worker];
      // All of it at once, over the borders of what was mapped one by one.
      const whole = new BigUint64Array(2560 + main + 2 * worker);
      segment.read(0, whole);
      const beyond = new BigUint64Array(1).fill(7n);
      segment.read(whole.length, beyond);
      say({
        path: segment.path,
        magics: new Set(firsts.map((first) => whole[first])).size,
        count,
        outside: String(beyond[0]),
      });
      await Promise.all(workers.map(end));
    `);
    expect(told).toMatchObject({ magics: 1, count: 3, outside: '7' });
  });

  it('beyond the last arena record for themselves, and are counted', async () => {
    const { told, segment } = await run<{ left: { arenaIndex: number; reason: string }[] }>(
      `
      const { segment } = getRecorder();
      const workers = [];
      const left = [];
      for (let index = 0; index < ${ARENAS_MAX + 1}; index += 1) {
        workers.push(start({ count: 2 }));
        const answer = await told(workers.at(-1));
        if (answer.arenaIndex < 0) left.push(answer);
      }
      say({ path: segment.path, left });
      await Promise.all(workers.map((worker) => worker.terminate()));
      `,
      120_000,
    );
    expect(told.left).toMatchObject([{ arenaIndex: -1 }, { arenaIndex: -1 }]);
    expect(told.left[0]?.reason).toContain(`${ARENAS_MAX} threads record already`);
    expect(segment.droppedThreads).toBe(2);
    expect(segment.arenas).toHaveLength(ARENAS_MAX);
  }, 150_000);

  it('that find no room for an arena record for themselves, and are counted', () => {
    const small = `${folder}/small`;
    mkdirSync(small);
    const [command = '', ...args] = onTmpfs('size=7300k', small);
    const code = `
      const { segment } = getRecorder();
      const worker = start({ count: 2 });
      const answer = await told(worker);
      const header = new BigUint64Array(18);
      segment.read(0, header);
      const { statSync } = await import('node:fs');
      say({ ...answer, main: segment.reason, arenas: Number(header[4]), dropped: Number(header[17]),
        isExtended: statSync(segment.path).size > (2560 + Number(header[2])) * 8 });
      await end(worker);
    `;
    const script = [process.execPath, ...recordingArguments(PREPARE + code)];
    const finished = spawnSync(command, [...args, ...script], {
      cwd: ROOT,
      env: { ...process.env, ...recordingEnvironment(), NODE_OPTIONS: '', HYPERDJANGO_DIR: small },
      encoding: 'utf8',
    });
    expect(finished).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(finished.stdout)).toMatchObject({
      arenaIndex: -1,
      reason:
        'no arena for this thread, whose records stay its own: there is no room in it (NOSPC)',
      main: '',
      arenas: 1,
      dropped: 1,
      isExtended: false,
    });
  });

  it('may make the segment before the main thread does', async () => {
    const { told, segment } = await run<{ worker: number; main: number }>(`
      const worker = start({ count: 3 });
      const { arenaIndex } = await told(worker);
      await end(worker);
      const { segment } = getRecorder();
      say({ path: segment.path, worker: arenaIndex, main: segment.arenaIndex });
    `);
    expect(told).toMatchObject({ worker: 1, main: 0 });
    expect(segment.arenas).toMatchObject([{ queryCount: 0 }, { queryCount: 3 }]);
  });

  it('that are terminated while they record leave no crash, and no more arenas than lived at once', async () => {
    const { told, segment } = await run<{ rssGrowth: number }>(
      `
      const { segment } = getRecorder();
      const round = async () => {
        const workers = Array.from({ length: 8 }, () => start({ count: 1, isEndless: true }));
        await Promise.all(workers.map(told));
        await Promise.all(workers.map((worker) => worker.terminate()));
      };
      for (let index = 0; index < 5; index += 1) await round();
      const before = process.memoryUsage.rss();
      for (let index = 0; index < 20; index += 1) await round();
      say({ path: segment.path, rssGrowth: process.memoryUsage.rss() - before });
      `,
      120_000,
    );
    expect(segment.arenas.length).toBeLessThanOrEqual(9);
    expect(segment.droppedThreads).toBe(0);
    const adoptions = segment.arenas.slice(1).map(({ adoptionCount }) => adoptionCount);
    expect(adoptions.reduce((sum, count) => sum + count, 0)).toBe(200);
    for (const arena of segment.arenas.slice(1)) {
      expect(arena).toMatchObject({ isInUse: 0, inFlightQueries: 0, inFlightRequests: 0 });
    }
    // 160 arenas that were lost would be 148 MB.
    expect(told.rssGrowth).toBeLessThan(40 << 20);
  }, 150_000);
});
