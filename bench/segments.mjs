/**
 * Reading what the processes of an application have recorded: 64 of them, alive, with 2,000
 * statements each, summed up by one reader. This file is the process as well.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { engineOfKind, fileLocks } from '../dist/engine/load.js';
import { getRecorder } from '../dist/recorder/index.js';
import { HostReader } from '../dist/segments/index.js';
import { median } from './statistics.mjs';

const FILE = fileURLToPath(import.meta.url);
const APP_NAME = 'bench';

/** Records, says so, and lives until its input is closed. */
function recordStatements(count) {
  const { core } = getRecorder();
  for (let statement = 0; statement < count; statement += 1) {
    const sql = `SELECT id, name, c${statement} FROM users JOIN orders USING (id) WHERE id = $1`;
    core.endQuery(core.beginQuery(sql, 0, 0), 0, 1);
  }
  process.stdout.write('ready\n');
  process.stdin.resume();
}

async function startProcesses(count, statements, directory) {
  const children = [];
  const startOne = async () => {
    const child = spawn(process.execPath, [FILE, String(statements)], {
      env: { ...process.env, HYPERDJANGO_DIR: directory, HYPERDJANGO_APP: APP_NAME },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(child);
    await once(child.stdout, 'data');
  };
  while (children.length < count) {
    await Promise.all(Array.from({ length: Math.min(4, count - children.length) }, startOne));
  }
  return children;
}

/** By the clock, and by the processor, which whatever else the machine does leaves alone. */
function measure(name, rounds, run) {
  const samples = [];
  const cpuSamples = [];
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    samples.push(performance.now() - startMs);
    cpuSamples.push((user + system) / 1_000);
  }
  return { name, ms: median(samples), cpuMs: median(cpuSamples) };
}

/**
 * @typedef {{ name: string, ms: number, cpuMs: number }} Row medians
 *
 * @returns {Promise<{ processes: number, statements: number, rows: Row[] }>}
 */
export async function measureSegments({ processes = 64, statements = 2_000, rounds = 15 } = {}) {
  const directory = mkdtempSync('/dev/shm/hyperdjango-bench-');
  const children = [];
  try {
    children.push(...(await startProcesses(processes, statements, directory)));
    const engine = engineOfKind('native');
    const nowNs = () => engine.nowNs();
    const options = { directory, appName: APP_NAME, locks: fileLocks(), nowNs };
    const reader = new HostReader(options);
    const sums = { histograms: false, recent: false };
    const { merged } = reader.snapshot(sums);
    if (merged.totals.queryCount !== processes * statements) {
      throw new Error(`${merged.totals.queryCount} queries are counted`);
    }
    const rows = [
      measure('counters and sums, again', rounds, () => reader.snapshot(sums)),
      measure('counters and sums, by a reader that starts', rounds, () => {
        const fresh = new HostReader(options);
        fresh.snapshot(sums);
        fresh.close();
      }),
      measure('what has ended lately too, again', rounds, () =>
        reader.snapshot({ histograms: false }),
      ),
      measure('histograms too, again', rounds, () => reader.snapshot()),
    ];
    reader.close();
    return { processes, statements, rows };
  } finally {
    for (const child of children) child.stdin.end();
    const living = children.filter(({ exitCode }) => exitCode === null);
    await Promise.all(living.map((child) => once(child, 'exit')));
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[1] === FILE) recordStatements(Number(process.argv[2]));
