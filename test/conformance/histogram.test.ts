import { describe, expect, it } from 'vitest';

import { NO_HANDLE, OUTCOME } from '../../src/engine/engine.ts';
import type { Engine, HistogramSnapshot } from '../../src/engine/engine.ts';
import {
  countOf,
  EMPTY_HISTOGRAM,
  lowerBoundOf,
  meanOf,
  mergeHistograms,
  quantileOf,
} from '../../src/engine/histogram.ts';
import { engineOfKind } from '../../src/engine/load.ts';
import { BUCKET_LIMITS, bucketIndexOf } from '../../src/engine/portable/histogram.ts';
import { bothEngines, ENGINE_KINDS } from './support/engines.ts';
import { createRandom, TEST_SEED } from './support/random.ts';

const CAPACITIES = {
  inFlightQueriesMax: 1,
  inFlightRequestsMax: 1,
  recentQueriesMax: 1,
  recentRequestsMax: 1,
  statementsMax: 16,
  routesMax: 1,
};

describe.each(ENGINE_KINDS)('histograms of the %s engine', (kind) => {
  const engine = engineOfKind(kind);

  it('put every value between the limits of its bucket', () => {
    for (const exponent of [10, 11, 20, 31, 32, 33, 39]) {
      for (const factor of [1.0001, 1.04, 1.3, 1.5, 1.99]) {
        const value = Math.ceil(2 ** exponent * factor);
        const { scale, offset, counts } = durationsOf(engine, [value]);
        expect(counts).toEqual([1]);
        expect(lowerBoundOf(scale, offset)).toBeLessThan(value);
        expect(lowerBoundOf(scale, offset + 1)).toBeGreaterThanOrEqual(value);
      }
    }
  });

  it('close a bucket with a power of two', () => {
    for (let exponent = 11; exponent <= 40; exponent += 1) {
      expect(durationsOf(engine, [2 ** exponent]).offset).toBe(exponent * 16 - 1);
    }
  });

  it('count what is out of range in the edge buckets, and zeros apart', () => {
    const histogram = durationsOf(engine, [0, 0, 1, 1000, 2 ** 45, Number.MAX_SAFE_INTEGER]);
    expect(histogram.zeroCount).toBe(2);
    expect(histogram.offset).toBe(10 * 16);
    expect(histogram.counts).toHaveLength(30 * 16);
    expect(histogram.counts.at(0)).toBe(2);
    expect(histogram.counts.at(-1)).toBe(2);
    expect(countOf(histogram)).toBe(6);
  });
});

describe('both engines', () => {
  it(`sort every value into the same bucket (seed ${TEST_SEED})`, () => {
    const random = createRandom(TEST_SEED);
    const values = Array.from({ length: 20_000 }, () => Math.floor(2 ** (random() * 53)));
    // Around each limit of a bucket, where one nanosecond decides.
    for (let exponent = 10; exponent < 40; exponent += 1) {
      for (const limit of BUCKET_LIMITS) {
        const value = Math.floor(limit / 2 ** (40 - exponent));
        values.push(value - 1, value, value + 1);
      }
    }
    const [native, portable] = bothEngines().map((engine) => durationsOf(engine, values));
    expect(native).toEqual(portable);
  });
});

describe('the limits of the buckets', () => {
  it('are the whole part of the powers of two, exactly', () => {
    BUCKET_LIMITS.forEach((limit, index) => {
      const target = 2n ** BigInt(40 * 64 + index);
      expect(BigInt(limit) ** 64n <= target).toBe(true);
      expect((BigInt(limit) + 1n) ** 64n > target).toBe(true);
    });
  });

  it('are in the index of every value that they close', () => {
    for (let index = 12 * 64; index < 40 * 64; index += 1) {
      const limit = Math.floor(2 ** ((index + 1) / 64));
      expect(bucketIndexOf(limit)).toBe(index);
      if (limit < 2 ** 40) expect(bucketIndexOf(limit + 1)).toBe(index + 1);
    }
  });
});

describe('readers of histograms', () => {
  const random = createRandom(TEST_SEED);
  const values = Array.from({ length: 5000 }, () => Math.floor(2 ** (11 + random() * 28)));
  const engine = engineOfKind('portable');
  const histogram = durationsOf(engine, values);

  it(`find quantiles to within a bucket (seed ${TEST_SEED})`, () => {
    const sorted = values.toSorted((a, b) => a - b);
    for (const share of [0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
      expect(quantileOf(histogram, share) / exact).toBeGreaterThan(0.956);
      expect(quantileOf(histogram, share) / exact).toBeLessThan(1.045);
    }
  });

  it('find the mean to within a bucket', () => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(meanOf(histogram) / mean).toBeGreaterThan(0.956);
    expect(meanOf(histogram) / mean).toBeLessThan(1.045);
  });

  it('answer 0 where nothing was recorded', () => {
    expect(quantileOf(EMPTY_HISTOGRAM, 0.5)).toBe(0);
    expect(meanOf(EMPTY_HISTOGRAM)).toBe(0);
    expect(mergeHistograms(EMPTY_HISTOGRAM, EMPTY_HISTOGRAM).counts).toEqual([]);
  });

  it('merge two into what one would have recorded', () => {
    const parts = [values.slice(0, 1200), [0, ...values.slice(1200)]].map((part) =>
      durationsOf(engine, part),
    );
    const [first = EMPTY_HISTOGRAM, second = EMPTY_HISTOGRAM] = parts;
    expect(mergeHistograms(first, second)).toEqual(durationsOf(engine, [0, ...values]));
    expect(mergeHistograms(EMPTY_HISTOGRAM, first)).toEqual(first);
  });

  it('merge at the coarser scale of the two', () => {
    const inRange = values.filter((value) => value > 2 ** 14 && value < 2 ** 38);
    const coarse = durationsOf(engine, inRange);
    const fine = requestDurationsOf(engine, inRange);
    expect(fine.scale).toBe(6);
    const merged = mergeHistograms(coarse, fine);
    expect(merged.scale).toBe(4);
    expect(merged).toEqual(mergeHistograms(coarse, coarse));
  });
});

function durationsOf(engine: Engine, valuesNs: readonly number[]): HistogramSnapshot {
  const recorder = engine.createRecorder(CAPACITIES);
  const id = recorder.internStatement('SELECT 1');
  for (const valueNs of valuesNs) {
    recorder.recordQuery(id, NO_HANDLE, 0, valueNs, 0, OUTCOME.ok, -1);
  }
  return recorder.snapshot().statements[0]?.durations ?? EMPTY_HISTOGRAM;
}

function requestDurationsOf(engine: Engine, valuesNs: readonly number[]): HistogramSnapshot {
  const recorder = engine.createRecorder(CAPACITIES);
  for (const valueNs of valuesNs) {
    recorder.endRequest(NO_HANDLE, 'GET /', 0, valueNs, 200, 0, OUTCOME.ok);
  }
  return recorder.snapshot().routes[0]?.durations ?? EMPTY_HISTOGRAM;
}
