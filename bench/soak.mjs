/**
 * `npm run soak`: what takes long. `--scale 0.01` runs a hundredth of it, as the tests do;
 * `--seed NUMBER` repeats the random parts.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { engineOfKind } from '../dist/engine/load.js';
import { soakSql } from './soak-sql.mjs';

const { values } = parseArgs({
  options: { scale: { type: 'string', default: '1' }, seed: { type: 'string' } },
});
const scale = Number(values.scale);
if (!(scale > 0 && scale <= 1_000))
  throw new RangeError('--scale: expected a number from 0 to 1000');
const seed = values.seed ?? String(Date.now());
if (!/^\d+$/.test(seed)) throw new RangeError('--seed: expected a whole number');

/** The seeded fuzzers of the Zig core. */
function fuzz(name, iterations) {
  const script = fileURLToPath(new URL('../scripts/zig.mjs', import.meta.url));
  const count = String(Math.max(10, Math.round(iterations * scale)));
  const { status } = spawnSync(
    process.execPath,
    [script, 'build', 'fuzz', '-Drelease', '--', name, seed, count],
    { stdio: 'inherit' },
  );
  if (status !== 0) throw new Error(`fuzz ${name}: repeat it by npm run fuzz -- ${name} ${seed}`);
}

/** Memory is taken once: neither queries nor distinct statements make it grow. */
function memoryStaysFlat(kind, queries, statements) {
  const recorder = engineOfKind(kind).createRecorder({
    inFlightQueriesMax: 1_024,
    inFlightRequestsMax: 1_024,
    recentQueriesMax: 4_096,
    recentRequestsMax: 1_024,
    statementsMax: 2_048,
    routesMax: 256,
  });
  const run = (count) => {
    for (let index = 0; index < count; index += 1) {
      const handle = recorder.beginQuery(
        `SELECT c${index % statements} FROM t WHERE id = $1`,
        0,
        0,
      );
      recorder.endQuery(handle, 0, 1);
    }
    globalThis.gc?.();
    return process.memoryUsage().rss / 2 ** 20;
  };
  const warm = run(Math.max(20_000, Math.round(queries * scale * 0.1)));
  const total = Math.max(40_000, Math.round(queries * scale));
  const grownMiB = run(total) - warm;
  const { queryCount, dropped } = recorder.snapshot();
  console.log(
    `memory ${kind}: ${queryCount} queries of ${statements} statements, ${grownMiB.toFixed(1)} MiB grown, ${dropped.statements} under other`,
  );
  // Room for what the collector has not given back yet.
  if (grownMiB > 32) throw new Error(`memory ${kind}: grown by ${grownMiB.toFixed(1)} MiB`);
}

console.log(`soak: scale ${scale}, seed ${seed}`);
fuzz('ring', 2_000_000);
fuzz('histogram', 200_000);
for (const kind of ['native', 'portable']) {
  memoryStaysFlat(kind, 10_000_000, 100);
  memoryStaysFlat(kind, 10_000_000, 1_000_000);
}
soakSql({ count: Math.max(1_000, Math.round(10_000_000 * scale)), seed: Number(seed) % 2 ** 31 });
console.log('soak: done');
