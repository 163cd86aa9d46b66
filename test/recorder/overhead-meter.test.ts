import { expect, test } from 'vitest';

import { OverheadMeter } from '../../src/recorder/overhead-meter.ts';

const CLOCK_NS = 40;

/** A clock that takes time itself, as real ones do, and stands still otherwise. */
function createMeter(): {
  meter: OverheadMeter;
  samples: number[];
  query: (beginNs: number, endNs: number) => void;
} {
  let timeNs = 1_000;
  const samples: number[] = [];
  const meter = new OverheadMeter(
    () => (timeNs += CLOCK_NS),
    (ns) => samples.push(ns),
  );
  return {
    meter,
    samples,
    query(beginNs, endNs) {
      const one = {};
      begin(meter, one, () => (timeNs += beginNs));
      timeNs += 5_000_000;
      end(meter, one, () => (timeNs += endNs));
    },
  };
}

/** As the recorder does it. */
function begin(meter: OverheadMeter, query: object, work: () => void): void {
  if (!meter.isDue()) return work();
  const startNs = meter.start();
  work();
  meter.stopBegin(query, startNs);
}

function end(meter: OverheadMeter, query: object, work: () => void): void {
  if (!meter.isSampled(query)) return work();
  const startNs = meter.start();
  work();
  meter.stopEnd(startNs);
}

test('the mean is of both halves of one query in 64, without what the clock takes', () => {
  const { meter, samples, query } = createMeter();
  expect(meter.meanNs()).toBe(0);
  for (let count = 0; count < 128; count += 1) query(200, 100);
  expect(samples).toEqual([300, 300]);
  expect(meter.meanNs()).toBe(300);
});

test('a sample that was interrupted is left out, and the next query is not sampled in its place', () => {
  const { meter, samples, query } = createMeter();
  for (let count = 0; count < 63; count += 1) query(200, 100);
  query(4_000_000, 100);
  for (let count = 0; count < 63; count += 1) query(200, 100);
  query(200, 4_000_000);
  expect(meter.meanNs()).toBe(0);
  for (let count = 0; count < 64; count += 1) query(250, 150);
  expect(samples).toEqual([400]);
});

test('queries that overlap are sampled once', () => {
  const { meter, samples } = createMeter();
  const queries = Array.from({ length: 200 }, () => ({}));
  for (const query of queries) begin(meter, query, () => {});
  for (const query of queries) end(meter, query, () => {});
  expect(samples).toHaveLength(1);
});
