import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';

import { NO_HANDLE, OTHER_ID, OUTCOME, REGISTER, VERDICT } from '../../src/engine/engine.ts';
import type {
  EngineRecorder,
  RecorderCapacities,
  RequestOutcome,
} from '../../src/engine/engine.ts';
import { countOf } from '../../src/engine/histogram.ts';
import {
  arenaLayoutOf,
  CAPACITY_NAMES,
  ENDED_QUERY,
  FINDINGS_MAX,
  HEADER,
  IN_FLIGHT,
  POOL,
  RECORD,
  STATEMENT_IDENTITY,
} from '../../src/engine/layout.ts';
import { engineOfKind } from '../../src/engine/load.ts';
import { createNativeEngine, type NativeBinding } from '../../src/engine/native.ts';
import { PortableRecorder, type RecorderCalls } from '../../src/engine/portable/recorder.ts';
import { normalizeSql } from '../../src/engine/portable/sql/index.ts';
import { ArenaReader } from '../../src/engine/reader.ts';
import { ENGINE_KINDS } from './support/engines.ts';
import { createRandom, TEST_SEED } from './support/random.ts';

const CAPACITIES: RecorderCapacities = {
  inFlightQueriesMax: 8,
  inFlightRequestsMax: 4,
  recentQueriesMax: 16,
  recentRequestsMax: 8,
  statementsMax: 16,
  routesMax: 4,
};

const LAYOUT = arenaLayoutOf(CAPACITIES);

