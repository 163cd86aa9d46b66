/**
 * The overhead meter beside what the same queries cost from outside: the processor's time for
 * whole rounds, less that of the same rounds without a recorder. `slow` is an engine whose `beginQuery` takes longer,
 * on purpose: the meter has to show it.
 */
import process from 'node:process';

import { engineOfKind } from '../dist/engine/load.js';
import { Recorder } from '../dist/recorder/recorder.js';
import { buildAndJoin, buildSql, CAPACITIES } from './engine.mjs';
import { median } from './statistics.mjs';

const SLOWED_BY_NS = 2_000;

/** All methods of the engine's recorder, `beginQuery` with a spin before it. */
function slowedRecorder(recorder, nowNs) {
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(recorder)).map((name) => [
    name,
    recorder[name].bind?.(recorder),
  ]);
  return {
    ...Object.fromEntries(methods),
    registers: recorder.registers,
    beginQuery(sql, requestHandle, poolWaitNs, ...more) {
      const untilNs = nowNs() + SLOWED_BY_NS;
      while (nowNs() < untilNs);
      return recorder.beginQuery(sql, requestHandle, poolWaitNs, ...more);
    },
  };
}

/** An engine that gives each `Recorder` memory of its own, and is slow on purpose where wanted. */
function engineFor(kind, isSlow) {
  const engine = engineOfKind(kind);
  const nowNs = () => engine.nowNs();
  return {
    kind,
    nowNs,
    openSegment() {
      const recorder = engine.createRecorder(CAPACITIES);
      return {
        recorder: isSlow ? slowedRecorder(recorder, nowNs) : recorder,
        path: null,
        reason: 'a benchmark',
        recordOverhead() {},
      };
    },
  };
}

function recordQueries(recorder) {
  return (count) => {
    for (let index = 0; index < count; index += 1) {
      const query = recorder.issue(buildSql(index), undefined, undefined);
      recorder.begin(query);
      recorder.end(query, 0, 1);
    }
    return count;
  };
}

/**
 * @returns {{ name: string, meterNs: number, outsideNs: number, ratio: number }[]} nanoseconds
 * for each query; `ratio` is what the meter says to what was measured.
 */
export function measureOverhead({ rounds = 15, callsPerRound = 50_000 } = {}) {
  const variants = [
    ['native', engineFor('native', false)],
    ['native, slowed by 2 µs', engineFor('native', true)],
    ['portable', engineFor('portable', false)],
  ].map(([name, engine]) => {
    const recorder = new Recorder(engine, 'a benchmark');
    return { name, recorder, run: recordQueries(recorder), samples: [] };
  });
  const building = [];
  // The processor's time, not the wall's: what else the machine does is no cost of ours.
  const nsOf = (run) => {
    const before = process.cpuUsage();
    run(callsPerRound);
    const { user, system } = process.cpuUsage(before);
    return (1_000 * (user + system)) / callsPerRound;
  };
  for (let round = -3; round < rounds; round += 1) {
    const buildingNs = nsOf(buildAndJoin);
    if (round >= 0) building.push(buildingNs);
    for (const { run, samples } of variants) {
      const ns = nsOf(run);
      if (round >= 0) samples.push(ns);
    }
  }
  return variants.map(({ name, recorder, samples }) => {
    const outsideNs = median(samples) - median(building);
    const meterNs = recorder.overheadNs();
    return { name, meterNs, outsideNs, ratio: meterNs / outsideNs };
  });
}
