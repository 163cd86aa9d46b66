import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  type Profile,
  type ProfileSpan,
  toChromeTrace,
  toFlameGraph,
  toSpeedscope,
} from '../../src/profiling/index.ts';

/** A profile of `[name, parentIndex, startNs, durationNs]`; the first one is the whole. */
function profileOf(...spans: [string, number, number, number][]): Profile {
  const [whole] = spans;
  return {
    id: 'id',
    name: whole?.[0] ?? '',
    startedAt: 0,
    durationNs: whole?.[3] ?? 0,
    droppedSpans: 0,
    spans: spans.map(([name, parentIndex, startNs, durationNs]) => ({
      name,
      parentIndex,
      startNs,
      durationNs,
      isUnfinished: false,
    })),
  };
}

const sequential = profileOf(
  ['report', -1, 0, 100],
  ['load', 0, 10, 50],
  ['query', 1, 20, 10],
  ['query', 1, 40, 15],
  ['render', 0, 60, 30],
);

const parallel = profileOf(
  ['report', -1, 0, 100],
  ['a', 0, 10, 50],
  ['b', 0, 20, 60],
  ['a1', 1, 30, 10],
  ['b1', 2, 30, 10],
  ['c', 0, 85, 10],
);

/** Random trees of spans in which children start, but need not end, within their parents. */
const profiles = fc
  .array(fc.tuple(fc.nat(), fc.nat(20), fc.nat(50), fc.constantFrom('a', 'b', 'c')), {
    maxLength: 40,
  })
  .map((steps): Profile => {
    let nowNs = 0;
    const spans: [string, number, number, number][] = [['all', -1, 0, 0]];
    for (const [parent, waitNs, durationNs, name] of steps) {
      nowNs += waitNs;
      spans.push([name, parent % spans.length, nowNs, durationNs]);
    }
    spans[0] = ['all', -1, 0, Math.max(...spans.map(([, , start, duration]) => start + duration))];
    return profileOf(...spans);
  });

describe('toFlameGraph', () => {
  it('sums spans of one name below one parent', () => {
    expect(toFlameGraph(sequential)).toEqual({
      name: 'report',
      value: 100,
      children: [
        { name: 'load', value: 50, children: [{ name: 'query', value: 25, children: [] }] },
        { name: 'render', value: 30, children: [] },
      ],
    });
  });

  it('makes a parent as wide as children that ran at the same time', () => {
    expect(toFlameGraph(parallel)).toMatchObject({ value: 120 });
  });

  it('never draws children wider than their parent', () => {
    const check = (node: ReturnType<typeof toFlameGraph>): boolean =>
      node.children.reduce((sum, { value }) => sum + value, 0) <= node.value &&
      node.children.every(check);
    fc.assert(fc.property(profiles, (profile) => check(toFlameGraph(profile))));
  });
});

describe('toSpeedscope', () => {
  it('gives one event profile for spans that nest', () => {
    expect(toSpeedscope(sequential)).toEqual({
      $schema: 'https://www.speedscope.app/file-format-schema.json',
      name: 'report',
      exporter: 'hyperdjango',
      activeProfileIndex: 0,
      shared: { frames: ['report', 'load', 'query', 'render'].map((name) => ({ name })) },
      profiles: [
        {
          type: 'evented',
          name: 'report',
          unit: 'nanoseconds',
          startValue: 0,
          endValue: 100,
          events: [
            { type: 'O', frame: 0, at: 0 },
            { type: 'O', frame: 1, at: 10 },
            { type: 'O', frame: 2, at: 20 },
            { type: 'C', frame: 2, at: 30 },
            { type: 'O', frame: 2, at: 40 },
            { type: 'C', frame: 2, at: 55 },
            { type: 'C', frame: 1, at: 60 },
            { type: 'O', frame: 3, at: 60 },
            { type: 'C', frame: 3, at: 90 },
            { type: 'C', frame: 0, at: 100 },
          ],
        },
      ],
    });
  });

  it('gives spans that ran at the same time profiles of their own', () => {
    const { profiles: lanes, shared } = toSpeedscope(parallel);
    const opened = lanes.map(({ events }) =>
      events.filter(({ type }) => type === 'O').map(({ frame }) => shared.frames[frame]?.name),
    );
    expect(opened).toEqual([
      ['report', 'a', 'a1', 'c'],
      ['b', 'b1'],
    ]);
  });

  it('opens and closes every span once, nested, in the order of time, whatever the spans', () => {
    fc.assert(
      fc.property(profiles, (profile) => {
        let openedCount = 0;
        for (const { events, startValue, endValue } of toSpeedscope(profile).profiles) {
          const open: number[] = [];
          let lastAt = startValue;
          for (const { type, frame, at } of events) {
            expect(at).toBeGreaterThanOrEqual(lastAt);
            lastAt = at;
            if (type === 'C') expect(open.pop()).toBe(frame);
            else open.push(frame);
            openedCount += type === 'O' ? 1 : 0;
          }
          expect(open).toEqual([]);
          expect(lastAt).toBeLessThanOrEqual(endValue);
        }
        expect(openedCount).toBe(profile.spans.length);
      }),
    );
  });
});

describe('toChromeTrace', () => {
  it('gives complete events in microseconds, one thread for each lane', () => {
    const { traceEvents } = toChromeTrace(parallel);
    expect(traceEvents[0]).toEqual({
      ph: 'M',
      name: 'process_name',
      pid: 1,
      tid: 1,
      args: { name: 'report' },
    });
    expect(traceEvents.slice(1)).toEqual(
      [
        ['report', 0, 0.1, 1],
        ['a', 0.01, 0.05, 1],
        ['a1', 0.03, 0.01, 1],
        ['c', 0.085, 0.01, 1],
        ['b', 0.02, 0.06, 2],
        ['b1', 0.03, 0.01, 2],
      ].map(([name, ts, dur, tid]) => ({
        ph: 'X',
        cat: 'hyperdjango',
        pid: 1,
        name,
        ts,
        dur,
        tid,
      })),
    );
  });

  it('keeps events of one thread nested or apart, whatever the spans', () => {
    fc.assert(
      fc.property(profiles, (profile) => {
        const spans = toChromeTrace(profile).traceEvents.filter((event) => event.ph === 'X');
        expect(spans).toHaveLength(profile.spans.length);
        const byThread = groupByThread(spans);
        for (const thread of byThread.values()) {
          const ends: number[] = [];
          for (const { ts, dur } of thread.toSorted((a, b) => a.ts - b.ts || b.dur - a.dur)) {
            while (ends.length > 0 && (ends.at(-1) ?? 0) <= ts + 1e-9) ends.pop();
            expect(ts + dur).toBeLessThanOrEqual((ends.at(-1) ?? Infinity) + 1e-9);
            ends.push(ts + dur);
          }
        }
      }),
    );
  });
});

function groupByThread<T extends { readonly tid: number }>(events: readonly T[]): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const event of events) groups.set(event.tid, [...(groups.get(event.tid) ?? []), event]);
  return groups;
}

describe('an empty profile', () => {
  it('is one span in every form', () => {
    const empty = profileOf(['nothing', -1, 0, 0]);
    const span: ProfileSpan | undefined = empty.spans[0];
    expect(span?.durationNs).toBe(0);
    expect(toFlameGraph(empty)).toEqual({ name: 'nothing', value: 0, children: [] });
    expect(toSpeedscope(empty).profiles[0]?.events).toHaveLength(2);
    expect(toChromeTrace(empty).traceEvents).toHaveLength(2);
  });
});