describe.each(ENGINE_KINDS)('the tables of the %s engine', (kind) => {
  const engine = engineOfKind(kind);
  let recorder: EngineRecorder;

  beforeEach(() => {
    recorder = engine.createRecorder(CAPACITIES);
  });

  function record(sql: string, durationNs = 1000): number {
    const id = recorder.internStatement(sql);
    recorder.recordQuery(id, NO_HANDLE, 1, durationNs, 3, OUTCOME.ok, 2);
    return id;
  }

  it('give the row of a statement that nothing refers to any more to a new one', () => {
    const first = record('SELECT a FROM first');
    for (let query = 0; query < 200; query += 1) record(`SELECT a FROM t${query}`);
    expect(recorder.statement(first)).toBeUndefined();
    const again = record('SELECT a FROM first');
    expect(again).not.toBe(first);
    const snapshot = recorder.snapshot();
    expect(snapshot.evictedStatementCount).toBeGreaterThan(50);
    expect(snapshot.statements.length).toBeLessThanOrEqual(CAPACITIES.statementsMax + 1);
    // Each call is in one row, its own or that of all others.
    const sum = (pick: (row: (typeof snapshot.statements)[number]) => number): number =>
      snapshot.statements.reduce((total, row) => total + pick(row), 0);
    expect(sum(({ callCount }) => callCount)).toBe(202);
    expect(sum(({ durations }) => countOf(durations))).toBe(202);
    expect(sum(({ totalNs }) => totalNs)).toBe(202_000);
    expect(sum(({ poolWaitNs }) => poolWaitNs)).toBe(606);
    expect(sum(({ rowCount }) => rowCount)).toBe(404);
    expect(snapshot.totals).toMatchObject({ totalNs: 202_000, poolWaitNs: 606, rowCount: 404 });
    expect(countOf(snapshot.totals.durations)).toBe(202);
    // What the ring still names can be looked up.
    for (const { statementId } of snapshot.recentQueries) {
      expect(recorder.statement(statementId)).toBeDefined();
    }
  });

  it('keep the row of a query in flight, however long it takes', () => {
    const handle = recorder.beginQuery('SELECT a FROM slow', NO_HANDLE, 0);
    const id = recorder.registers[1] ?? NaN;
    for (let query = 0; query < 500; query += 1) record(`SELECT a FROM t${query}`);
    expect(recorder.statement(id)?.text).toBe('SELECT a FROM slow');
    recorder.endQuery(handle, OUTCOME.ok, 1);
    expect(recorder.snapshot().statements).toContainEqual(
      expect.objectContaining({ id, callCount: 1 }),
    );
  });

  it('know a text again, and anew when its statement has lost its row', () => {
    const begin = (sql: string): { id: number; text: string | undefined } => {
      recorder.endQuery(recorder.beginQuery(sql, NO_HANDLE, 0), OUTCOME.ok, 1);
      const id = recorder.registers[REGISTER.statementId] ?? NaN;
      return { id, text: recorder.statement(id)?.text };
    };
    const first = begin('SELECT a FROM first');
    expect(begin('SELECT a FROM first')).toEqual(first);
    for (let query = 0; query < 200; query += 1) record(`SELECT a FROM t${query}`);
    expect(recorder.statement(first.id)).toBeUndefined();
    const again = begin('SELECT a FROM first');
    expect(again.text).toBe('SELECT a FROM first');
    expect(again.id).not.toBe(first.id);
    expect(begin('SELECT a FROM first')).toEqual(again);
    const calls = recorder.snapshot().statements.find(({ id }) => id === again.id)?.callCount;
    expect(calls).toBe(2);
  });

  it('stay as they are with 10^5 statements, and lose no call', () => {
    for (let query = 0; query < 100_000; query += 1) record(`SELECT a FROM t${query}`);
    const snapshot = recorder.snapshot();
    expect(snapshot.statements.length).toBeLessThanOrEqual(CAPACITIES.statementsMax + 1);
    expect(snapshot.statements.reduce((sum, { callCount }) => sum + callCount, 0)).toBe(100_000);
    expect(snapshot.evictedStatementCount).toBeGreaterThan(10_000);
  });

  it('hold texts up to 8 kB in blocks, and take them back', () => {
    recorder = engine.createRecorder({ ...CAPACITIES, statementsMax: 64 });
    for (let round = 0; round < 200; round += 1) {
      const columns = Array.from({ length: (round * 37) % 1000 }, (_, at) => `c${at}é`).join(', ');
      const sql = `SELECT ${columns}, x FROM t${round}`;
      const id = record(sql);
      if (id !== OTHER_ID) expect(recorder.statement(id)).toMatchObject(textOf(sql));
    }
    expect(recorder.snapshot().evictedStatementCount).toBeGreaterThan(100);
  });

  it('read a text as the connection does, and keep the readings apart', () => {
    const sql = String.raw`SELECT 'a\' AS x, 'b' AS y -- '`;
    const readings = [true, false, undefined, true, false, undefined];
    const texts = readings.map(
      (isOn) => recorder.statement(recorder.internStatement(sql, isOn))?.text,
    );
    const expected = readings.map((isOn) =>
      isOn === undefined
        ? engine.normalizeSql(sql).text
        : engine.normalizeSql(sql, { standardConformingStrings: isOn }).text,
    );
    expect(texts).toEqual(expected);
    expect(new Set(texts).size).toBe(3);
  });

  it('name a request in flight as soon as its route is known', () => {
    const early = recorder.beginRequest('GET /early');
    const late = recorder.beginRequest('');
    const routes = (): unknown =>
      recorder.snapshot().inFlightRequests.map(({ handle, routeId }) => [handle, routeId]);
    expect(routes()).toEqual([
      [early, 1],
      [late, OTHER_ID],
    ]);
    recorder.nameRequest(late, 'GET /late');
    recorder.nameRequest(early, 'GET /early');
    recorder.nameRequest(12_345, 'GET /nobody');
    expect(routes()).toEqual([
      [early, 1],
      [late, 2],
    ]);
    recorder.nameRequest(early, 'GET /late');
    expect(routes()).toEqual([
      [early, 2],
      [late, 2],
    ]);
    recorder.endRequest(late, 'GET /late', 1, 1000, 200, 0, OUTCOME.ok);
    expect(routes()).toEqual([[early, 2]]);
  });

  it("take no route for that of the slot's next request", () => {
    const first = recorder.beginRequest('GET /first');
    recorder.endRequest(first, 'GET /first', 1, 1000, 200, 0, OUTCOME.ok);
    const second = recorder.beginRequest('');
    recorder.nameRequest(first, 'GET /first');
    const { inFlightRequests } = recorder.snapshot();
    expect(inFlightRequests).toMatchObject([{ handle: second, routeId: OTHER_ID }]);
  });

  it('know who was active last', () => {
    const request = recorder.beginRequest('GET /');
    const handle = recorder.beginQuery('SELECT 1', request, 0);
    const startNs = recorder.registers[0] ?? NaN;
    expect(recorder.snapshot().lastActive).toEqual({ atNs: startNs, requestHandle: request });
    recorder.beginQuery('SELECT 1', NO_HANDLE, 0);
    expect(recorder.snapshot().lastActive.requestHandle).toBe(NO_HANDLE);
    recorder.endQuery(handle, OUTCOME.ok, 0);
    expect(recorder.snapshot().lastActive.requestHandle).toBe(request);
  });

  it('say when each kind of drop happened first and last', () => {
    const before = engine.nowNs();
    for (let query = 0; query < 12; query += 1) recorder.beginQuery('SELECT 1', NO_HANDLE, 0);
    recorder.recordPool(99, 'nowhere', 1, 1, 1, 1);
    recorder.recordQuery(OTHER_ID, NO_HANDLE, 500, 20, 0, OUTCOME.ok, 0);
    recorder.recordQuery(OTHER_ID, NO_HANDLE, 700, 20, 0, OUTCOME.ok, 0);
    const { dropped, dropRanges } = recorder.snapshot();
    expect(dropped).toMatchObject({ queries: 4, pools: 1, statements: 2, routes: 0 });
    expect(Object.keys(dropRanges).sort()).toEqual(['pools', 'queries', 'statements']);
    expect(dropRanges.statements).toEqual({ firstNs: 520, lastNs: 720 });
    expect(dropRanges.queries?.firstNs).toBeGreaterThanOrEqual(before);
    expect(dropRanges.queries?.lastNs).toBeLessThanOrEqual(engine.nowNs());
  });

  it('add findings up by verdict, statement and route, and replace the longest unseen', () => {
    const id = record('SELECT a FROM t WHERE id = 1');
    recorder.recordFinding(VERDICT.nPlusOne, id, 'GET /a', 20, 1000);
    recorder.recordFinding(VERDICT.nPlusOne, id, 'GET /a', 30, 500);
    const [finding, ...none] = recorder.snapshot().findings;
    expect(none).toEqual([]);
    expect(finding).toMatchObject({
      verdict: VERDICT.nPlusOne,
      statementId: id,
      fingerprint: recorder.statement(id)?.fingerprint,
      routeId: 1,
      count: 2,
      queryCount: 50,
      totalNs: 1500,
    });
    const wide = engine.createRecorder({ ...CAPACITIES, routesMax: 128 });
    for (let route = 0; route < FINDINGS_MAX + 3; route += 1) {
      wide.recordFinding(VERDICT.nPlusOne, id, `GET /${route}`, 1, 1);
    }
    const { findings, dropped } = wide.snapshot();
    expect(findings).toHaveLength(FINDINGS_MAX);
    expect(dropped.findings).toBe(3);
  });

  it('leave histograms out where nobody wants them', () => {
    record('SELECT 1', 5000);
    recorder.endRequest(NO_HANDLE, 'GET /', 1, 50_000, 200, 0, OUTCOME.ok);
    const { statements, routes, totals } = recorder.snapshot({ histograms: false });
    for (const { durations } of [...statements, ...routes]) expect(durations.counts).toEqual([]);
    // Of all queries there is one, which is small.
    expect(totals.durations.counts).toEqual([1]);
    expect(statements).toMatchObject([{ callCount: 1, totalNs: 5000 }]);
  });
});

