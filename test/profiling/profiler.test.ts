import { describe, expect, it } from 'vitest';

import { OptionError } from '../../src/errors/index.ts';
import {
  elapsedNanos,
  nanos,
  type Profile,
  Profiler,
  type ProfilerOptions,
  ProfileStore,
  type ProfileStoreOptions,
} from '../../src/profiling/index.ts';

/** `name < parent`, in the order of the spans' start. */
function shape({ spans }: Profile): string[] {
  return spans.map(({ name, parentIndex }) => `${name} < ${spans[parentIndex]?.name ?? ''}`);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('nanos and elapsedNanos', () => {
  it('tell monotonic time in nanoseconds', async () => {
    const start = nanos();
    expect(typeof start).toBe('bigint');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const elapsed = elapsedNanos(start);
    expect(elapsed).toBeGreaterThanOrEqual(19_000_000n);
    expect(elapsed).toBeLessThan(5_000_000_000n);
    expect(nanos() >= start + elapsed).toBe(true);
  });
});

describe('Profiler', () => {
  it('nests spans as they were called', async () => {
    const profiler = new Profiler('report');
    const sum = profiler.span('outer', () => profiler.span('inner', () => 2) + 1);
    const text = await profiler.span('load', async () => {
      await turn();
      return profiler.span('parse', () => 'text');
    });
    expect([sum, text]).toEqual([3, 'text']);
    const profile = profiler.finish();
    expect(shape(profile)).toEqual([
      'report < ',
      'outer < report',
      'inner < outer',
      'load < report',
      'parse < load',
    ]);
    expect(profile).toMatchObject({ name: 'report', droppedSpans: 0 });
    for (const { startNs, durationNs, parentIndex, isUnfinished } of profile.spans) {
      const parent = profile.spans[parentIndex] ?? { startNs: 0, durationNs: profile.durationNs };
      expect(startNs).toBeGreaterThanOrEqual(parent.startNs);
      expect(startNs + durationNs).toBeLessThanOrEqual(parent.startNs + parent.durationNs);
      expect(isUnfinished).toBe(false);
    }
  });

  it('keeps spans that run at the same time apart', async () => {
    const profiler = new Profiler('report');
    await profiler.span('all', () =>
      Promise.all(
        ['a', 'b'].map((name) =>
          profiler.span(name, async () => {
            await turn();
            await profiler.span(`${name}1`, turn);
            const span = profiler.start(`${name}2`);
            await turn();
            profiler.span(`${name}3`, () => {});
            span.end();
          }),
        ),
      ),
    );
    expect(shape(profiler.finish()).toSorted()).toEqual([
      'a < all',
      'a1 < a',
      'a2 < a',
      'a3 < a2',
      'all < report',
      'b < all',
      'b1 < b',
      'b2 < b',
      'b3 < b2',
      'report < ',
    ]);
  });

  it('nests spans begun and ended by hand, in whatever order they end', () => {
    const profiler = new Profiler('report');
    const outer = profiler.start('outer');
    const inner = profiler.start('inner');
    profiler.span('innermost', () => {});
    outer.end();
    profiler.start('still below inner').end();
    inner.end();
    inner.end();
    profiler.start('top').end();
    expect(shape(profiler.finish())).toEqual([
      'report < ',
      'outer < report',
      'inner < outer',
      'innermost < inner',
      'still below inner < inner',
      'top < report',
    ]);
  });

  it('keeps profilers apart that run inside each other', () => {
    const first = new Profiler('first');
    const second = new Profiler('second');
    first.span('a', () =>
      second.span('b', () => first.span('c', () => second.span('d', () => {}))),
    );
    expect(shape(first.finish())).toEqual(['first < ', 'a < first', 'c < a']);
    expect(shape(second.finish())).toEqual(['second < ', 'b < second', 'd < b']);
  });

  it('passes on what is thrown, and ends the span', async () => {
    const profiler = new Profiler('report');
    const error = new Error('mine');
    const fail = (): never => {
      throw error;
    };
    expect(() => profiler.span('sync', fail)).toThrow(error);
    await expect(profiler.span('async', async () => fail())).rejects.toBe(error);
    profiler.span('after', () => {});
    const profile = profiler.finish();
    expect(shape(profile)).toEqual([
      'report < ',
      'sync < report',
      'async < report',
      'after < report',
    ]);
    expect(profile.spans.every(({ isUnfinished }) => !isUnfinished)).toBe(true);
  });

  it('keeps so many spans and counts the others, whose work is done all the same', () => {
    const profiler = new Profiler('report', { maxSpans: 2 });
    const results = [1, 2, 3, 4].map((value) => profiler.span(`s${value}`, () => value));
    profiler.start('by hand').end();
    const profile = profiler.finish();
    expect(results).toEqual([1, 2, 3, 4]);
    expect(shape(profile)).toEqual(['report < ', 's1 < report', 's2 < report']);
    expect(profile.droppedSpans).toBe(3);
  });

  it('puts what is below a span that was not kept below the next one that was', () => {
    const profiler = new Profiler('report', { maxSpans: 1 });
    profiler.span('kept', () => profiler.span('dropped', () => profiler.span('deeper', () => {})));
    const profile = profiler.finish();
    expect(shape(profile)).toEqual(['report < ', 'kept < report']);
    expect(profile.droppedSpans).toBe(2);
  });

  it('ends what is open when it finishes, and keeps nothing after that', () => {
    const profiler = new Profiler('report');
    const open = profiler.start('open');
    const profile = profiler.finish();
    open.end();
    expect(profiler.span('late', () => 'done')).toBe('done');
    profiler.start('late').end();
    expect(profiler.finish()).toBe(profile);
    expect(shape(profile)).toEqual(['report < ', 'open < report']);
    expect(profile.spans.map(({ isUnfinished }) => isUnfinished)).toEqual([false, true]);
    const [, span] = profile.spans;
    expect((span?.startNs ?? 0) + (span?.durationNs ?? 0)).toBe(profile.durationNs);
  });

  it.each([
    ['', {}, /^new Profiler\(name\): expected a string that is not empty, got an empty string$/],
    ['a', { maxSpans: 0 }, /^Profiler\.maxSpans: expected an integer from 1 to 1000000, got 0$/],
    ['a', { max: 1 }, /^Profiler\.max: expected one of maxSpans, got an unknown option$/],
  ])('refuses the name %j with %j', (name, options, message) => {
    const make = (): unknown => new Profiler(name, options as ProfilerOptions);
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });
});

describe('ProfileStore', () => {
  it('keeps the last profiles, newest first, and finds them by id', () => {
    const store = new ProfileStore({ capacity: 2 });
    const [first, second, third] = ['1', '2', '3'].map((name) => new Profiler(name).finish());
    if (first === undefined || second === undefined || third === undefined) throw new Error();
    for (const profile of [first, second, third]) store.add(profile);
    expect(store.list()).toEqual([third, second]);
    expect(store.get(second.id)).toBe(second);
    expect(store.get(first.id)).toBeUndefined();
    expect([store.size, store.evictedCount]).toEqual([2, 1]);
    store.add(second);
    expect(store.list()).toEqual([second, third]);
    expect([store.size, store.evictedCount]).toEqual([2, 1]);
  });

  it('refuses bad options by name', () => {
    const make = (options: unknown): unknown => new ProfileStore(options as ProfileStoreOptions);
    expect(() => make({ capacity: 0 })).toThrow(/^ProfileStore\.capacity: .* got 0$/);
    expect(() => make({ size: 5 })).toThrow(/^ProfileStore\.size: expected one of capacity/);
  });
});
