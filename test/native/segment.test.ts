import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import { paddedWords, SEGMENT_STATE } from '../../src/engine/segment-layout.ts';
import { ROOT, type RunOptions, startNode } from '../support/processes.ts';
import {
  MAGIC,
  onTmpfs,
  readSegment,
  recordingArguments,
  recordingEnvironment,
  segmentBytes,
  startRecording,
} from './support/segments.ts';

const root = mkdtempSync('/dev/shm/hyperdjango-segments-');
afterAll(() => rmSync(root, { recursive: true }));

let folderCount = 0;
/** A name that nothing has yet. */
const newFolder = (): string => join(root, String((folderCount += 1)));

/** Records a query, and tells where and why; the application's own work goes on after it. */
const RECORD = `
  const { core, segment } = getRecorder();
  core.endQuery(core.beginQuery('SELECT 1', 0, 0), 0, 1);
  const { queryCount } = core.snapshot();
  console.log(JSON.stringify({ path: segment.path, reason: segment.reason, queryCount }));
`;

interface Told {
  readonly path: string | null;
  readonly reason: string;
  readonly queryCount: number;
}

async function record(folder: string | undefined, options: RunOptions = {}): Promise<Told> {
  const running = startRecording(RECORD, {
    ...options,
    env: { HYPERDJANGO_DIR: folder, ...options.env },
  });
  const finished = await running.finished;
  expect(finished).toMatchObject({ code: 0, signal: null });
  return toldBy(finished);
}