function textOf(sql: string): { text: string } {
  return { text: normalizeSql(sql).text };
}

const CALLS: RecorderCalls = {
  beginRequest: 0,
  nameRequest: 0,
  endRequest: 0,
  beginQuery: 0,
  beginWait: 0,
  endWait: 0,
  endQuery: 0,
  internStatement: 0,
  recordQuery: 0,
  recordFinding: 0,
  recordPool: 0,
  recordFault: 0,
  statement: 0,
  snapshot: 0,
};

/** With a clock that stands still where it is not moved. */
function portableIn(arena: BigUint64Array): PortableRecorder {
  return new PortableRecorder(CAPACITIES, { nowNs: () => 5e12, normalizeSql, calls: CALLS }, arena);
}

const SQL_STATES = [undefined, '23505', 'ZZZZZ', 'no SQLSTATE'];

/** Everything whose time the caller says. */
function play(recorder: EngineRecorder, seed: number): void {
  const random = createRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const ids: number[] = [OTHER_ID];
  for (let step = 0; step < 3000; step += 1) {
    const durationNs = Math.floor(2 ** (random() * 44));
    if (below(3) === 0) {
      const columns = 'some_column, '.repeat(below(8) === 0 ? below(60) : 1);
      ids.unshift(recorder.internStatement(`SELECT ${columns}é FROM t${below(60)}`));
    }
    const id = ids[below(Math.min(ids.length, 12))] ?? OTHER_ID;
    const rest = [below(999), below(6) === 0 ? OUTCOME.error : OUTCOME.ok, below(9) - 1] as const;
    recorder.recordQuery(id, below(99), step, durationNs, ...rest, SQL_STATES[below(4)]);
    if (below(50) === 0) recorder.recordFault();
    if (below(5) === 0) {
      recorder.endRequest(
        NO_HANDLE,
        `GET /${below(6)}`,
        step,
        durationNs,
        200,
        3,
        below(3) as RequestOutcome,
      );
    }
  }
}

