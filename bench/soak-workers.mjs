/**
 * Worker threads that record into one segment. Those that end by themselves keep books of their
 * own, exact to the bucket, and the merged snapshot must equal the sum of all books; those that
 * are terminated at random moments must never make a total go down. This file is the worker too.
 */
import assert from 'node:assert/strict';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import { engineOfKind, fileLocks } from '../dist/engine/load.js';
import { STATEMENT_SHAPE } from '../dist/engine/layout.js';
import { getRecorder } from '../dist/recorder/index.js';
import { Merger } from '../dist/segments/merge.js';
import { ProcessReader } from '../dist/segments/process-snapshot.js';
import { createRandom } from './sql-statements.mjs';

const STATEMENTS = 50;
const sqlOf = (statement) => `SELECT c${statement} FROM t WHERE id = $1`;

/**
 * The bucket of a duration by the definition, in whole numbers: the greatest `i` for which
 * `2^(i / 2^scale)` is below the value. Nothing of the engines' own arithmetic.
 */
function createBucketOf({ scale, exponentMin, exponentMax }) {
  const known = new Map();
  return (value) => {
    let index = known.get(value);
    if (index !== undefined) return index;
    // 2^i < value^(2^scale): one less than the bits of the power's predecessor.
    const power = BigInt(value) ** BigInt(2 ** scale);
    index = (power - 1n).toString(2).length - 1;
    index = Math.min(Math.max(index, exponentMin << scale), (exponentMax << scale) - 1);
    known.set(value, index);
    return index;
  };
}

function emptyBook() {
  return {
    calls: 0,
    errors: 0,
    rows: 0,
    totalNs: 0,
    minNs: Infinity,
    maxNs: 0,
    buckets: new Map(),
  };
}

/** Records a known number of queries, some by begin and end, and gives its books. */
function keepBooks({ queries, seed }) {
  const { core } = getRecorder();
  const random = createRandom(seed);
  const bucketOf = createBucketOf(STATEMENT_SHAPE);
  const books = Array.from({ length: STATEMENTS }, emptyBook);
  const ids = books.map((_, statement) => core.internStatement(sqlOf(statement)));
  for (let query = 0; query < queries; query += 1) {
    const statement = random.below(STATEMENTS);
    const error = random.below(10) === 0 ? 1 : 0;
    const rows = random.below(20);
    let ns;
    if (query % 4 === 0) {
      ns = core.endQuery(core.beginQuery(sqlOf(statement), 0, 0), error, rows);
    } else {
      // 1 µs to 0.3 s, each power of two as likely, and few enough values to keep them all.
      ns = (8 + random.below(8)) * 2 ** (7 + random.below(18));
      core.recordQuery(ids[statement], 0, 1_000, ns, 0, error, rows);
    }
    const book = books[statement];
    book.calls += 1;
    book.errors += error;
    book.rows += rows;
    book.totalNs += ns;
    book.minNs = Math.min(book.minNs, ns);
    book.maxNs = Math.max(book.maxNs, ns);
    const bucket = bucketOf(ns);
    book.buckets.set(bucket, (book.buckets.get(bucket) ?? 0) + 1);
  }
  parentPort.postMessage(books, []);
}

/** Records until it is terminated; two shared counters stand around each query. */
function recordForEver({ counters }) {
  const { core } = getRecorder();
  const counts = new Int32Array(counters);
  for (let query = 0; ; query += 1) {
    const request = query % 8 === 0 ? core.beginRequest('GET /') : 0;
    const startNs = core.registers[0];
    Atomics.add(counts, 0, 1);
    core.endQuery(core.beginQuery(sqlOf(query % STATEMENTS), request, 0), 0, 1);
    Atomics.add(counts, 1, 1);
    if (request !== 0) core.endRequest(request, 'GET /', startNs, 1_000, 200, 1, 0);
  }
}

function start(task, data) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { task, ...data } });
  const message = new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  // Those that are terminated send none.
  message.catch(() => {});
  return { worker, message };
}

function merge(reader, nowNs) {
  const merger = new Merger();
  for (const { records, isInUse } of reader.snapshot(nowNs()).threads) merger.add(records, isInUse);
  return merger.result();
}

function addBook(sum, book) {
  sum.calls += book.calls;
  sum.errors += book.errors;
  sum.rows += book.rows;
  sum.totalNs += book.totalNs;
  sum.minNs = Math.min(sum.minNs, book.minNs);
  sum.maxNs = Math.max(sum.maxNs, book.maxNs);
  for (const [bucket, count] of book.buckets) {
    sum.buckets.set(bucket, (sum.buckets.get(bucket) ?? 0) + count);
  }
}

