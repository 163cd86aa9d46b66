import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import type { FileLocks } from '../../src/engine/file-locks.ts';
import { fileLocks } from '../../src/engine/load.ts';
import { HostReader, type HostSnapshot } from '../../src/segments/host.ts';
import { reap, type ReapResult } from '../../src/segments/reaper.ts';
import { ROOT, startNode } from '../support/processes.ts';
import {
  RecordedProcess,
  runQuery,
  runRequest,
  TestClock,
  temporaryDirectory,
  WALL_MINUS_MONOTONIC_MS,
} from './support/recorded-process.ts';

const HOUR_MS = 3_600_000;

const locks: FileLocks | undefined = fileLocks();

function requireLocks(): FileLocks {
  if (locks === undefined) throw new Error('these tests need the addon');
  return locks;
}

/** The lock of a file, as its living owner has it; let go with the test. */
function holdLock(path: string): void {
  const lock = requireLocks().tryLock(path);
  if (lock === undefined) throw new Error(`${path} is locked`);
  onTestFinished(() => requireLocks().unlock(lock));
}

/** Puts as many dead processes of an app into the directory, one minute between their deaths. */
function bury(
  directory: string,
  count: number,
  clock = new TestClock(),
  appName = 'shop',
): string[] {
  return Array.from({ length: count }, (_, index) => {
    const process = new RecordedProcess({ appName, clock, pid: 1_000 + index });
    const recorder = process.thread();
    for (let request = 0; request <= index; request += 1) {
      runRequest(recorder, clock, `GET /things/${index % 3}`, [
        ['SELECT * FROM things WHERE id = 7', 1 + request],
        [`UPDATE things_${index % 4} SET seen = true`, 0.2],
      ]);
    }
    recorder.beginQuery('SELECT pg_sleep(1)', recorder.beginRequest('GET /slow'), 0);
    clock.advance(60_000);
    process.beat();
    return process.writeTo(directory);
  });
}

function reapAt(directory: string, clock: TestClock, laterMs = 0): ReapResult {
  return reap({
    directory,
    locks,
    now: clock.nowNs / 1e6 + WALL_MINUS_MONOTONIC_MS + laterMs,
    nowNs: clock.nowNs + laterMs * 1e6,
  });
}

function look(directory: string, appName?: string): HostSnapshot {
  const reader = new HostReader({ directory, appName, locks, nowNs: () => 10_000e9 });
  try {
    return reader.snapshot();
  } finally {
    reader.close();
  }
}

function segmentsIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.segment'));
}