describe('an arena', () => {
  it(`is the same, word for word, whichever engine wrote it (seed ${TEST_SEED})`, () => {
    const require = createRequire(import.meta.url);
    const path = fileURLToPath(new URL('../../build/Release/hyperdjango.node', import.meta.url));
    const binding = require(path) as NativeBinding;
    let read: ((first: number, target: BigUint64Array) => boolean) | undefined;
    class Watched extends binding.Recorder {
      constructor(...args: ConstructorParameters<NativeBinding['Recorder']>) {
        super(...args);
        read = (first, target) => this.read(first, target);
      }
    }
    const native = createNativeEngine({ ...binding, Recorder: Watched }).createRecorder(CAPACITIES);
    const arena = new BigUint64Array(LAYOUT.arenaWords);
    for (const recorder of [native, portableIn(arena)]) play(recorder, TEST_SEED);
    const words = new BigUint64Array(LAYOUT.arenaWords);
    expect(read?.(0, words)).toBe(true);
    const differing = Array.from(words.keys()).filter((word) => words[word] !== arena[word]);
    expect(differing).toEqual([]);
    expect(arena[HEADER.evictionSequence]).toBeGreaterThan(100n);
  });

  it('can be gone on with by another thread', () => {
    const arena = new BigUint64Array(LAYOUT.arenaWords);
    const first = portableIn(arena);
    play(first, TEST_SEED);
    first.beginQuery('SELECT a FROM lost', first.beginRequest('GET /lost'), 0);
    first.recordPool(3, 'gone', 1, 1, 1, 1);
    const before = first.snapshot();
    // Stopped in the middle of giving a row away.
    arena[HEADER.evictionSequence] = (arena[HEADER.evictionSequence] ?? 0n) + 1n;
    const second = portableIn(arena);
    const after = second.snapshot();
    expect(after).toMatchObject({ inFlightQueries: [], inFlightRequests: [], pools: [] });
    expect(after.areStatementsConsistent).toBe(true);
    expect(after.statements).toEqual(before.statements);
    expect(after.routes).toEqual(before.routes);
    for (const { id, text } of after.statements.slice(1)) {
      if (!text.includes('é')) continue;
      expect(second.internStatement(text)).toBe(id);
    }
    const calls = (): number =>
      second.snapshot().statements.reduce((sum, { callCount }) => sum + callCount, 0);
    const callsBefore = calls();
    play(second, TEST_SEED + 1);
    expect(calls() - callsBefore).toBe(3000);
    expect(second.snapshot().dropped.torn).toBe(0);
  });

  function arenaWithEverything(): BigUint64Array {
    const arena = new BigUint64Array(LAYOUT.arenaWords);
    const recorder = portableIn(arena);
    recorder.recordQuery(recorder.internStatement('SELECT 1'), 7, 1, 2, 3, OUTCOME.ok, 4);
    recorder.beginQuery('SELECT a FROM t', recorder.beginRequest('GET /'), 5);
    recorder.endRequest(NO_HANDLE, 'GET /', 1, 2, 200, 4, OUTCOME.ok);
    recorder.recordPool(0, 'localhost:5432/shop', 1, 2, 3, 4);
    recorder.recordFinding(VERDICT.nPlusOne, 1, 'GET /', 20, 5);
    return arena;
  }

  function readerOf(arena: BigUint64Array): ArenaReader {
    return new ArenaReader((first, target) => {
      target.set(arena.subarray(first, first + target.length));
    });
  }

  it.each([
    ['a query', LAYOUT.recentQueries, RECORD.words, 'recentQueries'],
    ['a request', LAYOUT.recentRequests, RECORD.words, 'recentRequests'],
    ['a pool', LAYOUT.pools, POOL.words, 'pools'],
    ['a finding', LAYOUT.findings, POOL.words, 'findings'],
    ['a query in flight', LAYOUT.inFlightQueries, IN_FLIGHT.route, 'inFlightQueries'],
    ['a request in flight', LAYOUT.inFlightRequests, IN_FLIGHT.route, 'inFlightRequests'],
  ] as const)('gives nothing of %s in which one word was changed', (_, first, words, list) => {
    const arena = arenaWithEverything();
    expect(readerOf(arena).snapshot(0)[list]).toHaveLength(1);
    const random = createRandom(TEST_SEED);
    for (let word = 0; word < words; word += 1) {
      const kept = arena[first + word] ?? 0n;
      for (const changed of [
        kept ^ 1n,
        kept ^ (1n << 63n),
        kept ^ 0x1_0000_0001n,
        BigInt(Math.floor(random() * 2 ** 53)),
      ]) {
        arena[first + word] = changed;
        const snapshot = readerOf(arena).snapshot(0);
        expect(snapshot[list], `word ${word}: ${changed}`).toEqual([]);
      }
      arena[first + word] = kept;
    }
    expect(readerOf(arena).snapshot(0)).toMatchObject({ dropped: { torn: 0 } });
    arena[first + ENDED_QUERY.startNs] = 9n;
    expect(readerOf(arena).snapshot(0)).toMatchObject({ dropped: { torn: 1 } });
  });

  it('gives a request in flight without its route where that was changed', () => {
    const arena = arenaWithEverything();
    const word = LAYOUT.inFlightRequests + IN_FLIGHT.route;
    const kept = arena[word] ?? 0n;
    const routes = (): number[] =>
      readerOf(arena)
        .snapshot(0)
        .inFlightRequests.map(({ routeId }) => routeId);
    expect(routes()).toEqual([1]);
    for (let bit = 0n; bit < 64n; bit += 1n) {
      arena[word] = kept ^ (1n << bit);
      expect(routes(), `bit ${bit}`).toEqual([OTHER_ID]);
    }
  });

  it('gives no statement whose identity or text was changed, and says so', () => {
    const arena = arenaWithEverything();
    const texts = readerOf(arena)
      .snapshot(0)
      .statements.map(({ text }) => text);
    expect(texts).toEqual(['SELECT $1', 'SELECT a FROM t']);
    const identity = LAYOUT.statementIdentities + STATEMENT_IDENTITY.words;
    const damaged = [
      ...Array.from({ length: STATEMENT_IDENTITY.words }, (_, word) => identity + word),
      LAYOUT.textBlocks + 1,
    ];
    for (const word of damaged) {
      const kept = arena[word] ?? 0n;
      for (const bit of [1n, 33n, 63n]) {
        arena[word] = kept ^ (1n << bit);
        const snapshot = readerOf(arena).snapshot(0);
        expect(snapshot.statements.map(({ text }) => text)).toEqual(['SELECT a FROM t']);
        // With another sequence it may look vacant.
        if (word === identity) continue;
        expect(snapshot).toMatchObject({ areStatementsConsistent: false, dropped: { torn: 1 } });
      }
      arena[word] = kept;
    }
    // A chain that leads in a circle, or out of the memory.
    arena[identity + STATEMENT_IDENTITY.blockAndBytes] = (8000n << 32n) | 1n;
    for (const next of [1n, 0n, 0xffff_ffffn]) {
      arena[LAYOUT.textBlocks] = next;
      expect(readerOf(arena).snapshot(0).dropped.torn).toBe(1);
    }
  });

  it('is refused where it is none, or of another version, in a clear sentence', () => {
    const refusal = (word: number, value: bigint): string => {
      const arena = arenaWithEverything();
      arena[word] = value;
      try {
        readerOf(arena);
      } catch (error) {
        return error instanceof Error ? error.message : '';
      }
      return '';
    };
    expect(refusal(HEADER.magic, 0n)).toMatch(/not a recorder's memory/);
    expect(refusal(HEADER.version, 1n)).toMatch(/older version: layout 1 where 4 is known/);
    expect(refusal(HEADER.version, 5n)).toMatch(/newer version: layout 5 where 4 is known/);
    expect(refusal(HEADER.arenaWords, 5n)).toMatch(/has 5 words where its capacities need/);
    CAPACITY_NAMES.forEach((name, index) => {
      for (const value of [0n, 3n, 1n << 17n, (1n << 64n) - 1n]) {
        expect(refusal(HEADER.capacities + index, value)).toContain(name);
      }
    });
  });

  it(`does no harm, whatever stands in it (seed ${TEST_SEED})`, () => {
    const random = createRandom(TEST_SEED);
    for (let round = 0; round < 200; round += 1) {
      const arena = arenaWithEverything();
      for (let damage = 0; damage < 50; damage += 1) {
        const word = 16 + Math.floor(random() * (arena.length - 16));
        arena[word] = BigInt.asUintN(
          64,
          BigInt(Math.floor(random() * 2 ** 53)) << BigInt(Math.floor(random() * 40)),
        );
      }
      const header = HEADER.queryCount + Math.floor(random() * 20);
      arena[header] = (1n << 64n) - 1n;
      expect(() => readerOf(arena).snapshot(0)).not.toThrow();
    }
  });
});
