import { beforeEach, describe, expect, it } from 'vitest';

import { NO_HANDLE, OTHER_ID, OUTCOME, REGISTER, VERDICT } from '../../src/engine/engine.ts';
import type {
  Engine,
  EngineRecorder,
  Outcome,
  RecorderCapacities,
  RecorderSnapshot,
} from '../../src/engine/engine.ts';
import { countOf } from '../../src/engine/histogram.ts';
import { engineOfKind } from '../../src/engine/load.ts';
import { bothEngines, ENGINE_KINDS } from './support/engines.ts';
import { createRandom, TEST_SEED } from './support/random.ts';

const CAPACITIES: RecorderCapacities = {
  inFlightQueriesMax: 8,
  inFlightRequestsMax: 4,
  recentQueriesMax: 16,
  recentRequestsMax: 8,
  statementsMax: 16,
  routesMax: 4,
};

const USERS = 'SELECT * FROM users WHERE id = 1';

describe.each(ENGINE_KINDS)('the recorder of the %s engine', (kind) => {
  const engine = engineOfKind(kind);
  let recorder: EngineRecorder;

  beforeEach(() => {
    recorder = engine.createRecorder(CAPACITIES);
  });

  it('begins empty', () => {
    expect(recorder.snapshot()).toMatchObject({
      queryCount: 0,
      requestCount: 0,
      statements: [],
      routes: [],
      inFlightQueries: [],
      inFlightRequests: [],
      recentQueries: [],
      recentRequests: [],
      pools: [],
      findings: [],
      areStatementsConsistent: true,
      evictedStatementCount: 0,
      lastActive: { atNs: 0, requestHandle: NO_HANDLE },
      totals: { errorCount: 0, rowCount: 0, totalNs: 0, poolTimeoutCount: 0, requestErrorCount: 0 },
      dropped: {
        queries: 0,
        requests: 0,
        statements: 0,
        routes: 0,
        pools: 0,
        findings: 0,
        waits: 0,
        torn: 0,
      },
      dropRanges: {},
    });
  });

  it('shows a query in flight, and its duration once it has ended', () => {
    const before = engine.nowNs();
    const request = recorder.beginRequest('');
    const query = recorder.beginQuery(USERS, request, 300);
    const startNs = recorder.registers[REGISTER.startNs] ?? NaN;
    const statementId = recorder.registers[REGISTER.statementId] ?? NaN;
    expect(query).not.toBe(NO_HANDLE);
    expect(startNs).toBeGreaterThanOrEqual(before);
    expect(startNs).toBeLessThanOrEqual(engine.nowNs());
    expect(recorder.snapshot().inFlightQueries).toEqual([
      { statementId, requestHandle: request, startNs, isWaiting: false },
    ]);

    const durationNs = recorder.endQuery(query, OUTCOME.ok, 3);
    expect(durationNs).toBeGreaterThanOrEqual(0);
    expect(startNs + durationNs).toBeLessThanOrEqual(engine.nowNs());
    const snapshot = recorder.snapshot();
    expect(snapshot.inFlightQueries).toEqual([]);
    expect(snapshot.recentQueries).toEqual([
      {
        statementId,
        requestHandle: request,
        startNs,
        durationNs,
        poolWaitNs: 300,
        outcome: OUTCOME.ok,
        sqlState: undefined,
        rowCount: 3,
      },
    ]);
    expect(snapshot.statements).toMatchObject([
      { id: statementId, callCount: 1, totalNs: durationNs, poolWaitNs: 300, rowCount: 3 },
    ]);
  });

  it('measures a request that ends now, without a slot too', () => {
    for (const handle of [recorder.beginRequest('GET /'), NO_HANDLE]) {
      const startNs = engine.nowNs();
      const durationNs = recorder.endRequest(handle, 'GET /', startNs, -1, 200, 0, OUTCOME.ok);
      expect(durationNs).toBeGreaterThan(0);
      expect(durationNs).toBeLessThanOrEqual(engine.nowNs() - startNs);
      expect(recorder.snapshot().recentRequests.at(-1)).toMatchObject({ startNs, durationNs });
    }
    const later = engine.nowNs() + 1e12;
    expect(recorder.endRequest(NO_HANDLE, 'GET /', later, -1, 200, 0, OUTCOME.ok)).toBe(0);
  });

  it('shows a request in flight, and its route once it has ended', () => {
    const handle = recorder.beginRequest('');
    const startNs = recorder.registers[REGISTER.startNs] ?? NaN;
    expect(recorder.snapshot().inFlightRequests).toEqual([{ handle, startNs, routeId: OTHER_ID }]);
    recorder.endRequest(handle, 'GET /users/:id', startNs, 5_000_000, 404, 12, OUTCOME.error);
    const snapshot = recorder.snapshot();
    expect(snapshot.inFlightRequests).toEqual([]);
    expect(snapshot.requestCount).toBe(1);
    expect(snapshot.routes).toMatchObject([
      {
        route: 'GET /users/:id',
        requestCount: 1,
        errorCount: 1,
        queryCount: 12,
        totalNs: 5_000_000,
        maxNs: 5_000_000,
      },
    ]);
    expect(snapshot.recentRequests).toEqual([
      {
        handle,
        routeId: snapshot.routes[0]?.id,
        startNs,
        durationNs: 5_000_000,
        statusCode: 404,
        queryCount: 12,
        outcome: OUTCOME.error,
      },
    ]);
  });

  it('gives texts that differ in values only one statement', () => {
    const first = recorder.internStatement(USERS);
    expect(recorder.internStatement('SELECT * FROM users WHERE id = 2')).toBe(first);
    expect(recorder.internStatement('SELECT * FROM orders WHERE id = 2')).not.toBe(first);
    expect(recorder.statement(first)).toEqual({
      fingerprint: engine.normalizeSql(USERS).fingerprint,
      text: 'SELECT * FROM users WHERE id = $1',
    });
  });

  it('knows no statement that it did not give out', () => {
    const known = recorder.internStatement(USERS);
    for (const id of [known + 1, -1, 0.5, NaN, Infinity, 2 ** 32]) {
      expect(recorder.statement(id)).toBeUndefined();
    }
  });

  it('ends a handle once, and only its own', () => {
    const request = recorder.beginRequest('');
    const query = recorder.beginQuery(USERS, request, 0);
    const other = engine.createRecorder(CAPACITIES);
    other.beginQuery(USERS, NO_HANDLE, 0);

    expect(other.endQuery(query, OUTCOME.ok, 0)).toBe(-1);
    expect(recorder.endQuery(request, OUTCOME.ok, 0)).toBe(-1);
    expect(recorder.endQuery(query, OUTCOME.ok, 0)).toBeGreaterThanOrEqual(0);
    expect(recorder.endQuery(query, OUTCOME.ok, 0)).toBe(-1);
    const reusing = recorder.beginQuery(USERS, request, 0);
    expect(reusing).not.toBe(query);
    expect(recorder.endQuery(query, OUTCOME.ok, 0)).toBe(-1);
    expect(recorder.snapshot().inFlightQueries).toHaveLength(1);

    expect(recorder.endRequest(request, 'GET /', 1, 1, 200, 1, OUTCOME.ok)).toBe(1);
    expect(recorder.endRequest(request, 'GET /', 1, 1, 200, 1, OUTCOME.ok)).toBe(-1);
    expect(recorder.endRequest(query, 'GET /', 1, 1, 200, 1, OUTCOME.ok)).toBe(-1);
    expect(recorder.snapshot().requestCount).toBe(1);
  });

  it('counts what finds no in-flight slot, and still totals it at its end', () => {
    const handles = Array.from({ length: CAPACITIES.inFlightQueriesMax + 2 }, () =>
      recorder.beginQuery(USERS, NO_HANDLE, 0),
    );
    expect(handles.slice(-2)).toEqual([NO_HANDLE, NO_HANDLE]);
    const statementId = recorder.registers[REGISTER.statementId] ?? NaN;
    expect(recorder.statement(statementId)?.text).toContain('users');
    recorder.recordQuery(statementId, NO_HANDLE, 1, 1000, 0, OUTCOME.ok, -1);

    const requests = Array.from({ length: CAPACITIES.inFlightRequestsMax + 1 }, () =>
      recorder.beginRequest(''),
    );
    expect(requests.at(-1)).toBe(NO_HANDLE);
    recorder.endRequest(NO_HANDLE, 'GET /', 1, 1, 200, 0, OUTCOME.ok);

    const snapshot = recorder.snapshot();
    expect(snapshot.dropped).toMatchObject({ queries: 2, requests: 1 });
    expect(snapshot.queryCount).toBe(1);
    expect(snapshot.requestCount).toBe(1);
  });

  it('shows who waits for a pool client, which is no query', () => {
    const request = recorder.beginRequest('');
    const statementId = recorder.internStatement(USERS);
    const handle = recorder.beginWait(statementId, request);
    const startNs = recorder.registers[REGISTER.startNs] ?? NaN;
    expect(handle).not.toBe(NO_HANDLE);
    expect(recorder.snapshot()).toMatchObject({
      inFlightQueries: [{ statementId, requestHandle: request, startNs, isWaiting: true }],
      lastActive: { atNs: startNs, requestHandle: request },
      queryCount: 0,
    });
    const waitNs = recorder.endWait(handle, false);
    expect(waitNs).toBeGreaterThanOrEqual(0);
    expect(startNs + waitNs).toBeLessThanOrEqual(engine.nowNs());
    expect(recorder.snapshot()).toMatchObject({
      inFlightQueries: [],
      recentQueries: [],
      totals: { poolWaitNs: 0, poolTimeoutCount: 0, errorCount: 0 },
    });
  });

  it('adds a wait up that got no client', () => {
    const wait = recorder.beginWait(OTHER_ID, recorder.beginRequest(''));
    const waitNs = recorder.endWait(wait, true);
    expect(waitNs).toBeGreaterThan(0);
    const { queryCount, statements, totals } = recorder.snapshot();
    expect(totals).toMatchObject({ poolWaitNs: waitNs, poolTimeoutCount: 1, errorCount: 0 });
    expect([queryCount, statements]).toEqual([0, []]);
  });

  it("keeps a failed query's SQLSTATE, and nothing else of its error", () => {
    const secret = 'secret@example.org';
    const states = ['23505', '0A000', 'ZZZZZ', '00000', '', '2350', '235055', 'abcde', secret];
    for (const state of states) {
      recorder.endQuery(recorder.beginQuery(USERS, NO_HANDLE, 0), OUTCOME.error, -1, state);
    }
    for (const state of ['40P01', undefined, 42 as never, '40p01']) {
      recorder.recordQuery(OTHER_ID, NO_HANDLE, 1, 1, 0, OUTCOME.error, -1, state);
    }
    recorder.endQuery(recorder.beginQuery(USERS, NO_HANDLE, 0), OUTCOME.ok, 1, '23505');
    const { recentQueries, totals } = recorder.snapshot();
    expect(recentQueries.map(({ outcome, sqlState }) => [outcome, sqlState])).toEqual([
      [1, '23505'],
      [1, '0A000'],
      [1, 'ZZZZZ'],
      ...Array.from({ length: 6 }, () => [1, undefined]),
      [1, '40P01'],
      ...Array.from({ length: 3 }, () => [1, undefined]),
      [0, undefined],
    ]);
    expect(totals.errorCount).toBe(states.length + 4);
  });

  it('tells a request that its client left from one that failed, and counts both', () => {
    for (const outcome of [OUTCOME.ok, OUTCOME.error, OUTCOME.aborted]) {
      recorder.endRequest(recorder.beginRequest('GET /'), 'GET /', 1, 1, 200, 0, outcome);
    }
    const { recentRequests, routes, totals } = recorder.snapshot();
    expect(recentRequests.map(({ outcome }) => outcome)).toEqual([0, 1, 2]);
    expect(routes).toMatchObject([{ requestCount: 3, errorCount: 2 }]);
    expect(totals.requestErrorCount).toBe(2);
  });

  it('counts faults', () => {
    recorder.recordFault();
    recorder.recordFault();
    expect(recorder.snapshot().totals.faultCount).toBe(2);
  });

  it('ends a wait once, and a wait and a query each by its own', () => {
    const wait = recorder.beginWait(OTHER_ID, NO_HANDLE);
    const query = recorder.beginQuery(USERS, NO_HANDLE, 0);
    const unknown = recorder.beginWait(12_345, NO_HANDLE);
    expect(recorder.endWait(query, true)).toBe(-1);
    expect(recorder.endQuery(wait, OUTCOME.ok, 1)).toBe(-1);
    expect(recorder.endWait(NO_HANDLE, true)).toBe(-1);
    expect(recorder.snapshot().inFlightQueries).toMatchObject([
      { isWaiting: true, statementId: OTHER_ID },
      { isWaiting: false },
      { isWaiting: true, statementId: OTHER_ID },
    ]);
    expect(recorder.endWait(wait, false)).toBeGreaterThanOrEqual(0);
    expect(recorder.endWait(wait, true)).toBe(-1);
    expect(recorder.endWait(unknown, false)).toBeGreaterThanOrEqual(0);
    expect(recorder.endQuery(query, OUTCOME.ok, 1)).toBeGreaterThanOrEqual(0);
    expect(recorder.snapshot().totals.poolTimeoutCount).toBe(0);
  });

  it('keeps a quarter of the slots from waits, and counts the time-outs of those without', () => {
    const waits = Array.from({ length: CAPACITIES.inFlightQueriesMax }, () =>
      recorder.beginWait(OTHER_ID, NO_HANDLE),
    );
    const startNs = recorder.registers[REGISTER.startNs] ?? NaN;
    expect(waits.map((handle) => handle === NO_HANDLE)).toEqual([
      ...Array<boolean>(6).fill(false),
      true,
      true,
    ]);
    expect(recorder.beginQuery(USERS, NO_HANDLE, 0)).not.toBe(NO_HANDLE);
    const waitNs = recorder.endWait(NO_HANDLE, true, startNs);
    expect(waitNs).toBeGreaterThan(0);
    const { dropped, totals } = recorder.snapshot();
    expect(dropped).toMatchObject({ waits: 2, queries: 0 });
    expect(totals).toMatchObject({ poolWaitNs: waitNs, poolTimeoutCount: 1 });
  });

  it('adds up under other what no longer finds a row', () => {
    const ids = Array.from({ length: CAPACITIES.statementsMax + 3 }, (_, table) =>
      recorder.internStatement(`SELECT a FROM t${table}`),
    );
    expect(new Set(ids.slice(0, CAPACITIES.statementsMax)).size).toBe(CAPACITIES.statementsMax);
    expect(ids.slice(CAPACITIES.statementsMax)).toEqual([OTHER_ID, OTHER_ID, OTHER_ID]);
    for (const id of ids) recorder.recordQuery(id, NO_HANDLE, 1, 1000, 0, OUTCOME.ok, -1);
    recorder.recordQuery(12_345, NO_HANDLE, 1, 1000, 0, OUTCOME.ok, -1);

    for (let route = 0; route < CAPACITIES.routesMax + 2; route += 1) {
      recorder.endRequest(NO_HANDLE, `GET /${route}`, 1, 1000, 200, 1, OUTCOME.ok);
    }
    const snapshot = recorder.snapshot();
    expect(snapshot.dropped.statements).toBe(4);
    expect(snapshot.statements[0]).toMatchObject({ id: OTHER_ID, text: '<other>', callCount: 4 });
    expect(snapshot.routes[0]).toMatchObject({ id: OTHER_ID, route: '<other>', requestCount: 2 });
  });

  it('keeps the newest records, oldest first, and the totals of all', () => {
    const id = recorder.internStatement(USERS);
    for (let query = 0; query < 50; query += 1) {
      recorder.recordQuery(id, NO_HANDLE, query, 1000 + query, 0, OUTCOME.ok, 1);
    }
    const snapshot = recorder.snapshot();
    expect(snapshot.queryCount).toBe(50);
    const startsNs = snapshot.recentQueries.map((query) => query.startNs);
    expect(startsNs).toEqual(Array.from({ length: 16 }, (_, index) => 34 + index));
    expect(snapshot.statements).toMatchObject([{ callCount: 50, minNs: 1000, maxNs: 1049 }]);
  });

  it('survives whatever is passed for a number or a text', () => {
    const odd = [NaN, Infinity, -Infinity, -1, 0.5, 2 ** 60, undefined, null, 'x', {}];
    for (const value of odd as number[]) {
      const handle = recorder.beginQuery(value as unknown as string, value, value);
      recorder.endQuery(value, value as Outcome, value, value as unknown as string);
      recorder.endWait(recorder.beginWait(value, value), value as unknown as boolean, value);
      recorder.endQuery(handle, value as Outcome, value);
      recorder.recordQuery(value, value, value, value, value, value as Outcome, value);
      recorder.endRequest(
        NO_HANDLE,
        value as unknown as string,
        value,
        value,
        value,
        value,
        value as Outcome,
      );
    }
    const snapshot = recorder.snapshot();
    expect(snapshot.queryCount).toBe(2 * odd.length);
    const numbers = snapshot.recentQueries.flatMap(({ sqlState, ...query }) => {
      expect(sqlState).toBeUndefined();
      return Object.values(query);
    });
    for (const number of numbers) expect(Number.isSafeInteger(number)).toBe(true);
  });

  it('covers the whole of a long statement, with memory that it gives back', () => {
    const long = (last: string): string => `SELECT ${'a, '.repeat(2 ** 20)}${last}`;
    recorder = engine.createRecorder({ ...CAPACITIES, statementsMax: 64 });
    const first = recorder.internStatement(long('b'));
    expect(recorder.internStatement(long('c'))).not.toBe(first);
    expect(recorder.internStatement(long('b'))).toBe(first);
    const statement = recorder.statement(first);
    expect(Buffer.byteLength(statement?.text ?? '')).toBeLessThanOrEqual(8192);
  });

  it('takes texts around the size of its buffer, whole', () => {
    for (const characters of [65_520, 65_531, 65_532, 65_533, 65_535, 65_536, 65_537, 65_540]) {
      for (const end of ['b', 'é', '€', '𝄞']) {
        const sql = (last: string): string => `SELECT ${'x'.repeat(characters - 8)}${end}${last}`;
        const own = engine.createRecorder({ ...CAPACITIES, statementsMax: 64 });
        expect(own.internStatement(sql('y'))).not.toBe(own.internStatement(sql('z')));
      }
    }
  });

  it('refuses capacities that are no powers of two, and names them', () => {
    for (const bad of [0, 3, -8, 1.5, NaN, 65_536, '16' as unknown as number]) {
      expect(() => engine.createRecorder({ ...CAPACITIES, statementsMax: bad })).toThrow(
        new RangeError(`statementsMax must be a power of two from 1 to 32768; got ${String(bad)}`),
      );
    }
  });

  it('counts its calls', () => {
    const before = engine.callCounts();
    recorder.endQuery(recorder.beginQuery(USERS, NO_HANDLE, 0), OUTCOME.ok, 1);
    recorder.snapshot();
    const after = engine.callCounts();
    for (const call of ['beginQuery', 'endQuery', 'snapshot']) {
      expect((after[call] ?? 0) - (before[call] ?? 0)).toBe(1);
    }
  });
});