describe('reap', () => {
  it('keeps the last 8 dead of an app, folds the others, and no total changes', () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    const paths = bury(directory, 12, clock);
    const before = look(directory).merged;
    expect(before.totals.requestCount).toBe((12 * 13) / 2);

    const result = reapAt(directory, clock);
    expect(result.problems).toEqual([]);
    expect(result.folded).toHaveLength(4);
    expect(paths.map((path) => existsSync(path))).toEqual([
      ...new Array<boolean>(4).fill(false),
      ...new Array<boolean>(8).fill(true),
    ]);
    const after = look(directory);
    expect(after.foldedCount).toBe(4);
    expect(sorted(after.merged)).toEqual(sorted(before));
    expect(reapAt(directory, clock).folded).toEqual([]);
  });

  it('counts each application for itself', () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    bury(directory, 9, clock, 'shop');
    bury(directory, 8, clock, '../up/and away');
    expect(reapAt(directory, clock).folded).toHaveLength(1);
    expect(segmentsIn(directory)).toHaveLength(16);
    bury(directory, 1, clock, '../up/and away');
    expect(reapAt(directory, clock).folded).toHaveLength(1);
    expect(
      readdirSync(directory)
        .filter((name) => name.endsWith('.tombstone'))
        .sort(),
    ).toEqual(['..%2Fup%2Fand%20away.tombstone', 'shop.tombstone']);
    expect(look(directory, '../up/and away').merged.totals.requestCount).toBe(36 + 1);
  });

  it('gives back what a dead process has reserved and never written', () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    const [path = ''] = bury(directory, 1, clock);
    // As reserved: every block is there.
    writeFileSync(path, readFileSync(path));
    const reserved = lstatSync(path);
    const before = readFileSync(path);
    expect(reapAt(directory, clock)).toEqual({ folded: [], removed: [], problems: [] });
    const left = lstatSync(path);
    expect(left.size).toBe(reserved.size);
    expect(left.blocks).toBeLessThan(reserved.blocks / 2);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('folds what has been dead for 24 hours, and not before', () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    const paths = bury(directory, 2, clock);
    const past = new Date(clock.nowNs / 1e6 + WALL_MINUS_MONOTONIC_MS - HOUR_MS);
    for (const path of paths) utimesSync(path, past, past);
    const before = look(directory).merged;
    expect(reapAt(directory, clock, 24 * HOUR_MS - 61_000).folded).toEqual([]);
    // The first one died a minute before the second.
    expect(reapAt(directory, clock, 24 * HOUR_MS - 30_000).folded).toHaveLength(1);
    expect(reapAt(directory, clock, 24 * HOUR_MS + 1).folded).toHaveLength(1);
    expect(segmentsIn(directory)).toEqual([]);
    expect(sorted(look(directory).merged)).toEqual(sorted(before));
  });

  it('touches nobody whose lock is held, however long it has been silent', () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    const paths = bury(directory, 12, clock);
    for (const path of paths) holdLock(path);
    expect(reapAt(directory, clock, 48 * HOUR_MS)).toEqual({
      folded: [],
      removed: [],
      problems: [],
    });
    expect(segmentsIn(directory)).toHaveLength(12);
  });

  it('leaves the work to a reaper that is at it already', () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    bury(directory, 12, clock);
    const lock = requireLocks().tryLock(join(directory, '.reaper.lock')) ?? -1;
    expect(reapAt(directory, clock).folded).toEqual([]);
    requireLocks().unlock(lock);
    expect(reapAt(directory, clock).folded).toHaveLength(4);
  });

  it('counts nothing twice where a reaper died between its two last steps', () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    const [oldest = ''] = bury(directory, 12, clock);
    const before = look(directory).merged;
    const saved = join(temporaryDirectory(), 'saved');
    copyFileSync(oldest, saved);
    reapAt(directory, clock);
    copyFileSync(saved, oldest);
    expect(sorted(look(directory).merged)).toEqual(sorted(before));
    expect(reapAt(directory, clock)).toMatchObject({ folded: [], problems: [] });
    expect(existsSync(oldest)).toBe(false);
    expect(sorted(look(directory).merged)).toEqual(sorted(before));
  });

  it('adds to a tombstone that is there', () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    for (let round = 1; round <= 5; round += 1) {
      bury(directory, 8, clock);
      reapAt(directory, clock);
      const { merged, foldedCount } = look(directory);
      expect(merged.totals.requestCount).toBe(36 * round);
      expect(foldedCount).toBe(8 * (round - 1));
    }
  });

  it('removes what dead makers left half-made, once it is old enough', () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    const now = clock.nowNs / 1e6 + WALL_MINUS_MONOTONIC_MS;
    const make = (generation: string, ageMs: number): string => {
      const path = join(directory, `.77-${generation.padStart(16, '0')}.tmp`);
      writeFileSync(path, '');
      utimesSync(path, new Date(now - ageMs), new Date(now - ageMs));
      return path;
    };
    const [old, young, owned] = [make('1', 120_000), make('2', 1_000), make('3', 120_000)];
    holdLock(owned);
    const before = new Date(now - 120_000);
    utimesSync(owned, before, before);
    expect(reapAt(directory, clock)).toEqual({ folded: [], removed: [old], problems: [] });
    expect([old, young, owned].map((path) => existsSync(path))).toEqual([false, true, true]);
  });

  it('leaves links, directories and files of other names alone', () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    bury(directory, 9, clock);
    const elsewhere = join(temporaryDirectory(), 'precious');
    writeFileSync(elsewhere, 'not a segment');
    const link = join(directory, `1-${'a'.repeat(16)}.segment`);
    symlinkSync(elsewhere, link);
    mkdirSync(join(directory, `2-${'b'.repeat(16)}.segment`));
    writeFileSync(join(directory, 'README.txt'), 'mine');
    const result = reapAt(directory, clock, 48 * HOUR_MS);
    expect(result.folded).toHaveLength(9);
    expect(result.removed).toEqual([]);
    expect(result.problems.join('\n')).toContain(basename(link));
    expect(readFileSync(elsewhere, 'utf8')).toBe('not a segment');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readdirSync(directory).sort()).toEqual(
      [
        '.reaper.lock',
        'README.txt',
        basename(link),
        `2-${'b'.repeat(16)}.segment`,
        'shop.tombstone',
      ].sort(),
    );
  });

  it('goes on with a tombstone that knows fewer sums', () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    bury(directory, 10, clock);
    reapAt(directory, clock);
    const before = look(directory).merged;
    const path = join(directory, 'shop.tombstone');
    const tombstone = JSON.parse(readFileSync(path, 'utf8')) as {
      history: Record<'totals' | 'dropped', Record<string, number>>;
    };
    for (const name of ['poolTimeoutCount', 'faultCount']) delete tombstone.history.totals[name];
    delete tombstone.history.dropped['waits'];
    writeFileSync(path, JSON.stringify(tombstone));
    const { merged, problems } = look(directory);
    expect(problems).toEqual([]);
    expect(merged.totals).toEqual(before.totals);
    expect(merged.dropped).toEqual(before.dropped);
  });

  it('folds nothing into a tombstone that it cannot read, and names it', () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    bury(directory, 9, clock);
    const tombstone = join(directory, 'shop.tombstone');
    for (const content of ['', '{', '[]', '{"version":99}', '{"version":1,"appName":"shop"}']) {
      writeFileSync(tombstone, content);
      const { folded, problems } = reapAt(directory, clock);
      expect(folded).toEqual([]);
      expect(problems).toEqual([expect.stringContaining('shop.tombstone')]);
      expect(segmentsIn(directory)).toHaveLength(9);
      expect(look(directory).problems).toEqual([expect.stringContaining('shop.tombstone')]);
    }
  });

  it('lets two processes reap at once without losing or doubling anything', async () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    bury(directory, 40, clock);
    const before = look(directory).merged;
    const script = `
      import { fileLocks } from ${JSON.stringify(join(ROOT, 'dist/engine/load.js'))};
      import { reap } from ${JSON.stringify(join(ROOT, 'dist/segments/index.js'))};
      const now = ${clock.nowNs / 1e6 + WALL_MINUS_MONOTONIC_MS};
      let folded = 0;
      for (let round = 0; round < 50; round += 1) {
        folded += reap({ directory: ${JSON.stringify(directory)}, locks: fileLocks(), now, nowNs: ${clock.nowNs} }).folded.length;
      }
      console.log(folded);
    `;
    const reapers = [1, 2, 3].map(() => startNode(['--input-type=module', '-e', script]));
    const ends = await Promise.all(reapers.map(({ finished }) => finished));
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(ends.map(() => [0, '']));
    expect(ends.reduce((sum, { stdout }) => sum + Number(stdout), 0)).toBe(32);
    expect(sorted(look(directory).merged)).toEqual(sorted(before));
  });

  it('stays within its bounds however many statements the dead have had', () => {
    const directory = temporaryDirectory();
    const clock = new TestClock();
    for (let round = 0; round < 150; round += 1) {
      const process = new RecordedProcess({ clock });
      const recorder = process.thread();
      for (let index = 0; index < 16; index += 1) {
        runQuery(recorder, clock, `SELECT ${'c'.repeat(200)} FROM t_${round}_${index}`, 1);
      }
      process.beat();
      process.writeTo(directory);
    }
    expect(reapAt(directory, clock).problems).toEqual([]);
    const { merged } = look(directory);
    expect(merged.totals.queryCount).toBe(150 * 16);
    expect(merged.statements.length).toBeLessThan(2_048 + 8 * 16 + 2);
    const calls = merged.statements.reduce((sum, { callCount }) => sum + callCount, 0);
    expect(calls).toBe(150 * 16);
  });
});

/** In an order of their own: equal totals have none. */
function sorted(merged: HostSnapshot['merged']): unknown {
  return {
    ...merged,
    statements: merged.statements.toSorted((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1)),
    routes: merged.routes.toSorted((a, b) => (a.route < b.route ? -1 : 1)),
  };
}