/** A folder that cannot be used is told in one line. */
function toldBy({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): Told {
  const told = JSON.parse(stdout) as Told;
  if (told.path === null) expect(stderr).toMatch(/^hyperdjango: HYPERDJANGO_DIR: expected .*\n$/);
  else expect(stderr).toBe('');
  return told;
}

/** The same under a shell command that ends by `exec "$@"`, such as one that sets a limit. */
function recordUnder(shell: readonly string[], folder: string): Told {
  const [command = '', ...args] = shell;
  const finished = spawnSync(command, [...args, process.execPath, ...recordingArguments(RECORD)], {
    env: { ...process.env, ...recordingEnvironment(), NODE_OPTIONS: '', HYPERDJANGO_DIR: folder },
    encoding: 'utf8',
  });
  expect(finished).toMatchObject({ status: 0, signal: null });
  return toldBy(finished);
}

describe('a segment', () => {
  it('says so where its folder is not in memory, and lies there all the same', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'hyperdjango-disk-')), 'segments');
    try {
      const { path, reason } = await record(folder);
      const TMPFS = 0x0102_1994;
      expect(path).toContain(folder);
      expect(reason).toBe(
        statfsSync(folder).type === TMPFS
          ? ''
          : `${folder} is not in memory: to record may mean to wait for a disk`,
      );
    } finally {
      rmSync(join(folder, '..'), { recursive: true });
    }
  });

  it('is a file that only its owner can reach, and says whose it is', async () => {
    const folder = newFolder();
    const running = startRecording(
      `process.once('SIGUSR2', () => { segment.setAppName('shop'); console.log('named'); });
      setInterval(() => {}, 1e6);
      ${RECORD}`,
      { env: { HYPERDJANGO_DIR: folder, HYPERDJANGO_APP: 'first' } },
    );
    const { path, reason } = JSON.parse((await running.nextLine()) ?? '') as Told;
    const segment = readSegment(path ?? '');
    running.child.kill('SIGUSR2');
    await running.nextLine();
    const renamed = readSegment(path ?? '');
    running.child.kill('SIGKILL');
    await running.finished;

    expect(reason).toBe('');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(path ?? '')).toMatchObject({
      size: segmentBytes(segment.mainArenaWords),
      uid: process.geteuid?.(),
    });
    expect(statSync(path ?? '').mode & 0o777).toBe(0o600);
    expect(path).toBe(`${folder}/${running.child.pid}-${segment.generation}.segment`);
    expect(segment).toMatchObject({
      magic: MAGIC,
      pid: running.child.pid,
      state: SEGMENT_STATE.running,
      mainArenaWords: segment.wantedMainArenaWords,
      appName: 'first',
      runtimeVersion: process.version,
      droppedThreads: 0,
    });
    expect(segment.arenas).toMatchObject([
      { isInUse: 1, threadId: 0, adoptionCount: 1, queryCount: 1, inFlightQueries: 0 },
    ]);
    expect(renamed.appName).toBe('shop');
    expect(segment.mainArenaWords).toBe(paddedWords(segment.arenas[0]?.words ?? 0));
    // 8 MB at most.
    expect(statSync(path ?? '').size).toBeLessThanOrEqual(8 << 20);
  });

  it('lies in a folder of the user in /dev/shm where nothing else is said', async () => {
    const { path } = await record(undefined);
    expect(path).toMatch(
      new RegExp(`^/dev/shm/hyperdjango-${process.geteuid?.()}/\\d+-\\w{16}\\.`),
    );
    rmSync(path ?? '');
  });

  it("has the application's name, and what recording has cost", async () => {
    const folder = newFolder();
    const running = startRecording(
      `const { HyperApp } = await import(new URL('../index.js', process.env.RECORDER_URL));
      const recorder = getRecorder();
      for (let done = 0; done < 640; done += 1) {
        const query = recorder.issue('SELECT ' + done, undefined, undefined);
        recorder.begin(query);
        recorder.end(query, 0, 1);
      }
      const app = new HyperApp('shop');
      const { close } = await app.listen({ port: 0 });
      console.log(JSON.stringify([recorder.segment.path, recorder.overheadNs()]));
      await close();`,
      { env: { HYPERDJANGO_DIR: folder } },
    );
    const { stdout } = await running.finished;
    const [path, overheadNs] = JSON.parse(stdout) as [string, number];
    const segment = readSegment(path);
    expect(segment.appName).toBe('shop');
    const { overheadSampleCount = 0, overheadNs: totalNs = 0 } = segment.arenas[0] ?? {};
    // Of ten; one that the scheduler interrupts is left out.
    expect(overheadSampleCount).toBeGreaterThanOrEqual(5);
    expect(overheadSampleCount).toBeLessThanOrEqual(10);
    expect(totalNs / overheadSampleCount).toBeCloseTo(overheadNs, 3);
    expect(overheadNs).toBeGreaterThan(0);
  });

  it('keeps names to what fits, between characters', async () => {
    const { path } = await record(newFolder(), { env: { HYPERDJANGO_APP: `a${'é'.repeat(40)}` } });
    expect(readSegment(path ?? '').appName).toMatch(/^aé{27}#[0-9a-f]{8}$/);
  });

  it('appears under its name only when it is complete', async () => {
    const folder = newFolder();
    mkdirSync(folder, { mode: 0o700 });
    const processes = Array.from({ length: 6 }, () => record(folder));
    const seen = new Set<string>();
    let isOver = false;
    const all = Promise.all(processes).finally(() => (isOver = true));
    while (!isOver) {
      for (const name of readdirSync(folder).filter((each) => each.endsWith('.segment'))) {
        if (seen.has(name)) continue;
        seen.add(name);
        const segment = readSegment(join(folder, name));
        expect(segment).toMatchObject({ magic: MAGIC, runtimeVersion: process.version });
        expect(segment.state).not.toBe(SEGMENT_STATE.initialising);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    const told = await all;
    expect(new Set(told.map(({ path }) => path)).size).toBe(6);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('is not made where everything is turned off', async () => {
    const folder = newFolder();
    const running = startRecording(
      `const { status } = await import(new URL('../status.js', process.env.RECORDER_URL));
      console.log(JSON.stringify(status()))`,
      { env: { HYPERDJANGO_DIR: folder, HYPERDJANGO_DISABLED: '1' } },
    );
    expect(JSON.parse((await running.finished).stdout)).toMatchObject({ segment: null });
    expect(() => statSync(folder)).toThrow('ENOENT');
  });

  it('is another one for each process, also for those of a cluster', async () => {
    const folder = newFolder();
    const running = startNode(['test/fixtures/segments/cluster.mjs'], {
      env: { ...recordingEnvironment(), HYPERDJANGO_DIR: folder },
    });
    const { code, stdout } = await running.finished;
    expect(code).toBe(0);
    const paths = stdout.trim().split('\n');
    expect(new Set(paths).size).toBe(3);
    const segments = paths.map(readSegment);
    expect(new Set(segments.map(({ pid }) => pid)).size).toBe(3);
    expect(segments).toEqual(
      segments.map(() =>
        expect.objectContaining({
          state: SEGMENT_STATE.exited,
          exitCode: 0,
          appName: 'hyperdjango/test/fixtures/segments/cluster.mjs',
        }),
      ),
    );
  });

  it('is one for two copies of the package, and one for each addon that is loaded', async () => {
    const copy = join(root, 'copy');
    for (const part of ['dist', 'build/Release', 'package.json']) {
      cpSync(join(ROOT, part), join(copy, part), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    const running = startRecording(
      `const other = await import(process.env.COPY + '/dist/recorder/index.js');
      const { loadEngine } = await import(process.env.COPY + '/dist/engine/load.js');
      const mine = getRecorder();
      const capacities = { inFlightQueriesMax: 8, inFlightRequestsMax: 8, recentQueriesMax: 8,
        recentRequestsMax: 8, statementsMax: 8, routesMax: 8 };
      const theirs = loadEngine().engine.openSegment({ appName: 'other', scriptName: '',
        directory: undefined, mainCapacities: capacities, workerCapacities: capacities });
      theirs.recorder.endQuery(theirs.recorder.beginQuery('SELECT 2', 0, 0), 0, 1);
      theirs.recorder.beginQuery('SELECT 3', 0, 0);
      console.log(JSON.stringify({ isShared: other.getRecorder() === mine,
        paths: [mine.segment.path, theirs.path] }));
      process.exit(4);`,
      { env: { HYPERDJANGO_DIR: newFolder(), COPY: copy } },
    );
    const { stdout, stderr, code } = await running.finished;
    expect({ stderr, code }).toEqual({ stderr: '', code: 4 });
    const told = JSON.parse(stdout) as { isShared: boolean; paths: string[] };
    expect(told.isShared).toBe(true);
    const segments = told.paths.map(readSegment);
    for (const segment of segments) {
      expect(segment).toMatchObject({ pid: running.child.pid, exitCode: 4 });
      expect(segment.state).toBe(SEGMENT_STATE.exited);
    }
    expect(segments.map(({ generation }) => generation)[0]).not.toBe(segments[1]?.generation);
    expect(segments.map(({ arenas }) => arenas[0])).toMatchObject([
      { queryCount: 0 },
      { queryCount: 1, inFlightQueries: 0 },
    ]);
  });

  it('is not taken for the one of a dead process that had the same pid', async () => {
    const folder = newFolder();
    const running = startRecording(
      `const { writeFileSync, mkdirSync } = await import('node:fs');
      mkdirSync(process.env.HYPERDJANGO_DIR, { mode: 0o700 });
      const of = (suffix) => process.env.HYPERDJANGO_DIR + '/' + suffix;
      writeFileSync(of(process.pid + '-0123456789abcdef.segment'), 'the evidence');
      writeFileSync(of('.' + process.pid + '-0123456789abcdef.tmp'), 'a half');
      ${RECORD}`,
      { env: { HYPERDJANGO_DIR: folder } },
    );
    const { stdout } = await running.finished;
    const { path, reason } = JSON.parse(stdout) as Told;
    expect(reason).toBe('');
    expect(readSegment(path ?? '').arenas[0]?.queryCount).toBe(1);
    expect(statSync(`${folder}/${running.child.pid}-0123456789abcdef.segment`).size).toBe(12);
  });
});

describe('where there is no room', () => {
  const withLimit = (kilobytes: number): string[] => [
    'bash',
    '-c',
    `ulimit -f ${kilobytes}; exec "$@"`,
    'bash',
  ];

  it.each([
    ['4m', '1/2'],
    ['2m', '1/4'],
    ['600k', '1/16'],
  ])('a segment shrinks to fit into %s', (size, part) => {
    const folder = newFolder();
    mkdirSync(folder);
    const told = recordUnder(onTmpfs(`size=${size}`, folder), folder);
    expect(told.path).toContain(folder);
    expect(told.reason).toBe(`${folder} has room for ${part} of the main thread's tables only`);
    expect(told.queryCount).toBe(1);
  });

  it.each([
    ['a full file system', 'size=64k', 'there is no room in it (NOSPC)'],
    ['one without inodes', 'size=20m,nr_inodes=1', 'no file can be made in it (NOSPC)'],
    ['a read-only one', 'size=20m,ro', 'no file can be made in it (ROFS)'],
  ])('the records stay in the process: %s', (_, options, why) => {
    const folder = newFolder();
    mkdirSync(folder);
    const told = recordUnder(onTmpfs(options, folder), folder);
    expect(told).toEqual({
      path: null,
      reason: `${folder} ${why}: the records stay in this process`,
      queryCount: 1,
    });
  });

  it('a limit on the size of files counts as no room', () => {
    const shrunk = recordUnder(withLimit(4_000), newFolder());
    expect(shrunk.reason).toContain('1/2 of the main');
    const folder = newFolder();
    expect(recordUnder(withLimit(100), folder)).toEqual({
      path: null,
      reason: `${folder} a limit forbids files of that size (FBIG): the records stay in this process`,
      queryCount: 1,
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('what lies in the way', () => {
  const inWay: readonly (readonly [what: string, put: (path: string) => void, why: string])[] = [
    ['a file', (path) => writeFileSync(path, ''), 'cannot be opened as a folder (NOTDIR)'],
    [
      'a symbolic link to a good folder',
      (path) => {
        mkdirSync(`${path}-target`, { mode: 0o700 });
        symlinkSync(`${path}-target`, path);
      },
      'cannot be opened as a folder (NOTDIR)',
    ],
    [
      'a folder that others may write',
      (path) => {
        mkdirSync(path);
        chmodSync(path, 0o777);
      },
      'is open to other users; its mode must be 0700',
    ],
    [
      'a folder that others may list',
      (path) => {
        mkdirSync(path);
        chmodSync(path, 0o710);
      },
      'is open to other users; its mode must be 0700',
    ],
  ];

  it.each(inWay)('is left alone: %s', async (_, put, why) => {
    const folder = newFolder();
    put(folder);
    expect(await record(folder)).toEqual({
      path: null,
      reason: `${folder} ${why}: the records stay in this process`,
      queryCount: 1,
    });
  });

  it('is nothing that could be made: the records stay in the process', async () => {
    expect(await record('/nowhere/at/all')).toEqual({
      path: null,
      reason: '/nowhere/at/all cannot be made (NOENT): the records stay in this process',
      queryCount: 1,
    });
    const tooLong = `/dev/shm/${'x'.repeat(5_000)}`;
    expect((await record(tooLong)).reason).toContain('is no usable path');
    expect((await record(`/dev/shm/${'x'.repeat(300)}`)).reason).toContain('(NAMETOOLONG)');
  });

  it.runIf(process.geteuid?.() === 0)('may belong to another user', async () => {
    const folder = newFolder();
    mkdirSync(folder, { mode: 0o700 });
    // Root may write everywhere: what another one owns is refused all the same.
    const somebody = { user: { uid: 61_184, gid: 61_184 } };
    chmodSync(root, 0o755);
    expect((await record(folder, somebody)).reason).toBe(
      `${folder} cannot be opened as a folder (ACCES): the records stay in this process`,
    );
    const made = await record(undefined, somebody);
    expect(made.path).toContain('/dev/shm/hyperdjango-61184/');
    const theirs = '/dev/shm/hyperdjango-61184';
    expect((await record(theirs)).reason).toBe(
      `${theirs} belongs to another user: the records stay in this process`,
    );
    rmSync(theirs, { recursive: true });
  });
});
