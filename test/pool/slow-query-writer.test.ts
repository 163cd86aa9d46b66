import { describe, expect, it } from 'vitest';

import type { SlowQueryRow } from '../../src/pool/slow-query-table.ts';
import {
  BATCH_ROWS_MAX,
  type PendingRow,
  QUEUE_ROWS_MAX,
  SlowQueryWriter,
} from '../../src/pool/slow-query-writer.ts';

class ServerError extends Error {
  readonly severity = 'ERROR';
  readonly code: string;

  constructor(code: string) {
    super('it quotes ZQX');
    this.code = code;
  }
}

/** A writer on a clock that stands still until the test moves it. */
function makeWriter(random = 0) {
  const batches: number[][] = [];
  const warnings: string[] = [];
  const timers: { fn: () => void; delayMs: number; isCancelled: boolean }[] = [];
  const state: { fail: Error | undefined; nowMs: number } = { fail: undefined, nowMs: 0 };
  const writer = new SlowQueryWriter(
    async (batch: readonly SlowQueryRow[]) => {
      if (state.fail !== undefined) throw state.fail;
      batches.push(batch.map(({ durationMs }) => durationMs));
    },
    {
      nowMs: () => state.nowMs,
      random: () => random,
      startTimer(fn, delayMs) {
        const timer = { fn, delayMs, isCancelled: false };
        timers.push(timer);
        return () => (timer.isCancelled = true);
      },
      warn: (message) => void warnings.push(message),
    },
  );
  return { writer, batches, warnings, timers, state };
}

function row(durationMs: number): PendingRow {
  return { sqlText: 'SELECT $1', durationMs, paramsSummary: null, endedAtMs: 0 };
}

function rows(count: number, from = 0): PendingRow[] {
  return Array.from({ length: count }, (_, index) => row(from + index));
}

describe('a slow-query writer', () => {
  it('puts rows of one moment into one batch, and cuts long queues into several', async () => {
    const { writer, batches } = makeWriter();
    await Promise.all(rows(BATCH_ROWS_MAX + 1).map((each) => writer.add(each)));
    expect(batches.map(({ length }) => length)).toEqual([BATCH_ROWS_MAX, 1]);
    expect(batches.flat()).toEqual(rows(BATCH_ROWS_MAX + 1).map(({ durationMs }) => durationMs));
  });

  it('writes a row that comes the moment after the one before was written', async () => {
    const { writer, batches } = makeWriter();
    for (const each of rows(50)) await writer.add(each);
    expect(batches).toHaveLength(50);
  });

  it('backs off twice as long each time, up to a minute, and half of it by chance', async () => {
    for (const [random, factor] of [
      [0, 0.5],
      [1, 1],
    ] as const) {
      const { writer, timers, state } = makeWriter(random);
      state.fail = new ServerError('57P03');
      await writer.add(row(1));
      for (let round = 0; round < 8; round += 1) {
        timers.at(-1)?.fn();
        await writer.add(row(2));
        await Promise.resolve();
      }
      expect(timers.map(({ delayMs }) => delayMs / factor)).toEqual([
        1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000,
      ]);
    }
  });

  it('starts with short pauses again after a success', async () => {
    const { writer, timers, state, batches } = makeWriter();
    state.fail = new Error('gone');
    await writer.add(row(1));
    await writer.flush();
    state.fail = undefined;
    await writer.flush();
    expect(batches).toEqual([[1]]);
    state.fail = new Error('gone');
    await writer.add(row(2));
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([500, 1_000, 500]);
    expect(timers[0]?.isCancelled).toBe(true);
  });

  it('tries nothing during a pause, and lets nobody wait', async () => {
    const { writer, state, timers } = makeWriter();
    state.fail = new Error('gone');
    await writer.add(row(1));
    await writer.add(row(2));
    expect(writer.counts()).toEqual({ written: 0, dropped: 0, pending: 2, failedWrites: 1 });
    expect(timers).toHaveLength(1);
  });

  it('keeps the order of rows through a failure', async () => {
    const { writer, state, batches } = makeWriter();
    state.fail = new Error('gone');
    await Promise.all(rows(3).map((each) => writer.add(each)));
    await Promise.all(rows(3, 3).map((each) => writer.add(each)));
    state.fail = undefined;
    await writer.flush();
    expect(batches).toEqual([[0, 1, 2, 3, 4, 5]]);
  });

  it('drops the oldest rows when the queue is full, and counts them', async () => {
    const { writer, state, batches, warnings } = makeWriter();
    state.fail = new Error('gone');
    await writer.add(row(0));
    await Promise.all(rows(QUEUE_ROWS_MAX + 250, 1).map((each) => writer.add(each)));
    expect(writer.counts()).toMatchObject({ dropped: 251, pending: QUEUE_ROWS_MAX });
    state.fail = undefined;
    await writer.flush();
    expect(batches.flat()[0]).toBe(251);
    expect(batches.flat()).toHaveLength(QUEUE_ROWS_MAX);
    expect(warnings).toHaveLength(1);
  });

  it('tells the age of a row when it is written, not when it came', async () => {
    const ages: number[] = [];
    let nowMs = 1_000;
    const writer = new SlowQueryWriter(
      async (written) => {
        if (nowMs < 5_000) throw new Error('gone');
        ages.push(...written.map(({ ageMs }) => ageMs));
      },
      { nowMs: () => nowMs, startTimer: () => () => {}, warn: () => {} },
    );
    await writer.add({ ...row(1), endedAtMs: 1_000 });
    nowMs = 5_500;
    await writer.flush();
    expect(ages).toEqual([4_500]);
  });

  it('warns once in ten minutes, by code and never by message', async () => {
    const { writer, state, warnings, timers } = makeWriter();
    state.fail = new ServerError('53100');
    for (const nowMs of [0, 1, 599_999]) {
      state.nowMs = nowMs;
      await writer.add(row(1));
      timers.at(-1)?.fn();
      await writer.flush();
    }
    expect(warnings).toEqual([
      'the slow-query log cannot write now and tries again later (53100); 0 rows dropped so far. ' +
        'The application is unaffected.',
    ]);
    state.nowMs = 600_000;
    state.fail = Object.assign(
      new AggregateError([Object.assign(new Error('ZQX'), { code: 'ECONNREFUSED' })], 'ZQX'),
    );
    await writer.flush();
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toContain('(ECONNREFUSED)');
    expect(warnings.join()).not.toContain('ZQX');
  });

  it.each(['42P01', '42501', '42703', '3F000'])(
    'is off after %s, says so once, and is on again when told',
    async (code) => {
      const { writer, state, warnings, timers, batches } = makeWriter();
      state.fail = new ServerError(code);
      await Promise.all(rows(3).map((each) => writer.add(each)));
      await writer.add(row(3));
      await writer.flush();
      expect(writer.isOff).toBe(true);
      expect(writer.counts()).toEqual({ written: 0, dropped: 4, pending: 0, failedWrites: 1 });
      expect(timers).toEqual([]);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain(`(${code}): ensureTable()`);
      state.fail = undefined;
      writer.turnOn();
      await writer.add(row(4));
      expect(batches).toEqual([[4]]);
    },
  );

  it('drops a batch that the server refuses for what is in it, and goes on', async () => {
    const { writer, state, batches, timers } = makeWriter();
    state.fail = new ServerError('22021');
    await writer.add(row(1));
    state.fail = undefined;
    await writer.add(row(2));
    expect(batches).toEqual([[2]]);
    expect(timers).toEqual([]);
    expect(writer.counts()).toEqual({ written: 1, dropped: 1, pending: 0, failedWrites: 1 });
  });
});
