import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';

import {
  type EngineKind,
  OTHER_ID,
  type RecorderCapacities,
  type RecorderSnapshot,
  type SegmentOptions,
} from '../../src/engine/engine.ts';
import { engineOfKind } from '../../src/engine/load.ts';
import { arenaLayoutOf, POOL, POOLS_MAX } from '../../src/engine/layout.ts';
import { ArenaReader } from '../../src/engine/reader.ts';
import { arenaFirstWord, SEGMENT_HEADER } from '../../src/engine/segment-layout.ts';
import type { ReadWords } from '../../src/engine/words.ts';
import { ENGINE_KINDS } from '../conformance/support/engines.ts';

// As small as can be: the writer is always on the heels of the reader.
const CAPACITIES: RecorderCapacities = {
  inFlightQueriesMax: 8,
  inFlightRequestsMax: 8,
  recentQueriesMax: 16,
  recentRequestsMax: 16,
  statementsMax: 64,
  routesMax: 16,
};

/** Records that have to be accepted, of each kind. */
const ACCEPTED_MIN = 3_000;
/** Records that a reader without the protocol would have taken for whole: it was close. */
const TORN_MIN = 5;

const directory = mkdtempSync(join(tmpdir(), 'hyperdjango-reader-'));
afterAll(() => rmSync(directory, { recursive: true }));

const options: SegmentOptions = {
  appName: 'reader',
  scriptName: 'reader',
  directory,
  mainCapacities: CAPACITIES,
  workerCapacities: CAPACITIES,
};

describe.each(ENGINE_KINDS)('a reader of the %s engine in another thread', (kind) => {
  it('accepts no torn record of a busy writer, and rows that belong to their statements', async () => {
    const stop = new SharedArrayBuffer(4);
    const memory = new SharedArrayBuffer(8 * arenaLayoutOf(CAPACITIES).arenaWords);
    // The process's first thread makes the segment.
    const segment = kind === 'native' ? engineOfKind(kind).openSegment(options) : undefined;
    const worker = new Worker(new URL('../fixtures/arena/writer.mjs', import.meta.url), {
      workerData: { kind, memory, stop, options },
      execArgv: [],
    });
    const exited = once(worker, 'exit');
    try {
      const [arenaIndex] = (await once(worker, 'message')) as [number];
      const { read, first } = arenaOf(kind, arenaIndex, memory, segment?.read);
      const slowly = inPieces(read);
      const counts = watch([new ArenaReader(read, first), new ArenaReader(slowly, first)], () =>
        countTorn(slowly, first),
      );
      expect(counts.wrong).toEqual([]);
      expect(counts.torn).toBeGreaterThanOrEqual(TORN_MIN);
      expect(counts.accepted.queries).toBeGreaterThan(ACCEPTED_MIN);
      expect(counts.accepted.requests).toBeGreaterThan(ACCEPTED_MIN);
      expect(counts.accepted.inFlight).toBeGreaterThan(0);
      expect(counts.accepted.pools).toBeGreaterThan(ACCEPTED_MIN);
      expect(counts.accepted.findings).toBeGreaterThan(ACCEPTED_MIN);
      expect(counts.accepted.statements).toBeGreaterThan(ACCEPTED_MIN);
      expect(counts.evictions).toBeGreaterThan(100);
    } finally {
      Atomics.store(new Int32Array(stop), 0, 1);
      await exited;
    }
  }, 120_000);
});

function arenaOf(
  kind: EngineKind,
  arenaIndex: number,
  memory: SharedArrayBuffer,
  readSegment: ReadWords | undefined,
): { read: ReadWords; first: number } {
  if (kind === 'portable' || readSegment === undefined) {
    const words = new BigUint64Array(memory);
    const read: ReadWords = (first, target) => {
      target.set(words.subarray(first, first + target.length));
    };
    return { read, first: 0 };
  }
  const header = new BigUint64Array(SEGMENT_HEADER.words);
  readSegment(0, header);
  const first = arenaFirstWord(
    arenaIndex,
    Number(header[SEGMENT_HEADER.mainArenaWords]),
    Number(header[SEGMENT_HEADER.workerArenaWords]),
  );
  return { read: readSegment, first };
}

/** So slow that hardly a record stays as it is while it is copied. */
function inPieces(read: ReadWords): ReadWords {
  const pieceWords = 1;
  return (first, target) => {
    for (let word = 0; word < target.length; word += pieceWords) {
      read(first + word, target.subarray(word, word + pieceWords));
    }
  };
}

interface Watched {
  readonly accepted: Record<
    'queries' | 'requests' | 'inFlight' | 'pools' | 'findings' | 'statements',
    number
  >;
  /** The first few. */
  readonly wrong: unknown[];
  evictions: number;
  snapshots: number;
  torn: number;
}

