/**
 * The overhead meter beside what the same queries cost from outside: whole rounds on the clock,
 * less the same rounds without a recorder. `slow` is an engine whose `beginQuery` takes longer,
 * on purpose: the meter has to show it.
 */
import { engineOfKind } from '../dist/engine/load.js';
import { Recorder } from '../dist/recorder/recorder.js';
import { buildAndJoin, buildSql } from './engine.mjs';
import { median } from './statistics.mjs';

const SLOWED_BY_NS = 2_000;

/** The engine, with a `beginQuery` that spins. */
function slowed(engine) {
  const slowRecorder = (recorder) => {
    const beginQuery = recorder.beginQuery.bind(recorder);
    recorder.beginQuery = (...parameters) => {
      const untilNs = engine.nowNs() + SLOWED_BY_NS;
      while (engine.nowNs() < untilNs);
      return beginQuery(...parameters);
    };
    return recorder;
  };
  return new Proxy(engine, {
    get(target, name) {
      const value = target[name];
      if (typeof value !== 'function') return value;
      if (name === 'createRecorder')
        return (...given) => slowRecorder(target.createRecorder(...given));
      return value.bind(target);
    },
  });
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
    ['native', engineOfKind('native')],
    ['native, slowed by 2 µs', slowed(engineOfKind('native'))],
    ['portable', engineOfKind('portable')],
  ].map(([name, engine]) => {
    const recorder = new Recorder(engine, 'a benchmark');
    return { name, recorder, run: recordQueries(recorder), samples: [] };
  });
  const building = [];
  const nsOf = (run) => {
    const startNs = process.hrtime.bigint();
    run(callsPerRound);
    return Number(process.hrtime.bigint() - startNs) / callsPerRound;
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
