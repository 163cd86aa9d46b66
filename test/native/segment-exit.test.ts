import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';

import type { FileLocks } from '../../src/engine/file-locks.ts';
import { fileLocks } from '../../src/engine/load.ts';
import { SEGMENT_STATE } from '../../src/engine/segment-layout.ts';
import { readSegment, startRecording } from './support/segments.ts';

const folder = mkdtempSync('/dev/shm/hyperdjango-exit-');
afterAll(() => rmSync(folder, { recursive: true }));

const locks = fileLocks() as FileLocks;

/** Begins a query and a request that never end, tells where, and goes on with `code`. */
const inFlight = (code: string): string => `
  const { core, segment } = getRecorder();
  core.beginQuery('SELECT pg_sleep(60)', core.beginRequest(''), 0);
  console.log(segment.path);
  ${code}
`;

async function endOf(code: string) {
  const running = startRecording(inFlight(code), { env: { HYPERDJANGO_DIR: folder } });
  const finished = await running.finished;
  return { finished, segment: readSegment(finished.stdout.trim()) };
}

describe('the end of a process', () => {
  it.each([
    ['nothing left to do', '', 0],
    ['an exit code that was set before', 'process.exitCode = 5', 5],
    ['process.exit', 'process.exit(3)', 3],
    [
      'an exit code that the last listener sets',
      "process.on('exit', () => { process.exitCode = 9; })",
      9,
    ],
    ['process.reallyExit', 'process.reallyExit(4)', 4],
    [
      'process.exit beside a worker that is stuck',
      "await once(new Worker('for (;;);', { eval: true }), 'online'); process.exit(6)",
      6,
    ],
    [
      'a signal that the application answers by process.exit',
      "process.on('SIGTERM', () => process.exit(7)); process.kill(process.pid, 'SIGTERM'); " +
        'setTimeout(() => {}, 60_000)',
      7,
    ],
    [
      'an exception that a listener caught',
      "process.on('uncaughtException', () => {}); setTimeout(() => { throw new Error('caught'); })",
      0,
    ],
    [
      'an exception whose handler ends the process',
      "process.on('uncaughtException', () => process.exit(8)); " +
        "setTimeout(() => { throw new Error('caught'); })",
      8,
    ],
    [
      'an exception that a callback caught',
      'process.setUncaughtExceptionCaptureCallback(() => {}); ' +
        "setTimeout(() => { throw new Error('caught'); })",
      0,
    ],
  ])('is marked as clean, with nothing in flight, after %s', async (_, code, exitCode) => {
    const { finished, segment } = await endOf(code);
    expect(finished).toMatchObject({ code: exitCode, signal: null });
    expect(segment).toMatchObject({
      state: SEGMENT_STATE.exited,
      exitCode,
      hasUncaughtException: 0,
    });
    expect(segment.arenas[0]).toMatchObject({ inFlightQueries: 0, inFlightRequests: 0 });
  });

  it.each([
    ['an exception', "setTimeout(() => { throw new Error('nobody'); })", 1],
    ['an exception of the module itself', "throw new Error('nobody')", 1],
    ['a rejection', "Promise.reject(new Error('nobody'))", 1],
    [
      'an exception whose handler throws one',
      "process.on('uncaughtException', () => { throw new Error('nobody'); }); " +
        "setTimeout(() => { throw new Error('caught'); })",
      7,
    ],
  ])('keeps what was in flight after %s that nobody caught', async (_, code, exitCode) => {
    const { finished, segment } = await endOf(code);
    expect(finished).toMatchObject({ code: exitCode, signal: null });
    expect(finished.stderr).toContain('Error: nobody');
    expect(segment).toMatchObject({
      state: SEGMENT_STATE.exited,
      exitCode,
      hasUncaughtException: 1,
    });
    expect(segment.arenas[0]).toMatchObject({ inFlightQueries: 1, inFlightRequests: 1 });
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGKILL', 'SIGABRT', 'SIGSEGV'] as const)(
    'by %s leaves everything as it was, and the lock free',
    async (signal) => {
      const code = `process.kill(process.pid, ${constants.signals[signal]}); setInterval(() => {}, 1e6)`;
      const { finished, segment } = await endOf(code);
      expect(finished).toMatchObject({ code: null, signal });
      expect(segment).toMatchObject({ state: SEGMENT_STATE.running, hasUncaughtException: 0 });
      expect(segment.arenas[0]).toMatchObject({
        isInUse: 1,
        inFlightQueries: 1,
        inFlightRequests: 1,
      });
      expect(locks.isLocked(finished.stdout.trim())).toBe(false);
    },
  );

  it('is seen by its lock, however the process dies', async () => {
    const running = startRecording(inFlight('setInterval(() => {}, 1e6)'), {
      env: { HYPERDJANGO_DIR: folder },
    });
    const path = (await running.nextLine()) ?? '';
    expect(locks.isLocked(path)).toBe(true);
    expect(locks.tryLock(path)).toBeUndefined();
    expect(locks.punchHoles(path)).toBeUndefined();
    running.child.kill('SIGKILL');
    await running.finished;
    expect(locks.isLocked(path)).toBe(false);
  });

  it('waits for nothing of ours: no handle is active that was not before', async () => {
    const running = startRecording(
      `const before = process.getActiveResourcesInfo();
      const { segment } = getRecorder();
      console.log(JSON.stringify([before, process.getActiveResourcesInfo(), segment.path]));`,
      { env: { HYPERDJANGO_DIR: folder } },
    );
    const [before, after, path] = JSON.parse((await running.nextLine()) ?? '') as unknown[];
    expect(after).toEqual(before);
    expect(path).toContain(folder);
    expect(await running.finished).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a dead segment', () => {
  it('reads the same after the room of its zeros was given back', async () => {
    const { finished, segment } = await endOf("process.kill(process.pid, 'SIGKILL')");
    const path = finished.stdout.trim();
    const blocksBefore = statSync(path).blocks;
    expect(locks.punchHoles(path)).toBeGreaterThan(6_000_000);
    expect(statSync(path).blocks).toBeLessThan(blocksBefore / 4);
    expect(
      Buffer.from(readSegment(path).words.buffer).equals(Buffer.from(segment.words.buffer)),
    ).toBe(true);
    expect(() => locks.punchHoles(`${folder}/nothing`)).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
  });
});
