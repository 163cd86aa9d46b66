import type { RecorderTotals } from '../../engine/engine.ts';
import { endedJson, isoOf, queryJson, requestJson } from '../json.ts';
import type { Death } from './death.ts';
import { sentenceOf } from './describe.ts';

/** What `hyperdjango postmortem --json` prints: durations in milliseconds. */
export function deathJsonOf(death: Death): object {
  const { process, cause } = death;
  return {
    pid: process.pid,
    generation: process.generation,
    app: process.appName,
    script: process.scriptName,
    runtime: process.runtimeVersion,
    engine: process.engine,
    startedAt: isoOf(process.startedAt),
    /** The last sign of life: it died then, or within a heartbeat of it. */
    diedAt: isoOf(process.aliveAt),
    cause: cause.kind,
    exitCode: cause.kind === 'exited' ? cause.code : null,
    summary: sentenceOf(cause),
    requestsInFlight: death.requests.map(requestJson),
    queriesOutsideRequests: death.otherQueries.map(queryJson),
    busyLoops: death.busyLoops.map(({ threadId, busyNs }) => ({ threadId, busyMs: busyNs / 1e6 })),
    lastQueries: death.lastQueries.map((query) => ({
      ...endedJson(query),
      endedBeforeMs: query.endedBeforeNs / 1e6,
    })),
    poolTimeouts: sumOf(death, ({ poolTimeoutCount }) => poolTimeoutCount),
    faults: sumOf(death, ({ faultCount }) => faultCount),
    problems: process.problems,
  };
}

function sumOf({ process }: Death, of: (totals: RecorderTotals) => number): number {
  return process.threads.reduce((sum, { records }) => sum + of(records.totals), 0);
}
