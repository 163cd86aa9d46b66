import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { DashboardData } from '../../../src/dashboard/data.ts';
import { createPoller, DashboardAnswerError } from '../../../src/dashboard/ui/poller.ts';
import type { PollState } from '../../../src/dashboard/ui/poller.ts';
import { createEmptyData } from '../support/sample-data.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A poller whose loads the test settles by hand. */
function start({ isVisible = true } = {}) {
  const loads: {
    resolve(data: DashboardData): void;
    reject(error: unknown): void;
    signal: AbortSignal;
  }[] = [];
  const states: PollState[] = [];
  const poller = createPoller({
    isVisible,
    onChange: (state) => states.push(state),
    load: (signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        loads.push({ resolve, reject, signal });
      }),
  });

  async function answer(data = createEmptyData()): Promise<void> {
    loads.at(-1)?.resolve(data);
    await vi.advanceTimersByTimeAsync(0);
  }
  async function fail(error: unknown = new TypeError('fetch failed')): Promise<void> {
    loads.at(-1)?.reject(error);
    await vi.advanceTimersByTimeAsync(0);
  }
  return { poller, loads, states, answer, fail, last: () => states.at(-1) };
}

describe('the poller', () => {
  test('loads at once, and again a second after each answer', async () => {
    const { loads, answer, last } = start();
    expect(loads).toHaveLength(1);

    await vi.advanceTimersByTimeAsync(5000);
    expect(loads, 'never two at a time').toHaveLength(1);

    const first = createEmptyData({ pid: 1 });
    await answer(first);
    expect(last()).toEqual({ phase: 'live', data: first, previous: undefined, problem: undefined });
    await vi.advanceTimersByTimeAsync(999);
    expect(loads).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(loads).toHaveLength(2);

    const second = createEmptyData({ pid: 2 });
    await answer(second);
    expect(last()).toMatchObject({ data: second, previous: first });
  });

  test('waits longer after each failure, ten seconds at most, and keeps what it had', async () => {
    const { loads, answer, fail, last } = start();
    await answer();
    await vi.advanceTimersByTimeAsync(1000);

    for (const waitMs of [2000, 4000, 8000, 10_000, 10_000]) {
      await fail();
      expect(last()).toMatchObject({
        phase: 'retrying',
        data: { app: 'shop' },
        problem: 'The application does not answer. Is it still running?',
      });
      const before = loads.length;
      await vi.advanceTimersByTimeAsync(waitMs - 1);
      expect(loads).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(loads).toHaveLength(before + 1);
    }

    await answer();
    expect(last()).toMatchObject({ phase: 'live', problem: undefined });
    await vi.advanceTimersByTimeAsync(1000);
    expect(loads, 'as quick as before').toHaveLength(8);
  });

  test('says what the server said', async () => {
    const { fail, last } = start();
    await fail(new DashboardAnswerError('The application answered with status 500.'));
    expect(last()?.problem).toBe('The application answered with status 500.');
  });

  test('gives up on an answer that does not come', async () => {
    const { loads, last } = start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(loads[0]?.signal.aborted).toBe(true);
    expect(last()).toMatchObject({
      phase: 'retrying',
      problem: 'The application did not answer in time.',
    });
  });

  test('asks for nothing while nobody looks, and drops what is under way', async () => {
    const { poller, loads, states, answer } = start();
    await answer();
    await vi.advanceTimersByTimeAsync(1000);
    expect(loads).toHaveLength(2);

    poller.setVisible(false);
    expect(loads[1]?.signal.aborted).toBe(true);
    const before = states.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(loads).toHaveLength(2);
    expect(states, 'an abort of our own is no failure').toHaveLength(before);

    poller.setVisible(true);
    expect(loads, 'at once').toHaveLength(3);
  });

  test('a page that opens unseen waits until it is', async () => {
    const { poller, loads } = start({ isVisible: false });
    await vi.advanceTimersByTimeAsync(5000);
    expect(loads).toHaveLength(0);
    poller.setVisible(true);
    expect(loads).toHaveLength(1);
  });

  test('stays paused, seen or unseen, until it is resumed', async () => {
    const { poller, loads, last, answer } = start();
    await answer();
    poller.pause();
    poller.setVisible(false);
    poller.setVisible(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(loads).toHaveLength(1);
    expect(last()).toMatchObject({ phase: 'paused', data: { app: 'shop' } });

    poller.resume();
    expect(loads).toHaveLength(2);
    expect(last()?.phase).toBe('live');
  });

  test('an answer that comes after the pause changes nothing', async () => {
    const { poller, states, answer } = start();
    poller.pause();
    const before = states.length;
    await answer();
    expect(states).toHaveLength(before);
  });

  test('once stopped, nothing is left', async () => {
    const { poller, loads } = start();
    poller.stop();
    await vi.advanceTimersByTimeAsync(0);
    expect(loads[0]?.signal.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
