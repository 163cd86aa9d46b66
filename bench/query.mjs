/**
 * One query from begin to end, with an SQL string built anew each time and everything updated,
 * beside the least that it could cost (`floor/`), in one run.
 */
import { engineOfKind } from '../dist/engine/load.js';
import { buildAndJoin, buildSql, CAPACITIES } from './engine.mjs';
import { loadFloor } from './floor/floor.mjs';
import { median } from './statistics.mjs';

function recordQueries(kind) {
  const recorder = engineOfKind(kind).createRecorder(CAPACITIES);
  const request = recorder.beginRequest('GET /users/:id');
  return (count) => {
    let sum = 0;
    for (let index = 0; index < count; index += 1) {
      const handle = recorder.beginQuery(buildSql(index), request, 0);
      sum += recorder.registers[0] + recorder.endQuery(handle, 0, 1);
    }
    return sum;
  };
}

function touchFloor() {
  const floor = loadFloor();
  return (count) => {
    for (let index = 0; index < count; index += 1) {
      floor.begin(buildSql(index));
      floor.end();
    }
    return floor.total();
  };
}

/**
 * @returns {{ bytes: number, rows: { name: string, ns: number, toFloor: number }[] }} medians,
 * without what building the SQL costs.
 */
export function measureQuery({ rounds = 31, callsPerRound = 50_000 } = {}) {
  const variants = [
    { name: 'building the string', run: buildAndJoin },
    { name: 'floor: copy, hash, two clock reads', run: touchFloor() },
    { name: 'native', run: recordQueries('native') },
    { name: 'portable', run: recordQueries('portable') },
  ];
  const samples = variants.map(() => []);
  let consumed = 0;
  // The first rounds are the compiler's.
  for (let round = -3; round < rounds; round += 1) {
    for (let turn = 0; turn < variants.length; turn += 1) {
      const which = (turn + round + variants.length) % variants.length;
      const startNs = process.hrtime.bigint();
      consumed += variants[which].run(callsPerRound);
      const ns = Number(process.hrtime.bigint() - startNs) / callsPerRound;
      if (round >= 0) samples[which].push(ns);
    }
  }
  if (Number.isNaN(consumed)) throw new Error('a measured call gave no number');
  const [buildingNs, floorNs, ...rest] = samples.map(median);
  const rows = [floorNs, ...rest].map((ns, index) => ({
    name: variants[index + 1].name,
    ns: ns - buildingNs,
    toFloor: (ns - buildingNs) / (floorNs - buildingNs),
  }));
  return { bytes: buildSql(0).length, rows };
}
