/**
 * Both engines side by side in one process, in alternating order, medians of many short rounds.
 * SQL is built anew for each call, as object mappers do; what building it costs is measured
 * apart and taken off.
 */
import { engineOfKind } from '../dist/engine/load.js';

export const CAPACITIES = {
  inFlightQueriesMax: 1024,
  inFlightRequestsMax: 1024,
  recentQueriesMax: 4096,
  recentRequestsMax: 1024,
  statementsMax: 2048,
  routesMax: 256,
};

const COLUMNS = [
  'id',
  'name',
  'email',
  'status',
  'created_at',
  'updated_at',
  'deleted_at',
  'organisation_id',
]
  .map((column) => `"users"."${column}"`)
  .join(', ');

/** 222 bytes, the same statement each time in a string of its own. */
export function buildSql(index) {
  return `SELECT ${COLUMNS} FROM "users" WHERE "users"."id" = $1 AND "x" = $2 LIMIT ${10 + (index % 8)}`;
}

/** The first thing that reads a character joins the pieces that the string was built from. */
export function buildAndJoin(count) {
  let sum = 0;
  for (let index = 0; index < count; index += 1) sum += buildSql(index).charCodeAt(index % 64);
  return sum;
}

/** Each takes an engine and gives a function that makes `count` calls and uses what they give. */
const MEASURES = [
  {
    name: 'clock',
    create: (engine) => (count) => {
      let sum = 0;
      for (let index = 0; index < count; index += 1) sum += engine.nowNs();
      return sum;
    },
  },
  {
    name: `normalise ${buildSql(0).length} bytes`,
    buildsSql: true,
    create: (engine) => (count) => {
      let sum = 0;
      for (let index = 0; index < count; index += 1) {
        sum += engine.normalizeSql(buildSql(index)).text.length;
      }
      return sum;
    },
  },
  {
    name: 'begin and end a query',
    buildsSql: true,
    create: (engine) => {
      const recorder = engine.createRecorder(CAPACITIES);
      return (count) => {
        let sum = 0;
        for (let index = 0; index < count; index += 1) {
          const handle = recorder.beginQuery(buildSql(index), 0, 0);
          sum += recorder.registers[0] + recorder.endQuery(handle, 0, 1);
        }
        return sum;
      };
    },
  },
  {
    name: 'find a statement seen before',
    buildsSql: true,
    create: (engine) => {
      const recorder = engine.createRecorder(CAPACITIES);
      return (count) => {
        let sum = 0;
        for (let index = 0; index < count; index += 1)
          sum += recorder.internStatement(buildSql(index));
        return sum;
      };
    },
  },
  {
    name: 'record an ended query',
    create: (engine) => {
      const recorder = engine.createRecorder(CAPACITIES);
      const id = recorder.internStatement(buildSql(0));
      return (count) => {
        for (let index = 0; index < count; index += 1) {
          recorder.recordQuery(id, 0, index, 1_000_000 + index, 0, 0, 1);
        }
        return count;
      };
    },
  },
  {
    name: 'begin and end a request',
    create: (engine) => {
      const recorder = engine.createRecorder(CAPACITIES);
      return (count) => {
        let sum = 0;
        for (let index = 0; index < count; index += 1) {
          const handle = recorder.beginRequest('');
          const startNs = recorder.registers[0];
          recorder.endRequest(handle, 'GET /users/:id', startNs, 1_000_000 + index, 200, 3, 0);
          sum += startNs;
        }
        return sum;
      };
    },
  },
];

let consumed = 0;

function nsPerCall(run, callsPerRound) {
  const start = process.hrtime.bigint();
  consumed += run(callsPerRound);
  return Number(process.hrtime.bigint() - start) / callsPerRound;
}

function medianOf(samples) {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)];
}

/** One measure on both engines, in turn. */
function measure({ name, create, buildsSql = false }, engines, rounds, callsPerRound) {
  const runs = engines.map((engine) => create(engine));
  const samples = engines.map(() => []);
  const building = [];
  // The first rounds are the compiler's.
  for (let round = -3; round < rounds; round += 1) {
    const buildNs = buildsSql ? nsPerCall(buildAndJoin, callsPerRound) : 0;
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    const ns = [];
    for (const which of order) ns[which] = nsPerCall(runs[which], callsPerRound);
    if (round < 0) continue;
    building.push(buildNs);
    ns.forEach((value, which) => samples[which].push(value));
  }
  const [nativeNs, portableNs] = samples.map((each) => medianOf(each) - medianOf(building));
  return { name, nativeNs, portableNs, ratio: portableNs / nativeNs };
}

/**
 * @param {{ rounds?: number, callsPerRound?: number }} [options]
 * @returns {Promise<{ name: string, nativeNs: number, portableNs: number, ratio: number }[]>}
 * nanoseconds for each call, without what building the SQL costs; `ratio` is portable to native.
 */
export async function measureEngines({ rounds = 15, callsPerRound = 50_000 } = {}) {
  const engines = [engineOfKind('native'), engineOfKind('portable')];
  const rows = MEASURES.map((entry) => measure(entry, engines, rounds, callsPerRound));
  if (Number.isNaN(consumed)) throw new Error('a measured call gave no number');
  return rows;
}
