/**
 * `npm run bench`: native beside portable, in one run, as medians and ratios. Writes the tables
 * to docs/benchmarks.md too. `--quick` runs a few rounds only, to see that it works.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { measureEngines } from './engine.mjs';
import { benchRequest } from './request.mjs';

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });

/** @returns a table in Markdown; numbers stand to the right. */
function table(heads, rows) {
  const lines = [heads, heads.map((_, index) => (index === 0 ? '---' : '---:')), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function engineTable(rows) {
  return table(
    ['per call', 'native, ns', 'portable, ns', 'portable / native'],
    rows.map(({ name, nativeNs, portableNs, ratio }) => [
      name,
      nativeNs.toFixed(0),
      portableNs.toFixed(0),
      ratio.toFixed(2),
    ]),
  );
}

function requestTable(rows) {
  return table(
    ['CPU per request of 10 queries', 'µs', 'plain / variant'],
    rows.map(({ name, cpuMicroseconds, plainRatio }) => [
      name,
      cpuMicroseconds.toFixed(0),
      plainRatio.toFixed(3),
    ]),
  );
}

const report = [
  '# Benchmarks',
  '',
  'Written by `npm run bench`. Medians; the variants run in turn, so that a drift of the machine',
  'hits all alike. Absolute figures are those of the machine: read the ratios.',
  '',
  `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}`,
  '',
  '## Calls',
  '',
  'Building the SQL string is measured apart and taken off. The portable engine has no other',
  'process to share its memory with, nor a thread that goes on while the event loop is stuck.',
  '',
  engineTable(await measureEngines(values.quick ? { rounds: 3, callsPerRound: 2_000 } : {})),
  '',
  '## Whole requests',
  '',
  'A Hono application on a PostgreSQL of its own, a fresh process for each run, 20 connections,',
  'headers, statistics and N+1 detection on. `plain again` shows what the noise alone does.',
  '',
  requestTable(await benchRequest(values.quick ? { rounds: 1, requests: 100, warmUp: 20 } : {})),
  '',
].join('\n');

if (!values.quick) writeFileSync(new URL('../docs/benchmarks.md', import.meta.url), report);
console.log(report);
