import type { DashboardData } from '../../../src/dashboard/data.ts';
import { HOSTILE_TEXTS } from './hostile-texts.ts';
import { createEmptyData, createStats, SAMPLE_NOW } from './sample-data.ts';

/** Every text of the page is each of the hostile ones in turn. */
export function createHostileData(): DashboardData {
  return createEmptyData({
    app: `shop ${HOSTILE_TEXTS[0]}`,
    stats: createStats({
      totalRequests: HOSTILE_TEXTS.length,
      slowQueryCount: 1,
      nPlusOneCount: 1,
    }),
    slowQueries: HOSTILE_TEXTS.map((text, index) => ({
      sql: text,
      durationMs: 1000 - index,
      route: `GET ${text}`,
      timestamp: SAMPLE_NOW - index,
      callSite: text,
      models: [text],
    })),
    nPlusOne: HOSTILE_TEXTS.map((text, index) => ({
      sql: text,
      route: `GET ${text}`,
      requestCount: 1,
      runCount: 100 - index,
      runCountMax: 100 - index,
      totalMs: 10,
      isParallel: false,
      callSite: text,
      models: [text],
      batched: { sql: text, advice: text },
      timestamp: SAMPLE_NOW - index,
    })),
    requests: HOSTILE_TEXTS.map((text, index) => ({
      id: index,
      pid: 4711,
      method: text.slice(0, 20),
      route: text,
      status: 200,
      startedAt: SAMPLE_NOW - index,
      durationMs: 1 + index,
      queryCount: 1,
      queryMs: 0.5,
      slowCount: 1,
      nPlusOneCount: 1,
      aborted: false,
    })),
    statements: HOSTILE_TEXTS.map((text, index) => ({
      sql: text,
      fingerprint: index.toString(16).padStart(16, '0'),
      calls: 1,
      errors: 0,
      rows: 1,
      totalMs: 100 - index,
      meanMs: 1,
      p50Ms: 1,
      p95Ms: 1,
      p99Ms: 1,
      maxMs: 1,
      poolWaitMs: 0,
      callSites: [text, text],
      models: [text, text],
    })),
    pools: HOSTILE_TEXTS.map((text, index) => ({
      name: `${index} ${text}`.slice(0, 300),
      total: 1,
      idle: 1,
      active: 0,
      waiting: 0,
      max: 1,
      where: text.slice(0, 300),
      ageMs: 0,
      times: null,
    })),
    notes: HOSTILE_TEXTS.filter((text, index) => HOSTILE_TEXTS.indexOf(text) === index),
    status: {
      engine: 'portable',
      reason: HOSTILE_TEXTS[2] ?? '',
      overheadNs: 1,
      dropped: {},
    },
  });
}
