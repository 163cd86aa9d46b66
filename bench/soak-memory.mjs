/** Memory is taken once: neither queries nor distinct statements make it grow. */
import process from 'node:process';

import { engineOfKind } from '../dist/engine/load.js';
import { CAPACITIES } from './engine.mjs';

/**
 * Room for what the collector has not given back: V8 alone keeps or returns some 24 MiB as it
 * likes where every text is new, and the portable engine's work is all V8's.
 */
const GROWTH_MIB_MAX = { native: 16, portable: 48 };

function rssMiB() {
  globalThis.gc?.();
  return process.memoryUsage.rss() / 2 ** 20;
}

/**
 * @param {'native' | 'portable'} kind
 * @param {readonly number[]} stages how many queries there have been in all at each look; the
 * first look is what the others are compared with.
 * @param {number} statements distinct ones.
 * @returns {{ kind: string, queries: number, statements: number, rssMiB: number, evicted: number }[]}
 * a row for each stage.
 * @throws Error where the resident size grows.
 */
export function measureMemory(kind, stages, statements) {
  const recorder = engineOfKind(kind).createRecorder(CAPACITIES);
  const request = recorder.beginRequest('GET /');
  const rows = [];
  let queries = 0;
  for (const stage of stages) {
    for (; queries < stage; queries += 1) {
      const sql = `SELECT c${queries % statements} FROM t WHERE id = $1`;
      recorder.endQuery(recorder.beginQuery(sql, request, 0), 0, 1);
    }
    rows.push({ kind, queries, statements, rssMiB: rssMiB() });
  }
  const { queryCount } = recorder.snapshot();
  if (queryCount !== queries) throw new Error(`memory: ${queryCount} of ${queries} are counted`);
  const grownMiB = Math.max(...rows.map((row) => row.rssMiB)) - rows[0].rssMiB;
  if (grownMiB > GROWTH_MIB_MAX[kind]) {
    throw new Error(`memory ${kind}: grown by ${grownMiB.toFixed(1)} MiB: ${JSON.stringify(rows)}`);
  }
  return rows;
}

/** 10⁴ to `10⁸ × scale` queries of 100 statements; 10² to `10⁶ × scale` statements. */
export function soakMemory(scale, log = console.log) {
  const powers = (first, last) =>
    Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
  const upTo = (numbers, max) => numbers.filter((number) => number <= Math.max(numbers[1], max));
  const show = ({ kind, queries, statements, rssMiB: mib }) =>
    log(`memory ${kind}: ${queries} queries, ${statements} statements, ${mib.toFixed(1)} MiB`);
  // Once beforehand: the compiler adds code, and the collector's young generation grows to its
  // full size when texts are new, whoever makes them.
  for (const kind of ['native', 'portable']) measureMemory(kind, [200_000], 200_000);
  for (const kind of ['native', 'portable']) {
    for (const row of measureMemory(kind, upTo(powers(4, 8), 1e8 * scale), 100)) show(row);
    // One recorder sees them all, each statement at least once.
    const statementCounts = upTo(powers(2, 6), 1e6 * scale);
    for (const row of measureMemory(kind, statementCounts, statementCounts.at(-1))) show(row);
  }
}