describe('both engines', () => {
  const [native, portable] = bothEngines();

  it('count their calls under the same names', () => {
    expect(Object.keys(native.callCounts()).sort()).toEqual(
      expect.arrayContaining(Object.keys(portable.callCounts()).sort()),
    );
  });

  it(`give the same snapshot for the same sequence (seed ${TEST_SEED})`, () => {
    for (let round = 0; round < 20; round += 1) {
      const seed = TEST_SEED + round;
      const answers = [native, portable].map((engine) => play(engine, seed));
      expect(answers[0], `seed ${seed}`).toEqual(answers[1]);
    }
  });
});

/** Everything of a random sequence that does not depend on the time or on handles' bits. */
function play(engine: Engine, seed: number): unknown {
  const random = createRandom(seed);
  const recorder = engine.createRecorder(CAPACITIES);
  const below = (limit: number): number => Math.floor(random() * limit);
  const texts = ['', '\0', 'é€𝄞', '\ud800', `SELECT '${'x'.repeat(9000)}' FROM t`];
  const requests: number[] = [NO_HANDLE];
  const queries: number[] = [];
  const waits: number[] = [];
  const ids: number[] = [OTHER_ID, 12_345];
  const answers: unknown[] = [];
  for (let step = 0; step < 900; step += 1) {
    const durationNs = Math.floor(2 ** (random() * 54) - 1);
    const requestHandle = requests[below(requests.length)] ?? NO_HANDLE;
    const outcome: Outcome = below(4) === 0 ? OUTCOME.error : OUTCOME.ok;
    switch (below(11)) {
      case 0: {
        const sql = texts[below(40)] ?? `SELECT ${below(9)} FROM table_${below(60)}`;
        const id = recorder.internStatement(sql, [undefined, true, false][below(3)]);
        ids.push(id);
        answers.push(id, recorder.statement(ids[below(ids.length)] ?? 0));
        break;
      }
      case 1:
        requests.push(recorder.beginRequest(['', 'GET /a', 'GET /b'][below(3)] ?? ''));
        break;
      case 6:
        recorder.nameRequest(requests[below(requests.length)] ?? NO_HANDLE, `GET /${below(3)}`);
        break;
      case 7:
        recorder.recordFinding(
          VERDICT.nPlusOne,
          ids[below(ids.length)] ?? 0,
          `GET /${below(40)}`,
          below(100),
          below(1e9),
        );
        break;
      case 8:
        recorder.recordPool(
          below(18),
          `${'hôte'.repeat(below(20))}:5432/shop`,
          ...([below(10), below(10), below(10), below(10)] as const),
        );
        break;
      case 9:
        waits.push(recorder.beginWait(ids[below(ids.length)] ?? 0, requestHandle));
        break;
      case 10: {
        const list = below(3) === 0 ? queries : waits;
        answers.push(recorder.endWait(list.splice(below(list.length), 1)[0] ?? 1, false) < 0);
        break;
      }
      case 2: {
        const handle = requests.splice(below(requests.length), 1)[0] ?? NO_HANDLE;
        const route = `GET /${'é'.repeat(below(200))}/${below(3)}`;
        recorder.endRequest(handle, route, step, durationNs, below(600), below(9), outcome);
        break;
      }
      case 3:
        queries.push(recorder.beginQuery(`SELECT ${step} FROM q`, requestHandle, below(1e9)));
        break;
      case 4: {
        // Of random duration, so only whether it was in flight is compared.
        const list = below(9) === 0 ? waits : queries;
        answers.push(recorder.endQuery(list.splice(below(list.length), 1)[0] ?? 1, 0, 1) < 0);
        break;
      }
      default:
        recorder.recordQuery(
          ids[below(ids.length)] ?? 0,
          requestHandle,
          step,
          durationNs,
          below(2) * below(1e9),
          outcome,
          below(50) - 1,
          ['40001', undefined, '', '\u{1F600}'][below(4)],
        );
    }
  }
  return { answers, ...comparable(recorder.snapshot()) };
}

