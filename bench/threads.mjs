/**
 * 1, 2, 4 and 8 threads that record at once, each into its own arena: nothing is shared between
 * writers, so they should scale with the cores that there are. This file is the worker as well.
 */
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import { getRecorder } from '../dist/recorder/index.js';
import { buildSql } from './engine.mjs';
import { median } from './statistics.mjs';

const CHUNK = 1_000;

function recordChunk(core) {
  for (let index = 0; index < CHUNK; index += 1) {
    core.endQuery(core.beginQuery(buildSql(index), 0, 0), 0, 1);
  }
}

/** Counts what it records while the shared flag is up. */
function work() {
  const { core } = getRecorder();
  const shared = new Int32Array(workerData);
  for (let warm = 0; warm < 20; warm += 1) recordChunk(core);
  parentPort.postMessage('ready', []);
  Atomics.wait(shared, 0, 0);
  let queries = 0;
  while (Atomics.load(shared, 0) === 1) {
    recordChunk(core);
    queries += CHUNK;
  }
  parentPort.postMessage(queries, []);
}

const nextMessage = (worker) =>
  new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });

/** Of all threads together: queries per second, and processor time for each of them. */
async function measure(threadCount, milliseconds) {
  const flag = new SharedArrayBuffer(4);
  const shared = new Int32Array(flag);
  const workers = Array.from(
    { length: threadCount },
    () => new Worker(fileURLToPath(import.meta.url), { workerData: flag }),
  );
  await Promise.all(workers.map(nextMessage));
  const counts = Promise.all(workers.map(nextMessage));
  const startMs = performance.now();
  const before = process.cpuUsage();
  Atomics.store(shared, 0, 1);
  Atomics.notify(shared, 0);
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  Atomics.store(shared, 0, 2);
  const seconds = (performance.now() - startMs) / 1_000;
  const queries = (await counts).reduce((sum, each) => sum + each, 0);
  const { user, system } = process.cpuUsage(before);
  await Promise.all(workers.map((worker) => worker.terminate()));
  return { perSecond: queries / seconds, cpuNs: (1_000 * (user + system)) / queries };
}

/**
 * @typedef {{ threads: number, perSecond: number, toOne: number, cpuNs: number }} Row medians;
 * `toOne` is how much more than one thread alone. `cpuNs` rises where writers disturb one another,
 * and not where there is no processor for them.
 *
 * @returns {Promise<Row[]>}
 */
export async function measureThreads({ rounds = 5, milliseconds = 500 } = {}) {
  const threadCounts = [1, 2, 4, 8];
  const samples = threadCounts.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, threads] of threadCounts.entries()) {
      samples[index].push(await measure(threads, milliseconds));
    }
  }
  const rows = threadCounts.map((threads, index) => ({
    threads,
    perSecond: median(samples[index].map(({ perSecond }) => perSecond)),
    cpuNs: median(samples[index].map(({ cpuNs }) => cpuNs)),
  }));
  return rows.map((row) => ({ ...row, toOne: row.perSecond / rows[0].perSecond }));
}

if (!isMainThread) work();