/** Rows of the pools' table that do not fit together, read without a look at their sequence. */
function countTorn(read: ReadWords, first: number): number {
  let count = 0;
  for (let row = 0; row < POOLS_MAX; row += 1) {
    const words = new BigUint64Array(POOL.words);
    read(first + arenaLayoutOf(CAPACITIES).pools + row * POOL.words, words);
    const isWritten = (words[POOL.max] ?? 0n) > 0n;
    if (isWritten && words[POOL.total] !== (words[POOL.max] ?? 0n) - 3n) count += 1;
  }
  return count;
}

/** Until it has seen enough. */
function watch(readers: readonly ArenaReader[], lookForTorn: () => number): Watched {
  const watched: Watched = {
    accepted: { queries: 0, requests: 0, inFlight: 0, pools: 0, findings: 0, statements: 0 },
    wrong: [],
    evictions: 0,
    snapshots: 0,
    torn: 0,
  };
  const giveUpAt = Date.now() + 60_000;
  let last: RecorderSnapshot | undefined;
  while (watched.wrong.length === 0 && Date.now() < giveUpAt) {
    const reader = readers[watched.snapshots % readers.length];
    if (reader === undefined) break;
    const snapshot = reader.snapshot(0);
    check(snapshot, last, watched);
    last = snapshot;
    watched.snapshots += 1;
    watched.evictions = snapshot.evictedStatementCount;
    watched.torn += lookForTorn();
    const { inFlight, ...others } = watched.accepted;
    const hasSeenEnough = Object.values(others).every((count) => count > ACCEPTED_MIN);
    if (hasSeenEnough && inFlight > 0 && watched.torn >= TORN_MIN) break;
  }
  return watched;
}

function check(
  snapshot: RecorderSnapshot,
  last: RecorderSnapshot | undefined,
  { accepted, wrong }: Watched,
): void {
  const expectThat = (isRight: boolean, what: string, row: unknown): void => {
    if (!isRight && wrong.length < 5) wrong.push([what, row]);
  };
  const texts = new Map(snapshot.statements.map(({ id, text }) => [id, text]));
  const isOfTable = (id: number, table: number): boolean => {
    const text = texts.get(id);
    return id === OTHER_ID || text === undefined || text.endsWith(` FROM t${table}`);
  };
  for (const query of snapshot.recentQueries) {
    const { startNs: number, requestHandle: table } = query;
    // Those that were timed have their number where they waited.
    const isTimed = query.rowCount === -1;
    expectThat(isOfTable(query.statementId, table), 'statement of a record', query);
    if (isTimed) continue;
    accepted.queries += 1;
    expectThat(
      query.durationNs === number * 31 &&
        query.poolWaitNs === number * 17 &&
        query.rowCount === number * 7 &&
        query.outcome === number % 2,
      'query',
      query,
    );
  }
  for (const request of snapshot.recentRequests) {
    const { startNs: number } = request;
    accepted.requests += 1;
    expectThat(
      request.durationNs === number * 31 &&
        request.statusCode === number % 600 &&
        request.queryCount === number % 99,
      'request',
      request,
    );
  }
  for (const query of snapshot.inFlightQueries) {
    accepted.inFlight += 1;
    expectThat(isOfTable(query.statementId, query.requestHandle), 'in flight', query);
  }
  for (const pool of snapshot.pools) {
    accepted.pools += 1;
    const { total } = pool;
    const isWhole =
      pool.name === `pool-${total}` &&
      pool.idle === total + 1 &&
      pool.waiting === total + 2 &&
      pool.max === total + 3;
    expectThat(isWhole, 'pool', pool);
  }
  for (const finding of snapshot.findings) {
    accepted.findings += 1;
    // Of one statement: each time the same number of queries.
    expectThat(finding.verdict === 1 && finding.lastNs >= finding.firstNs, 'finding', finding);
  }
  for (const statement of snapshot.statements) {
    accepted.statements += 1;
    const isShaped = /^(?:<other>|SELECT (?:column_of_some_length, )*x FROM t\d+)$/.test(
      statement.text,
    );
    expectThat(isShaped, 'text', statement.text);
  }
  const calls = snapshot.statements.reduce((sum, { callCount }) => sum + callCount, 0);
  if (snapshot.areStatementsConsistent) {
    expectThat(calls <= snapshot.queryCount, 'too many calls', [calls, snapshot.queryCount]);
    const before = last?.queryCount ?? 0;
    // The ring's count is stored first: one call may be on its way to its row.
    expectThat(calls >= before - 1, 'calls lost', [calls, before]);
  }
  if (last === undefined) return;
  for (const total of ['totalNs', 'poolWaitNs', 'rowCount', 'requestTotalNs'] as const) {
    const [then, now] = [last.totals[total], snapshot.totals[total]];
    expectThat(now >= then, `${total} fell`, [then, now]);
  }
}