/** As the books have it. */
function bookOf(statement) {
  const { callCount, errorCount, rowCount, totalNs, minNs, maxNs, durations } = statement;
  const buckets = new Map();
  durations.counts.forEach((count, index) => {
    if (count > 0) buckets.set(durations.offset + index, count);
  });
  assert.equal(durations.zeroCount, 0);
  return { calls: callCount, errors: errorCount, rows: rowCount, totalNs, minNs, maxNs, buckets };
}

/** @throws AssertionError where a count, a sum or a bucket differs from the workers' books. */
async function compareBooks(reader, nowNs, workers, queries, seed) {
  const books = await Promise.all(
    Array.from(
      { length: workers },
      (_, index) => start('keep books', { queries, seed: seed + index }).message,
    ),
  );
  const merged = merge(reader, nowNs);
  const wanted = Array.from({ length: STATEMENTS }, emptyBook);
  for (const each of books) each.forEach((book, statement) => addBook(wanted[statement], book));
  const byText = new Map(merged.statements.map((row) => [row.text, row]));
  const all = emptyBook();
  wanted.forEach((book, statement) => {
    const row = byText.get(sqlOf(statement));
    assert.ok(row, `no row for statement ${statement}`);
    assert.deepEqual(bookOf(row), book, `statement ${statement}`);
    addBook(all, book);
  });
  const { totals, durations } = merged;
  assert.deepEqual(
    [totals.queryCount, totals.errorCount, totals.rowCount, totals.totalNs],
    [all.calls, all.errors, all.rows, all.totalNs],
  );
  assert.equal(
    durations.counts.reduce((sum, count) => sum + count, durations.zeroCount),
    all.calls,
  );
  return all.calls;
}

/** What must never go down: sums, and the calls of each statement and route. */
function watchTotals() {
  const highest = new Map();
  return (merged) => {
    const now = Object.entries(merged.totals);
    now.push(['histogram', merged.durations.counts.reduce((sum, count) => sum + count, 0)]);
    for (const { text, callCount, totalNs } of merged.statements) {
      now.push([`calls of ${text}`, callCount], [`time of ${text}`, totalNs]);
    }
    for (const { route, requestCount } of merged.routes)
      now.push([`requests ${route}`, requestCount]);
    for (const [name, value] of now) {
      assert.ok(value >= (highest.get(name) ?? 0), `${name} went down to ${value}`);
      highest.set(name, value);
    }
    const names = new Set(now.map(([name]) => name));
    for (const name of highest.keys()) assert.ok(names.has(name), `${name} is gone`);
  };
}

async function terminateAtRandom(reader, nowNs, workers, terminations, seed) {
  const random = createRandom(seed);
  const before = merge(reader, nowNs).totals.queryCount;
  const check = watchTotals();
  const counters = [];
  const startOne = () => {
    const counter = new SharedArrayBuffer(8);
    counters.push(new Int32Array(counter));
    return start('record for ever', { counters: counter }).worker;
  };
  const running = Array.from({ length: workers }, startOne);
  for (let count = 0; count < terminations; count += 1) {
    await new Promise((resolve) => setTimeout(resolve, random.below(30)));
    check(merge(reader, nowNs));
    const which = random.below(running.length);
    const ended = running[which].terminate();
    check(merge(reader, nowNs));
    await ended;
    running[which] = startOne();
  }
  await Promise.all(running.map((worker) => worker.terminate()));
  const merged = merge(reader, nowNs);
  check(merged);
  const [begun, ended] = [0, 1].map((which) =>
    counters.reduce((sum, counter) => sum + Atomics.load(counter, which), 0),
  );
  const counted = merged.totals.queryCount - before;
  assert.ok(ended <= counted && counted <= begun, `${ended} <= ${counted} <= ${begun}`);
  return { counted, begun, ended };
}

/** @param {{ scale: number, seed: number, log?: (line: string) => void }} options */
export async function soakWorkers({ scale, seed, log = console.log }) {
  const { segment } = getRecorder();
  assert.ok(segment.path, `no segment: ${segment.reason}`);
  const engine = engineOfKind('native');
  const nowNs = () => engine.nowNs();
  const reader = ProcessReader.open(segment.path, fileLocks());
  const queries = Math.max(1_000, Math.round(1_000_000 * scale));
  const counted = await compareBooks(reader, nowNs, 8, queries, seed);
  log(`workers: 8 times ${queries} queries, counts, sums and histograms of ${counted} are equal`);
  const terminations = Math.max(10, Math.round(200 * scale));
  const result = await terminateAtRandom(reader, nowNs, 8, terminations, seed);
  log(`workers: ${terminations} terminated, no total went down, ${JSON.stringify(result)}`);
  reader.close();
}

if (!isMainThread) {
  if (workerData.task === 'keep books') keepBooks(workerData);
  else recordForEver(workerData);
} else if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [scale = '1', seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
  console.log(`workers: scale ${scale}, seed ${seed}`);
  await soakWorkers({ scale: Number(scale), seed: Number(seed) });
}
