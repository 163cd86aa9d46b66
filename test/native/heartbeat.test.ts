import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';

import { until } from '../support/processes.ts';
import { readSegment, startRecording } from './support/segments.ts';

const folder = mkdtempSync('/dev/shm/hyperdjango-heartbeat-');
afterAll(() => rmSync(folder, { recursive: true }));

const INTERVAL_NS = 50e6;

/** Starts a process that says where it records, and then does what `code` says. */
async function start(code: string) {
  const running = startRecording(
    `const { engine, segment } = getRecorder(); console.log(segment.path); ${code}`,
    { env: { HYPERDJANGO_DIR: folder } },
  );
  const path = (await running.nextLine()) ?? '';
  return {
    running,
    look: () => readSegment(path),
    /** Waits for so many beats from a time on. */
    beats: (count: number, sinceNs: number) =>
      until('the heartbeat', () => readSegment(path).heartbeatNs > sinceNs + count * INTERVAL_NS),
    end: async () => {
      running.child.kill('SIGKILL');
      await running.finished;
    },
  };
}

describe('the heartbeat', () => {
  it('goes on while the event loop is stuck, and says since when it is', async () => {
    const { running, look, beats, end } = await start(
      'setTimeout(() => { console.log(engine.nowNs()); for (;;); }, 200)',
    );
    const stuckSinceNs = Number(await running.nextLine());
    await beats(2, stuckSinceNs);
    const [first] = look().arenas;
    await beats(10, stuckSinceNs);
    const [later] = look().arenas;
    await end();
    // Its callback began shortly before it told the time.
    expect(first?.loopBusySinceNs).toBeGreaterThan(stuckSinceNs - INTERVAL_NS);
    expect(first?.loopBusySinceNs).toBeLessThanOrEqual(stuckSinceNs);
    expect(later?.loopBusySinceNs).toBe(first?.loopBusySinceNs);
    expect(later?.loopCheckedNs).toBeGreaterThan(Number(first?.loopCheckedNs));
  });

  it('shows a loop that waits as idle', async () => {
    const { look, beats, end } = await start('setInterval(() => {}, 1e6)');
    await beats(5, look().heartbeatNs);
    await until('an idle loop', () => look().arenas[0]?.loopBusySinceNs === 0);
    await end();
  });

  it('tells the loop of a worker from the main one', async () => {
    const { running, look, beats, end } = await start(`
      new Worker('./test/fixtures/segments/worker.mjs', {
        workerData: { count: 1, isEndless: true }, execArgv: [],
      }).once('message', () => console.log(engine.nowNs()));
    `);
    await beats(5, Number(await running.nextLine()));
    await until('an idle main loop', () => look().arenas[0]?.loopBusySinceNs === 0);
    expect(look().arenas[1]?.loopBusySinceNs).toBeGreaterThan(0);
    await end();
  });

  it('is a thread that takes no signal and less than 0.1 % of a core', async () => {
    const { running, look, beats, end } = await start('setInterval(() => {}, 1e6)');
    // It gives itself its name before its first beat.
    await beats(1, look().heartbeatNs);
    const tasks = `/proc/${running.child.pid}/task`;
    const of = (task: string, file: string): string =>
      readFileSync(`${tasks}/${task}/${file}`, 'utf8');
    const ours = readdirSync(tasks).filter((task) => of(task, 'comm') === 'hyperdjango\n');
    expect(ours).toHaveLength(1);
    const [task = ''] = ours;
    // All that can be blocked.
    const blocked = BigInt(`0x${/^SigBlk:\s*(\w+)$/m.exec(of(task, 'status'))?.[1]}`);
    for (const signal of [1, 2, 10, 12, 13, 15, 17, 21, 28]) {
      expect((blocked >> BigInt(signal - 1)) & 1n, `signal ${signal}`).toBe(1n);
    }
    const cpuNs = (): number => Number(of(task, 'schedstat').split(' ')[0]);
    // What else runs on the machine can only add: one quiet second is enough.
    let leastShare = 1;
    for (let round = 0; round < 15 && leastShare >= 0.001; round += 1) {
      const before = cpuNs();
      const sinceNs = look().heartbeatNs;
      await beats(20, sinceNs);
      leastShare = Math.min(leastShare, (cpuNs() - before) / (look().heartbeatNs - sinceNs));
    }
    await end();
    expect(leastShare).toBeLessThan(0.001);
  });

  it('ends with the process that is asked to end, and with no other', async () => {
    const { running } = await start('setTimeout(() => process.exit(3), 100)');
    expect(await running.finished).toMatchObject({ code: 3, signal: null, stderr: '' });
  });

  it('comes from a timer, and the exit code from an event, where the system tells neither', async () => {
    const running = startRecording(
      `const { createRequire } = await import('node:module');
      const { createNativeEngine } = await import(new URL('../engine/native.js', process.env.RECORDER_URL));
      const binding = createRequire(process.cwd() + '/')('./build/Release/hyperdjango.node');
      const seen = { beats: 0, exitCode: undefined };
      const engine = createNativeEngine({
        ...binding,
        openSegment: (...args) =>
          ({ ...binding.openSegment(...args), watchesLoop: false, knowsExitCode: false }),
        beat: () => { seen.beats += 1; binding.beat(); },
        noteExitCode: (code) => { seen.exitCode = code; binding.noteExitCode(code); },
      });
      const capacities = { inFlightQueriesMax: 8, inFlightRequestsMax: 8, recentQueriesMax: 8,
        recentRequestsMax: 8, statementsMax: 8, routesMax: 8 };
      const { path } = engine.openSegment({ appName: '', scriptName: '', directory: undefined,
        mainCapacities: capacities, workerCapacities: capacities });
      process.on('exit', () => console.log(JSON.stringify({ path, ...seen })));
      process.exitCode = 3;
      // Nothing but this keeps the process alive.
      setTimeout(() => {}, 300);`,
      { env: { HYPERDJANGO_DIR: folder } },
    );
    const finished = await running.finished;
    expect(finished).toMatchObject({ code: 3, stderr: '' });
    const told = JSON.parse(finished.stdout) as { path: string; beats: number; exitCode: number };
    expect(told.exitCode).toBe(3);
    expect(told.beats).toBeGreaterThan(1);
    expect(readSegment(told.path)).toMatchObject({ exitCode: 3 });
  });
});
