/**
 * `npm run soak`: what takes long. `npm run soak -- PART …` runs some parts only, `--scale 0.01` a
 * hundredth of it, `--seed NUMBER` repeats the random parts.
 *
 *   fuzz     the Zig core's seeded fuzzers
 *   sql      both engines read 10 million statements alike
 *   memory   10⁴ to 10⁸ queries, 10² to 10⁶ distinct statements, resident size flat
 *   workers  8 threads of a million queries, and 200 threads that are terminated
 *   kills    10,000 SIGKILLs of an application under load, and their post-mortems
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { soakKills } from './soak-kills.mjs';
import { soakMemory } from './soak-memory.mjs';
import { soakSql } from './soak-sql.mjs';
import { soakWorkers } from './soak-workers.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { scale: { type: 'string', default: '1' }, seed: { type: 'string' } },
});
const scale = Number(values.scale);
if (!(scale > 0 && scale <= 1_000)) {
  throw new RangeError('--scale: expected a number from 0 to 1000');
}
const seed = values.seed ?? String(Date.now());
if (!/^\d+$/.test(seed)) throw new RangeError('--seed: expected a whole number');
const shortSeed = Number(BigInt(seed) % 2n ** 31n);
const scaled = (least, count) => Math.max(least, Math.round(count * scale));

/** The seeded fuzzers of the Zig core. */
function fuzz(name, iterations) {
  const script = fileURLToPath(new URL('../scripts/zig.mjs', import.meta.url));
  const count = String(scaled(10, iterations));
  const { status } = spawnSync(
    process.execPath,
    [script, 'build', 'fuzz', '-Drelease', '--', name, seed, count],
    { stdio: 'inherit' },
  );
  if (status !== 0) throw new Error(`fuzz ${name}: repeat it by npm run fuzz -- ${name} ${seed}`);
}

const PARTS = {
  fuzz() {
    fuzz('ring', 2_000_000);
    fuzz('histogram', 200_000);
  },
  sql: () => soakSql({ count: scaled(1_000, 10_000_000), seed: shortSeed }),
  memory: () => soakMemory(scale),
  workers: () => soakWorkers({ scale, seed: shortSeed }),
  kills: () => soakKills({ count: scaled(10, 10_000), seed: shortSeed }),
};

const chosen = positionals.length === 0 ? Object.keys(PARTS) : positionals;
for (const part of chosen) {
  if (!Object.hasOwn(PARTS, part)) {
    throw new RangeError(`${part}: expected ${Object.keys(PARTS).join(', ')}`);
  }
}
console.log(`soak: scale ${scale}, seed ${seed}`);
for (const part of chosen) await PARTS[part]();
console.log('soak: done');
