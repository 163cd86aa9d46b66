import { describe, expect, it } from 'vitest';

import { Scope } from '../../src/recorder/index.ts';
import { RecordedQuery, SCOPE_DETAILS_MAX } from '../../src/recorder/scope.ts';

const START_NS = 5e15;

function query(startNs: number, statementId = 1): RecordedQuery {
  const issued = new RecordedQuery(undefined, undefined, '', undefined, undefined);
  issued.statementId = statementId;
  issued.startNs = START_NS + startNs;
  return issued;
}

function endAt(scope: Scope, ended: RecordedQuery, endNs: number): void {
  ended.durationNs = START_NS + endNs - ended.startNs;
  scope.end(ended);
}

function at(nowNs: number): { nowNs: () => number } {
  return { nowNs: () => nowNs };
}

function newScope(): Scope {
  return new Scope('request', 'GET /', 0, START_NS);
}

describe('Scope', () => {
  it('adds up overlapping queries in queryTimeNs and counts them once in busyNs', () => {
    const scope = newScope();
    const [first, second, third] = [query(100), query(150), query(400)];
    scope.begin(first);
    scope.begin(second);
    endAt(scope, first, 200);
    endAt(scope, second, 300);
    scope.begin(third);
    endAt(scope, third, 500);
    expect(scope.queryTimeNs(at(START_NS + 1_000))).toBe(100 + 150 + 100);
    expect(scope.busyNs(START_NS + 1_000)).toBe(200 + 100);
  });

  it('counts a query that still runs with the time it has taken so far', () => {
    const scope = newScope();
    scope.begin(query(100));
    scope.begin(query(300));
    expect(scope.queryTimeNs(at(START_NS + 350))).toBe(250 + 50);
    expect(scope.busyNs(START_NS + 350)).toBe(250);
    expect(scope.queryCount).toBe(2);
    scope.endNs = START_NS + 320;
    scope.isClosed = true;
    expect(scope.queryTimeNs(at(START_NS + 350))).toBe(220 + 20);
  });

  it('looks at the clock once, and only where a query runs', () => {
    let lookCount = 0;
    const clock = { nowNs: () => START_NS + 1_000 + (lookCount += 1) };
    const scope = newScope();
    const [first, second] = [query(100), query(150)];
    scope.begin(first);
    scope.begin(second);
    expect(scope.queryTimeNs(clock)).toBe(901 + 851);
    endAt(scope, first, 200);
    endAt(scope, second, 300);
    expect(scope.queryTimeNs(clock)).toBe(100 + 150);
    expect(lookCount).toBe(1);
  });

  it('agrees with sums made one by one, for any overlap', () => {
    let seed = 20_261_122;
    const random = (): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed / 2 ** 32;
    };
    for (let round = 0; round < 200; round += 1) {
      const scope = newScope();
      const spans = Array.from({ length: 12 }, () => {
        const start = Math.floor(random() * 1_000);
        return [start, start + Math.floor(random() * 300)] as const;
      });
      const events = spans.flatMap(([start, end], index) => [
        { at: start, index, isStart: true },
        { at: end, index, isStart: false },
      ]);
      // A span of no length starts before it ends.
      events.sort((a, b) => a.at - b.at || Number(b.isStart) - Number(a.isStart));
      const queries = spans.map(([start]) => query(start));
      for (const { at, index, isStart } of events) {
        const one = queries[index] as RecordedQuery;
        if (isStart) scope.begin(one);
        else endAt(scope, one, at);
      }
      const covered = new Set(
        spans.flatMap(([start, end]) => Array.from({ length: end - start }, (_, i) => start + i)),
      );
      const sum = spans.reduce((total, [start, end]) => total + end - start, 0);
      expect(scope.queryTimeNs(at(START_NS + 2_000)), `seed 20261122, round ${round}`).toBe(sum);
      expect(scope.busyNs(START_NS + 2_000), `seed 20261122, round ${round}`).toBe(covered.size);
    }
  });

  it('never lets queries recorded afterwards exceed the time of the scope', () => {
    const scope = newScope();
    for (let count = 0; count < 3; count += 1) {
      const long = query(-1_000);
      long.durationNs = 1_100;
      scope.begin(long);
      scope.end(long);
    }
    expect(scope.busyNs(START_NS + 100)).toBe(100);
    expect(scope.queryTimeNs(at(START_NS + 100))).toBe(3_300);
  });

  it('adds up what runs while it reaches its bound, and what comes after', () => {
    const scope = newScope();
    const early = [query(0), query(5)];
    for (const one of early) scope.begin(one);
    for (let index = 2; index < SCOPE_DETAILS_MAX; index += 1) {
      const one = query(10 * index);
      scope.begin(one);
      one.durationNs = 3;
    }
    const start = 10 * SCOPE_DETAILS_MAX;
    const running = [...early, query(start)];
    scope.begin(running[2] as RecordedQuery);
    // Whose end has to be told from now on.
    expect(running.map(({ isFollowed }) => isFollowed)).toEqual([true, true, true]);
    expect(scope.queries[2]?.isFollowed).toBeUndefined();
    for (const [index, one] of running.toReversed().entries()) {
      endAt(scope, one, start + 10 + 20 * index);
    }
    const last = query(start + 100);
    scope.begin(last);
    endAt(scope, last, start + 130);
    const now = START_NS + start + 1_000;
    const sum = 3 * (SCOPE_DETAILS_MAX - 2) + (start + 50) + (start + 25) + 10 + 30;
    expect(scope.queryTimeNs(at(now))).toBe(sum);
    expect(scope.busyNs(now)).toBe(start + 50 + 30);
    expect(scope.queryCount).toBe(SCOPE_DETAILS_MAX + 2);
  });

  it('keeps details up to its bound and counts by statement beyond it', () => {
    const scope = newScope();
    for (let index = 0; index < SCOPE_DETAILS_MAX + 30; index += 1) {
      const one = query(index, 1 + (index % 2));
      scope.begin(one);
      endAt(scope, one, index);
    }
    expect(scope.queries).toHaveLength(SCOPE_DETAILS_MAX);
    expect(scope.queryCount).toBe(SCOPE_DETAILS_MAX + 30);
    expect(scope.overflow).toEqual(
      new Map([
        [1, 15],
        [2, 15],
      ]),
    );
  });
});
