import { describe, expect, it } from 'vitest';

import { type FrameOptions, renderFrame } from '../../../src/cli/top/frame.ts';
import { type SortOrder, topViewOf } from '../../../src/cli/top/view.ts';
import { widthOf } from '../../../src/cli/text.ts';
import { HostReader, type HostSnapshot } from '../../../src/segments/host.ts';
import {
  RecordedProcess,
  runQuery,
  runRequest,
  TestClock,
  temporaryDirectory,
} from '../../segments/support/recorded-process.ts';

const OPTIONS: FrameOptions = {
  columns: 100,
  rows: 30,
  sort: 'time',
  isPaused: false,
  hasKeys: true,
  place: '',
  paint: (_style, text) => text,
  clock: '03:04:05',
};

/** A host on which this one process lives. */
class Host {
  readonly clock = new TestClock();
  readonly process = new RecordedProcess({ clock: this.clock });
  readonly recorder = this.process.thread();
  readonly #reader = new HostReader({
    directory: temporaryDirectory(),
    locks: undefined,
    own: this.process.reader(),
    nowNs: () => this.clock.nowNs,
  });

  look(): HostSnapshot {
    return this.#reader.snapshot({ histograms: false });
  }
}

function frame(
  previous: HostSnapshot | undefined,
  current: HostSnapshot,
  options: Partial<FrameOptions> = {},
): string[] {
  const sort: SortOrder = options.sort ?? 'time';
  return renderFrame(topViewOf(previous, current, sort), { ...OPTIONS, ...options });
}

