import { type HistogramSnapshot, VERDICT } from '../engine/engine.ts';
import { lowerBoundOf } from '../engine/histogram.ts';
import { fileLocks } from '../engine/load.ts';
import { segmentDirectory } from '../engine/segment-directory.ts';
import type { Recorder } from '../recorder/index.ts';
import {
  endedQueriesOf,
  type HostSnapshot,
  type ProcessSnapshot,
  SnapshotSource,
} from '../segments/index.ts';
import { type PerformanceStats, RECENT_MAX, type SlowQuery } from './stats.ts';

/** Looks at what this process has written down, or all processes of its application. */
export type Look = (scope: 'process' | 'host', options: LookOptions) => HostSnapshot;

export interface LookOptions {
  /** Those of statements and routes, which take most of the time. */
  readonly histograms: boolean;
  /** @defaultValue true */
  readonly recent?: boolean;
}

export function createLook({ segment, engine }: Recorder): Look {
  const source = new SnapshotSource(segment, {
    directory: segmentDirectory(),
    locks: fileLocks(),
    nowNs: () => engine.nowNs(),
  });
  return (scope, options) => source.snapshot({ scope, ...options });
}

/**
 * The figures of all processes of an application together, from what they have written down.
 * Here a request or query counts whichever middleware saw it, and slow queries are counted by
 * histogram: to within 1.1 % of the threshold.
 */
export function hostStatsOf(
  { merged, processes }: HostSnapshot,
  slowQueryThresholdMs: number,
): PerformanceStats {
  const { requestCount, queryCount } = merged.totals;
  const inRequests = merged.routes.reduce((sum, route) => sum + route.queryCount, 0);
  const patterns = merged.findings.filter(({ verdict }) => verdict === VERDICT.nPlusOne);
  const texts = patterns.map(({ text }) => text).filter((text) => text !== '');
  const slow = processes.flatMap((process) => slowQueriesOf(process, slowQueryThresholdMs * 1e6));
  return {
    totalRequests: requestCount,
    totalQueries: inRequests,
    avgQueriesPerRequest: requestCount === 0 ? 0 : inRequests / requestCount,
    slowQueryCount: countFrom(merged.durations, slowQueryThresholdMs * 1e6),
    nPlusOneCount: patterns.reduce((sum, { count }) => sum + count, 0),
    recentSlowQueries: slow.sort((a, b) => b.timestamp - a.timestamp).slice(0, RECENT_MAX),
    recentNPlusOne: [...new Set(texts)].slice(0, RECENT_MAX),
    unscopedQueries: Math.max(0, queryCount - inRequests),
    lateQueries: null,
    // Reasons stay in the process that gives them.
    ignores: [],
  };
}

/** Those in buckets whose middle lies at the threshold or over it. */
function countFrom({ scale, offset, counts, zeroCount }: HistogramSnapshot, ns: number): number {
  const fromBuckets = counts.reduce(
    (sum, count, bucket) => (lowerBoundOf(scale, offset + bucket + 0.5) >= ns ? sum + count : sum),
    0,
  );
  return ns === 0 ? fromBuckets + zeroCount : fromBuckets;
}

/** As far as the rings remember. */
function slowQueriesOf(process: ProcessSnapshot, fromNs: number): SlowQuery[] {
  return endedQueriesOf(process, RECENT_MAX, ({ durationNs }) => durationNs >= fromNs).map(
    ({ text, elapsedNs, route, startedAt, sqlState }): SlowQuery => ({
      sql: text,
      durationMs: elapsedNs / 1e6,
      route: route ?? null,
      timestamp: startedAt,
      // Stacks stay in the process that took them.
      callSite: null,
      sqlState: sqlState ?? null,
    }),
  );
}