function comparable(snapshot: RecorderSnapshot): object {
  // Queries through begin and end took real time: all of them are of one statement, which may
  // have moved to "other".
  const timed = new Set([OTHER_ID]);
  for (const { id, text } of snapshot.statements) if (text.endsWith('FROM q')) timed.add(id);
  const handles = new Map(snapshot.inFlightRequests.map(({ handle }, index) => [handle, index]));
  const ordinal = (handle: number): number => handles.get(handle) ?? -1;
  return {
    ...snapshot,
    takenAtNs: 0,
    lastActive: 0,
    totals: { ...snapshot.totals, totalNs: 0, durations: countOf(snapshot.totals.durations) },
    statements: snapshot.statements.map((statement) =>
      timed.has(statement.id)
        ? { ...statement, totalNs: 0, minNs: 0, maxNs: 0, durations: countOf(statement.durations) }
        : statement,
    ),
    dropRanges: Object.keys(snapshot.dropRanges),
    inFlightQueries: snapshot.inFlightQueries.map((query) => ({
      statementId: query.statementId,
      isWaiting: query.isWaiting,
      request: ordinal(query.requestHandle),
    })),
    inFlightRequests: snapshot.inFlightRequests.map(({ routeId }) => routeId),
    recentQueries: snapshot.recentQueries.map((query) => ({
      ...query,
      requestHandle: ordinal(query.requestHandle),
      ...(timed.has(query.statementId) ? { startNs: 0, durationNs: 0 } : {}),
    })),
    recentRequests: snapshot.recentRequests.map((request) => ({ ...request, handle: 0 })),
    pools: snapshot.pools.map((pool) => ({ ...pool, updatedNs: 0 })),
    findings: snapshot.findings.map((finding) => ({ ...finding, firstNs: 0, lastNs: 0 })),
  };
}
