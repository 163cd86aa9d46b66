/** What `top` and `postmortem` say of waits, failures, time-outs and faults. */
import { describe, expect, it } from 'vitest';

import { describeDeath } from '../../src/cli/postmortem/describe.ts';
import { deathsOf } from '../../src/cli/postmortem/death.ts';
import { deathJsonOf } from '../../src/cli/postmortem/json.ts';
import { renderFrame } from '../../src/cli/top/frame.ts';
import { topJsonOf } from '../../src/cli/top/json.ts';
import { topViewOf } from '../../src/cli/top/view.ts';
import { OTHER_ID } from '../../src/engine/engine.ts';
import { HostReader, type HostSnapshot } from '../../src/segments/host.ts';
import {
  RecordedProcess,
  runQuery,
  TestClock,
  temporaryDirectory,
} from '../segments/support/recorded-process.ts';

const TWO = 'BEGIN; SELECT 1';
const INSERT = "INSERT INTO users (email) VALUES ('secret@example.org')";

/** An exhausted pool, a request that swallowed an error, a wait that timed out, and a fault. */
function look(): HostSnapshot {
  const clock = new TestClock();
  const process = new RecordedProcess({ clock });
  const recorder = process.thread();
  runQuery(recorder, clock, TWO, 5);
  const checkout = recorder.beginRequest('POST /checkout');
  const signUp = recorder.beginRequest('POST /users');
  const queryOptions = { requestHandle: signUp, isError: true, sqlState: '23505' };
  runQuery(recorder, clock, INSERT, 7, queryOptions);
  const lost = recorder.beginWait(OTHER_ID, checkout);
  clock.advance(1_000);
  recorder.endWait(lost, true);
  const id = recorder.internStatement('SELECT * FROM carts');
  recorder.beginWait(id, checkout);
  clock.advance(2_000);
  recorder.beginWait(OTHER_ID, 0);
  clock.advance(500);
  recorder.recordFault();
  process.beat();
  const reader = new HostReader({
    directory: temporaryDirectory(),
    locks: undefined,
    own: process.reader(),
    nowNs: () => clock.nowNs,
  });
  return reader.snapshot({ histograms: false });
}

describe('hyperdjango top', () => {
  it('says who waits for a client, what failed, and counts time-outs and faults', () => {
    const lines = renderFrame(topViewOf(undefined, look(), 'time'), {
      ...{
        columns: 120,
        rows: 40,
        sort: 'time',
        isPaused: false,
        hasKeys: false,
        place: '',
        clock: '',
      },
      paint: (_style, text) => text,
    });
    const text = lines.join('\n');
    expect(text).toContain('2 callers wait for a client of a pool, the longest for 2.50 s');
    expect(text).toMatch(/POST \/checkout {2,}waiting for a client, to run SELECT \* FROM carts/);
    expect(text).toContain('pool time-outs 1  faults 1');
    expect(text).toMatch(/23505 +3.50 s ago {2}POST \/users +INSERT INTO users/);
    expect(text).toContain('[2 statements] BEGIN; SELECT $1');
    expect(text).not.toContain('secret');
  });

  it('says the same as JSON', () => {
    const json = topJsonOf(look());
    expect(json).toMatchObject({
      totals: { queries: 2, queryErrors: 1, poolTimeouts: 1, poolWaitMs: 1_000, faults: 1 },
      waitingForClient: { count: 2, longestMs: 2_500 },
      requestsInFlight: [
        {
          route: 'POST /checkout',
          queries: [{ sql: 'SELECT * FROM carts', isWaitingForClient: true, elapsedMs: 2_500 }],
        },
        {
          route: 'POST /users',
          queries: [],
          lastQuery: { failed: true, sqlState: '23505', elapsedMs: 7 },
        },
      ],
      processes: [
        {
          threads: [
            { queriesOutsideRequests: [{ sql: null, isWaitingForClient: true, elapsedMs: 500 }] },
          ],
        },
      ],
      failedQueries: [{ route: 'POST /users', failed: true, sqlState: '23505' }],
    });
    expect(json.statements).toContainEqual(
      expect.objectContaining({ sql: 'BEGIN; SELECT $1', statementCount: 2, calls: 1 }),
    );
    expect(JSON.stringify(json)).not.toContain('secret');
  });
});

describe('hyperdjango postmortem', () => {
  function death() {
    const snapshot = look();
    const [found] = deathsOf(snapshot.processes.map((one) => ({ ...one, state: 'dead' as const })));
    if (found === undefined) throw new Error('nobody has died');
    return found;
  }

  it('names waits, and the SQLSTATE of the last query of a request', () => {
    const text = describeDeath(death(), 200, (_style, line) => line).join('\n');
    expect(text).toContain('2.50 s  waiting for a client, to run SELECT * FROM carts');
    expect(text).toContain('500 ms  waiting for a client\n');
    expect(text).toContain(
      'no query; the last was INSERT INTO users (email) VALUES ($1), failed (SQLSTATE 23505)',
    );
    expect(text).toMatch(/7.00 ms {2}3.50 s before, failed \(SQLSTATE 23505\): INSERT INTO users/);
    expect(text).toContain('1 wait for a client had ended without one');
    expect(text).toContain("1 fault of hyperdjango's own had been caught");
    expect(text).not.toContain('secret');
  });

  it('says the same as JSON', () => {
    expect(deathJsonOf(death())).toMatchObject({
      poolTimeouts: 1,
      faults: 1,
      lastQueries: [
        { failed: true, sqlState: '23505' },
        { failed: false, sqlState: null },
      ],
    });
  });
});
