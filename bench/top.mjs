/**
 * How long `hyperdjango top --json` takes from its start to its first line, of which it prints one:
 * what a process with a blocked event loop is in the middle of. Beside it Node's own start, which
 * is most of it. `node bench/top.mjs [ROUNDS]`; this file is the blocked process as well.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { getRecorder } from '../dist/recorder/index.js';
import { median } from './statistics.mjs';

const FILE = fileURLToPath(import.meta.url);
const TOP = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** Begins a request and a query, and never comes back. */
function block() {
  const { core } = getRecorder();
  core.beginQuery('SELECT * FROM orders WHERE id = $1', core.beginRequest('GET /import'), 0);
  process.stdout.write('blocked\n');
  for (;;);
}

/** What all threads of a process had of the processors so far. */
function cpuMsOf(pid) {
  const tasks = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(tasks).map((thread) =>
    Number(readFileSync(`${tasks}/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, ns) => sum + ns, 0) / 1e6;
}

/** Until the first line has come; by the clock, and by the processor. */
async function startOnce(args, directory) {
  const startMs = performance.now();
  const child = spawn(process.execPath, args, {
    env: { ...process.env, HYPERDJANGO_DIR: directory },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const [first] = await once(child.stdout, 'data');
  const ms = performance.now() - startMs;
  const cpuMs = cpuMsOf(child.pid);
  child.stdout.resume();
  await exit;
  return { ms, cpuMs, text: String(first) };
}

/**
 * @typedef {{ name: string, ms: number, leastMs: number, cpuMs: number }} Row medians; the least
 *
 * @returns {Promise<Row[]>}
 */
export async function measureTop({ rounds = 15 } = {}) {
  const directory = mkdtempSync('/dev/shm/hyperdjango-bench-');
  const blocked = spawn(process.execPath, [FILE, '--block'], {
    env: { ...process.env, HYPERDJANGO_DIR: directory },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(blocked.stdout, 'data');
    const samples = { 'node, its own start': [], 'top --json': [] };
    // The process that prints stays until it was looked at.
    const bare = ['-e', "process.stdout.write('{}\\n'); setTimeout(() => {}, 50)"];
    for (let round = 0; round < rounds; round += 1) {
      samples['node, its own start'].push(await startOnce(bare, directory));
      const sample = await startOnce([TOP, 'top', '--json'], directory);
      if (!sample.text.includes('GET /import')) throw new Error(`top says: ${sample.text}`);
      samples['top --json'].push(sample);
    }
    return Object.entries(samples).map(([name, runs]) => ({
      name,
      ms: median(runs.map(({ ms }) => ms)),
      leastMs: Math.min(...runs.map(({ ms }) => ms)),
      cpuMs: median(runs.map(({ cpuMs }) => cpuMs)),
    }));
  } finally {
    blocked.kill('SIGKILL');
    await once(blocked, 'exit');
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[2] === '--block') {
  block();
} else if (process.argv[1] === FILE) {
  for (const { name, ms, leastMs, cpuMs } of await measureTop({
    rounds: Number(process.argv[2] ?? 15),
  })) {
    const clock = `${ms.toFixed(0)} ms (at least ${leastMs.toFixed(0)})`;
    console.log(`${name}: first line after ${clock}, ${cpuMs.toFixed(0)} ms of the processor`);
  }
}
