import { ftruncateSync, openSync, closeSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { deathsOf } from '../../src/cli/postmortem/death.ts';
import { describeDeath } from '../../src/cli/postmortem/describe.ts';
import { renderFrame } from '../../src/cli/top/frame.ts';
import { topViewOf } from '../../src/cli/top/view.ts';
import {
  ARENAS_FIRST,
  DIRECTORY_ENTRY,
  DIRECTORY_FIRST,
  PAGE_WORDS,
  SEGMENT_HEADER,
} from '../../src/engine/segment-layout.ts';
import type { ReadWords } from '../../src/engine/words.ts';
import { HostReader } from '../../src/segments/host.ts';
import { ProcessReader } from '../../src/segments/process-snapshot.ts';
import { openSegmentFile } from '../../src/segments/segment-file.ts';
import { createRandom, TEST_SEED } from '../conformance/support/random.ts';
import {
  RecordedProcess,
  runQuery,
  runRequest,
  temporaryDirectory,
} from './support/recorded-process.ts';

const FILES = 10_000;
const SHIFTING_FILES = 1_000;
/** Of one file, on a machine that does other things too. */
const MS_MAX = 2_000;

const TINY = {
  inFlightQueriesMax: 4,
  inFlightRequestsMax: 4,
  recentQueriesMax: 8,
  recentRequestsMax: 4,
  statementsMax: 4,
  routesMax: 2,
};

/** A process of two threads with something in each table. */
function soundSegment(): Buffer {
  const process = new RecordedProcess({ appName: 'shop', capacities: TINY });
  for (const thread of [0, 1]) {
    const recorder = process.thread(thread);
    for (let index = 0; index < 6; index += 1) {
      const sql = `SELECT * FROM table_${index % 4} WHERE ${'a_long_column_name, '.repeat(20)} id = 1`;
      runRequest(recorder, process.clock, `GET /things/${index % 2}`, [[sql, index]]);
      runQuery(recorder, process.clock, 'UPDATE jobs SET state = 2', 1, { isError: true });
    }
    recorder.recordFinding(1, recorder.internStatement('SELECT 1'), 'GET /things/0', 12, 5e6);
    recorder.recordPool(0, 'localhost:5432/shop', 10, 4, 1, 10);
    const request = recorder.beginRequest('GET /stuck');
    recorder.beginQuery('SELECT pg_sleep(60)', request, 0);
  }
  process.beat();
  return process.bytes();
}

type Random = (below: number) => number;
type Damage = (bytes: Buffer, random: Random) => Buffer;

const pageBytes = PAGE_WORDS * 8;

/** Numbers that sizes, offsets and chains go wrong with. */
const HOSTILE = [
  0n,
  1n,
  2n,
  0xffffn,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

function writeHostile(bytes: Buffer, word: number, random: Random): void {
  const offset = Math.min(word * 8, bytes.length - 8);
  const isRandom = random(2) === 0;
  const value = isRandom
    ? BigInt(random(2 ** 32)) << BigInt(random(32))
    : (HOSTILE[random(HOSTILE.length)] ?? 0n);
  bytes.writeBigUInt64LE(value, offset);
}

const DAMAGES: Readonly<Record<string, Damage>> = {
  bitFlips(bytes, random) {
    for (let count = 1 + random(64); count > 0; count -= 1) {
      const at = random(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
    }
    return bytes;
  },
  truncation: (bytes, random) => bytes.subarray(0, random(2 ** random(18))),
  wholePagesOnly: (bytes, random) =>
    bytes.subarray(0, random(bytes.length / pageBytes) * pageBytes),
  swappedPages(bytes, random) {
    const pages = Math.floor(bytes.length / pageBytes);
    const [a, b] = [random(pages) * pageBytes, random(pages) * pageBytes];
    const first = Buffer.from(bytes.subarray(a, a + pageBytes));
    bytes.copy(bytes, a, b, b + pageBytes);
    first.copy(bytes, b);
    return bytes;
  },
  header(bytes, random) {
    for (let count = 1 + random(4); count > 0; count -= 1) {
      writeHostile(bytes, 2 + random(SEGMENT_HEADER.runtimeVersion), random);
    }
    return bytes;
  },
  directory(bytes, random) {
    for (let count = 1 + random(8); count > 0; count -= 1) {
      writeHostile(bytes, DIRECTORY_FIRST + random(2 * DIRECTORY_ENTRY.words), random);
    }
    return bytes;
  },
  arenaHeader(bytes, random) {
    for (let count = 1 + random(4); count > 0; count -= 1) {
      writeHostile(bytes, ARENAS_FIRST + 2 + random(62), random);
    }
    return bytes;
  },
  anyWords(bytes, random) {
    for (let count = 1 + random(200); count > 0; count -= 1) {
      writeHostile(bytes, ARENAS_FIRST + random(bytes.length / 8 - ARENAS_FIRST), random);
    }
    return bytes;
  },
  zeroedFrom: (bytes, random) => bytes.fill(0, random(bytes.length)),
  zeroedPage(bytes, random) {
    const page = random(bytes.length / pageBytes) * pageBytes;
    return bytes.fill(0, page, page + pageBytes);
  },
  noise(bytes, random) {
    const from = random(bytes.length);
    for (let at = from; at < Math.min(bytes.length, from + 4_096); at += 1) bytes[at] = random(256);
    return bytes;
  },
};

function randomFrom(seed: number): Random {
  const next = createRandom(seed);
  return (below) => Math.floor(next() * below);
}

/** All that is ever made of what a reader has read. */
function useEverywhere(reader: HostReader): 'read' | 'refused' | 'torn' {
  const snapshot = reader.snapshot();
  const view = topViewOf(undefined, snapshot, 'time');
  const lines = renderFrame(view, {
    columns: 100,
    rows: 40,
    sort: 'time',
    isPaused: false,
    hasKeys: true,
    place: '',
    paint: (_style, text) => text,
    clock: '00:00:00',
  });
  const deaths = deathsOf(snapshot.processes);
  lines.push(...deaths.flatMap((death) => describeDeath(death, 100, (_style, text) => text)));
  // oxlint-disable-next-line no-control-regex
  expect(lines.join('')).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
  if (snapshot.processes.length === 0) {
    expect(snapshot.problems).toEqual([expect.stringMatching(/\.segment: \S.{5,}/)]);
    return 'refused';
  }
  const isWhole = snapshot.merged.dropped.torn === 0 && view.problems.length === 0;
  return isWhole ? 'read' : 'torn';
}

it(`reads or refuses each of ${FILES} damaged files, in bounded time`, { timeout: 300_000 }, () => {
  const directory = temporaryDirectory();
  const sound = soundSegment();
  const path = join(directory, `4242-${'0'.repeat(15)}1.segment`);
  const names = Object.keys(DAMAGES);
  const answers = { read: 0, refused: 0, torn: 0 };
  let slowestMs = 0;
  for (let index = 0; index < FILES; index += 1) {
    const random = randomFrom(TEST_SEED + index);
    const name = names[index % names.length] ?? '';
    writeFileSync(path, DAMAGES[name]?.(Buffer.from(sound), random) ?? '');
    const reader = new HostReader({ directory, locks: undefined, nowNs: () => 4_000e9 });
    const startMs = performance.now();
    try {
      answers[useEverywhere(reader)] += 1;
    } catch (cause) {
      throw new Error(`TEST_SEED=${TEST_SEED}, file ${index} (${name})`, { cause });
    } finally {
      reader.close();
    }
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
  }
  console.log(`seed ${TEST_SEED}: ${JSON.stringify(answers)}, slowest ${slowestMs.toFixed(1)} ms`);
  expect(slowestMs, `TEST_SEED=${TEST_SEED}`).toBeLessThan(MS_MAX);
  // Every kind of answer was given: the damage was neither harmless nor total.
  expect(Math.min(...Object.values(answers))).toBeGreaterThan(FILES / 100);
});

it(
  `survives ${SHIFTING_FILES} files that shrink, grow and change while they are read`,
  { timeout: 120_000 },
  () => {
    const directory = temporaryDirectory();
    const sound = soundSegment();
    const path = join(directory, 'shifting');
    const ends = { whole: 0, inPart: 0, refused: 0 };
    for (let index = 0; index < SHIFTING_FILES; index += 1) {
      writeFileSync(path, sound);
      const random = randomFrom(TEST_SEED + index);
      const writer = openSync(path, 'r+');
      const file = openSegmentFile(path);
      let wordsRead = 0;
      const shift: ReadWords = (firstWord, target) => {
        wordsRead += target.length;
        const kind = random(40);
        if (kind === 0) ftruncateSync(writer, random(sound.length));
        else if (kind === 1) ftruncateSync(writer, random(4 * sound.length));
        else if (kind < 5) writeSync(writer, sound, 0, random(sound.length), random(sound.length));
        file.read(firstWord, target);
      };
      try {
        const snapshot = ProcessReader.ofMemory(path, shift).snapshot(4_000e9);
        expect(snapshot.pid).toEqual(expect.any(Number));
        ends[snapshot.problems.length === 0 ? 'whole' : 'inPart'] += 1;
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'Error') {
          throw new Error(`TEST_SEED=${TEST_SEED}, file ${index}`, { cause: error });
        }
        expect(error.message).toMatch(/\S.{10,}/);
        ends.refused += 1;
      } finally {
        file.close();
        closeSync(writer);
      }
      // However often something was looked at again.
      expect(wordsRead).toBeLessThan(20 * (sound.length / 8));
    }
    console.log(`seed ${TEST_SEED}: ${JSON.stringify(ends)}`);
    expect(Math.min(ends.whole, ends.inPart + ends.refused)).toBeGreaterThan(0);
  },
);
