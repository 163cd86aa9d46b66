/**
 * Normalising side by side in one run: the core without Node, both engines, a plain byte loop,
 * PostgreSQL's parser in WebAssembly, and peers where they are installed (`npm install` in `bench/`).
 * Medians over rounds; each text is a string of its own, as a driver gets it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import libpgQuery from 'libpg-query';
import { engineOfKind } from '../dist/engine/load.js';
import { hostLibc, packageRoot, targetArguments, zigPath } from '../scripts/zig.mjs';
import { ADVERSARIES, createRandom, validStatement } from './sql-statements.mjs';
import { median } from './statistics.mjs';

const CORPUS = fileURLToPath(new URL('../../shared/corpus/orm/', import.meta.url));
const KNOWN = { standardConformingStrings: true };
const GENERATED_COUNT = 300;

/** What object mappers sent, where the corpus is; otherwise statements of our grammar. */
function loadStatements() {
  if (!existsSync(CORPUS)) {
    const random = createRandom(1);
    return Array.from({ length: GENERATED_COUNT }, () => validStatement(random));
  }
  return readdirSync(CORPUS).flatMap((file) =>
    readFileSync(join(CORPUS, file), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line).sql),
  );
}

/** V8 takes some ten thousand calls to settle: what is measured is warm code. */
const WARM_UP_ROUNDS = 120;

/** Mean nanoseconds a statement, the median of the rounds. */
function measure(run, statements, rounds, warmUpRounds = Math.min(WARM_UP_ROUNDS, rounds)) {
  let consumed = 0;
  const samples = [];
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    const texts = statements.map((sql) => Buffer.from(sql).toString());
    const start = process.hrtime.bigint();
    for (const text of texts) consumed += run(text) ?? 0;
    const elapsedNs = Number(process.hrtime.bigint() - start);
    if (round >= 0) samples.push(elapsedNs / statements.length);
  }
  if (Number.isNaN(consumed)) throw new Error('a measured call gave no number');
  return median(samples);
}

/** What the core costs without Node, and the byte loop in the same program. */
function measureCore(statements) {
  const folder = mkdtempSync(join(tmpdir(), 'hyperdjango-bench-'));
  try {
    const input = join(folder, 'statements');
    const program = join(folder, process.platform === 'win32' ? 'sql.exe' : 'sql');
    const parts = statements.flatMap((sql) => {
      const bytes = Buffer.from(sql);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    });
    writeFileSync(input, Buffer.concat(parts));
    const [target, cpu] = targetArguments(process.platform, process.arch, hostLibc());
    const module = ['-OReleaseSafe', '-target', target.slice('-Dtarget='.length), '-mcpu'];
    module.push(cpu.slice('-Dcpu='.length));
    const built = spawnSync(
      zigPath(),
      [
        'build-exe',
        ...['-fllvm', ...module, '--dep', 'core', '-Mroot=native/bench/sql.zig'],
        ...[...module, '-Mcore=native/src/root.zig', '-lc', `-femit-bin=${program}`],
      ],
      { cwd: packageRoot, encoding: 'utf8' },
    );
    if (built.status !== 0) throw new Error(`the core's benchmark does not build: ${built.stderr}`);
    const ran = spawnSync(program, [input], { encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(`the core's benchmark failed: ${ran.stderr}`);
    return JSON.parse(ran.stderr);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Peers are a package of their own, so that only who measures installs them. */
async function loadPeers() {
  const peers = [];
  const add = async (name, bind) => {
    try {
      peers.push({ name, run: bind(await import(name)) });
    } catch (error) {
      if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    }
  };
  await add(
    'pg-minify',
    ({ default: minify }) =>
      (sql) =>
        minify(sql).length,
  );
  await add('sql-query-identifier', ({ identify }) => (sql) => {
    return identify(sql, { dialect: 'psql', strict: false }).length;
  });
  return peers;
}

/**
 * @param {{ rounds?: number, log?: (line: string) => void }} [options]
 * @returns {Promise<{ name: string, ns: number, toByteLoop: number, toLibpgQuery: number }[]>}
 * nanoseconds a statement, and how many times the byte loop's and libpg-query's they are.
 */
export async function measureSql({ rounds = 40, log = console.log } = {}) {
  await libpgQuery.loadModule();
  const statements = loadStatements();
  const bytes = statements.reduce((sum, sql) => sum + Buffer.byteLength(sql), 0);
  log(`sql: ${statements.length} statements, ${(bytes / statements.length).toFixed(0)} bytes each`);
  const core = measureCore(statements);
  const native = engineOfKind('native');
  const portable = engineOfKind('portable');
  const attempt = (call) => (sql) => {
    try {
      return call(sql).length;
    } catch {
      return 0;
    }
  };
  const rows = [
    ['byte loop, Zig', core.byteLoop],
    ['normalise, Zig core', core.normalize],
    ['scan, Zig core', core.scan],
    [
      'normalise, native through N-API',
      measure((sql) => native.normalizeSql(sql, KNOWN).text.length, statements, rounds),
    ],
    [
      'normalise, portable',
      measure((sql) => portable.normalizeSql(sql, KNOWN).text.length, statements, rounds * 4),
    ],
    ['libpg-query normalize (wasm)', measure(attempt(libpgQuery.normalizeSync), statements, 5)],
    ['libpg-query fingerprint (wasm)', measure(attempt(libpgQuery.fingerprintSync), statements, 5)],
  ];
  for (const { name, run } of await loadPeers()) {
    rows.push([
      name,
      measure(
        (sql) => {
          try {
            return run(sql);
          } catch {
            return 0;
          }
        },
        statements,
        5,
      ),
    ]);
  }
  const byName = new Map(rows);
  return rows.map(([name, ns]) => ({
    name,
    ns,
    toByteLoop: ns / core.byteLoop,
    toLibpgQuery: ns / byName.get('libpg-query normalize (wasm)'),
  }));
}

/**
 * Inputs that are quadratic for some: milliseconds at 100 kB, and how much longer 400 kB take
 * (4 is linear).
 *
 * @returns {{ name: string, nativeMs: number, nativeGrowth: number, portableMs: number, portableGrowth: number }[]}
 */
export function measureAdversaries({ rounds = 7 } = {}) {
  const engines = [engineOfKind('native'), engineOfKind('portable')];
  return Object.entries(ADVERSARIES).map(([name, create]) => {
    const [short, long] = [create(100_000), create(400_000)];
    const [[nativeMs, nativeGrowth], [portableMs, portableGrowth]] = engines.map((engine) => {
      const [shortNs, longNs] = [short, long].map((sql) =>
        measure((text) => engine.normalizeSql(text).text.length, [sql], rounds),
      );
      return [shortNs / 1e6, longNs / shortNs];
    });
    return { name, nativeMs, nativeGrowth, portableMs, portableGrowth };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.table(await measureSql());
  console.table(measureAdversaries());
}