describe('renderFrame', () => {
  it('shows requests in flight, rates, routes, statements, pools and findings', () => {
    const host = new Host();
    const { clock, recorder, process } = host;
    runRequest(recorder, clock, 'GET /products', [['SELECT * FROM products', 12]]);
    const first = host.look();
    const slow = recorder.beginRequest('GET /reports/:id');
    clock.advance(250);
    recorder.beginQuery('SELECT pg_sleep(10)', slow, 0);
    const unnamed = recorder.beginRequest('');
    clock.advance(50);
    for (let index = 0; index < 4; index += 1) {
      runRequest(recorder, clock, 'GET /products', [
        ['SELECT * FROM products', 20],
        ['SELECT * FROM customers WHERE id = 1', 5],
      ]);
    }
    runQuery(recorder, clock, 'DELETE FROM carts', 30, { isError: true, requestHandle: unnamed });
    recorder.recordPool(0, 'localhost:5432/shop', 10, 2, 3, 10);
    const repeated = recorder.internStatement('SELECT * FROM customers WHERE id = 1');
    recorder.recordFinding(1, repeated, 'GET /products', 40, 200e6);
    clock.advance(570);
    process.beat();
    clock.advance(12);
    expect(frame(first, host.look()).join('\n')).toMatchInlineSnapshot(`
      "shop  1 process (pid 4242)                                                                  03:04:05
      requests 3.95/s  queries 8.89/s  errors 0.99/s  query p50 20.1 ms  p99 29.9 ms
      event loops are free  heartbeat 12.0 ms ago  overhead unknown  dropped 0

      PID                FOR  REQUEST (2 in flight)       QUERY                                           
      4242            1.01 s  GET /reports/:id            SELECT pg_sleep($1)
      4242            762 ms  (no name yet)

           LOAD*    CALLS/s        MEAN    ERRORS  ROUTE                                                  
           0.099       3.95     25.0 ms         0  GET /products
           0.000          0        0 ns         0  GET /reports/:id

           LOAD*    CALLS/s        MEAN    ERRORS  STATEMENT                                              
           0.079       3.95     20.0 ms         0  SELECT * FROM products
           0.030       0.99     30.0 ms         1  DELETE FROM carts
           0.020       3.95     5.00 ms         0  SELECT * FROM customers WHERE id = $1
           0.000          0        0 ns         0  SELECT pg_sleep($1)

      POOLS                                                                                               
      8 of 10 in use            2 idle     3 waiting  localhost:5432/shop

      FINDINGS                                                                                            
      n_plus_one                  1×      200 ms  GET /products               SELECT * FROM customers WHE…

      SQLSTATE           ENDED  FAILED QUERIES OF LATE      STATEMENT                                     
      failed        582 ms ago  (no request)                DELETE FROM carts



      q quit  p pause  sort by: t time  c calls  m mean  e errors  (now: time)                            "
    `);
  });

  it('shows sums since the start in the first frame', () => {
    const host = new Host();
    runRequest(host.recorder, host.clock, 'GET /products', [['SELECT * FROM products', 12]]);
    host.process.beat();
    expect(frame(undefined, host.look(), { rows: 12 }).join('\n')).toMatchInlineSnapshot(`
      "shop  1 process (pid 4242)                                                                  03:04:05
      requests 1  queries 1  errors 0  query p50 12.1 ms  p99 12.1 ms  (since the start)
      event loops are free  heartbeat 0 ns ago  overhead unknown  dropped 0

           TIME*      CALLS        MEAN    ERRORS  ROUTE                                                  
         12.0 ms          1     12.0 ms         0  GET /products

           TIME*      CALLS        MEAN    ERRORS  STATEMENT                                              
         12.0 ms          1     12.0 ms         0  SELECT * FROM products


      q quit  p pause  sort by: t time  c calls  m mean  e errors  (now: time)                            "
    `);
  });

  it('names what a blocked event loop is stuck in', () => {
    const host = new Host();
    const { clock, recorder, process } = host;
    recorder.beginRequest('GET /elsewhere');
    const request = recorder.beginRequest('POST /import');
    process.setEntry(0, 'loopBusySinceNs', clock.nowNs);
    recorder.beginQuery('INSERT INTO rows SELECT * FROM staging', request, 0);
    clock.advance(4_200);
    process.setEntry(0, 'loopCheckedNs', clock.nowNs);
    process.beat();
    expect(frame(undefined, host.look(), { rows: 10 }).join('\n')).toMatchInlineSnapshot(`
      "shop  1 process (pid 4242)                                                                  03:04:05
      requests 0  queries 0  errors 0  query p50 0 ns  p99 0 ns  (since the start)
      pid 4242: the event loop has been busy for 4.20 s in POST /import
        INSERT INTO rows SELECT * FROM staging
      1 event loop blocked  heartbeat 0 ns ago  overhead unknown  dropped 0

      PID                FOR  REQUEST (2 in flight)       QUERY                                           

           TIME*      CALLS        MEAN    ERRORS  ROUTE                                                  
      q quit  p pause  sort by: t time  c calls  m mean  e errors  (now: time)                            "
    `);
  });

  it('tells a process that stands still from one that is busy', () => {
    const host = new Host();
    host.process.beat();
    host.clock.advance(5_000);
    expect(frame(undefined, host.look(), { rows: 5 })[2]).toBe(
      'pid 4242 stands still: its last heartbeat was 5.00 s ago',
    );
  });

  it('sorts by what is asked for', () => {
    const host = new Host();
    const first = host.look();
    for (let index = 0; index < 9; index += 1) runQuery(host.recorder, host.clock, 'SELECT 1', 1);
    runQuery(host.recorder, host.clock, 'SELECT a FROM slow', 100);
    runQuery(host.recorder, host.clock, 'SELECT b FROM broken', 2, { isError: true });
    const current = host.look();
    const firstStatement = (sort: SortOrder): string | undefined => {
      const lines = frame(first, current, { sort });
      return lines[
        lines.findIndex((line) => line.endsWith('STATEMENT') || line.includes('STATEMENT ')) + 1
      ];
    };
    expect(firstStatement('time')).toMatch(/SELECT a FROM slow$/);
    expect(firstStatement('mean')).toMatch(/SELECT a FROM slow$/);
    expect(firstStatement('calls')).toMatch(/SELECT \$1$/);
    expect(firstStatement('errors')).toMatch(/SELECT b FROM broken$/);
  });

  it.each([
    [80, 24],
    [200, 60],
    [40, 10],
    [20, 5],
    [5, 3],
    [1, 1],
  ])('keeps to %d columns and %d rows, whatever there is to show', (columns, rows) => {
    const host = new Host();
    const { clock, recorder } = host;
    for (let index = 0; index < 8; index += 1) {
      const request = recorder.beginRequest(`GET /数据库/\x1b[31m${'x'.repeat(100)}/${index}`);
      recorder.beginQuery(`SELECT "\x1b]0;owned\x07\n" FROM 数据库_${index}`, request, 0);
      runQuery(recorder, clock, `SELECT '${'y'.repeat(1000)}' FROM t${index}`, 3);
    }
    for (const isPaused of [false, true]) {
      const lines = frame(undefined, host.look(), { columns, rows, isPaused });
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) {
        expect(widthOf(line)).toBeLessThanOrEqual(columns);
        // oxlint-disable-next-line no-control-regex
        expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
      }
    }
  });

  it('says so where nothing runs', () => {
    const reader = new HostReader({
      directory: temporaryDirectory(),
      locks: undefined,
      nowNs: () => 1e9,
    });
    expect(frame(undefined, reader.snapshot(), { rows: 4 })[0]).toMatch(/^nothing is running/);
  });
});
