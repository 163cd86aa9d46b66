/**
 * `npm run bench`: native beside portable, in one run, as medians and ratios. Writes the tables
 * to docs/benchmarks.md too. `--quick` runs a few rounds only, to see that it works;
 * `--whole-requests` runs that part alone, and leaves the others of the page as they are.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { measureEngines } from './engine.mjs';
import { measureOverhead } from './overhead.mjs';
import { measureQuery } from './query.mjs';
import { benchRequest } from './request.mjs';
import { measureSegments } from './segments.mjs';
import { measureAdversaries, measureSql } from './sql.mjs';
import { measureThreads } from './threads.mjs';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    // Of whole requests, which take the longest by far; and requests of each variant in a round.
    rounds: { type: 'string', default: '9' },
    requests: { type: 'string', default: '4000' },
    'whole-requests': { type: 'boolean', default: false },
  },
});
const WHOLE_REQUESTS = '## Whole requests';
const rounds = Number(values.rounds);
const requests = Number(values.requests);

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

function queryTable({ rows }) {
  return table(
    ['a query from begin to end', 'ns', '/ floor'],
    rows.map(({ name, ns, toFloor }) => [name, ns.toFixed(0), toFloor.toFixed(2)]),
  );
}

function threadTable(rows) {
  return table(
    [
      'threads that record at once',
      'million queries a second',
      '/ one thread',
      'processor time a query, ns',
    ],
    rows.map(({ threads, perSecond, toOne, cpuNs }) => [
      String(threads),
      (perSecond / 1e6).toFixed(2),
      toOne.toFixed(2),
      cpuNs.toFixed(0),
    ]),
  );
}

function segmentTable({ rows }) {
  return table(
    ['one reading of all', 'ms', 'of these on the processor'],
    rows.map(({ name, ms, cpuMs }) => [name, ms.toFixed(1), cpuMs.toFixed(1)]),
  );
}

function overheadTable(rows) {
  return table(
    ['a recorded query', 'by its own meter, ns', 'from outside, ns', 'meter / outside'],
    rows.map(({ name, meterNs, outsideNs, ratio }) => [
      name,
      meterNs.toFixed(0),
      outsideNs.toFixed(0),
      ratio.toFixed(2),
    ]),
  );
}

function requestTable({ node, rows }) {
  const interval = ({ ratio, low, high }) =>
    `${ratio.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
  return table(
    [`CPU a request of 10 queries, Node ${node}`, 'µs', 'plain / it', 'context alone / it'],
    rows.map(({ name, cpuMicroseconds, toPlain, toContext }) => [
      name,
      cpuMicroseconds.toFixed(0),
      interval(toPlain),
      interval(toContext),
    ]),
  );
}

function sqlTable(rows) {
  return table(
    ['per statement', 'ns', '/ byte loop', '/ libpg-query normalize'],
    rows.map(({ name, ns, toByteLoop, toLibpgQuery }) => [
      name,
      ns.toFixed(0),
      toByteLoop.toFixed(2),
      toLibpgQuery.toFixed(4),
    ]),
  );
}

function adversaryTable(rows) {
  return table(
    [
      'input',
      'native, ms at 100 kB',
      '400 kB / 100 kB',
      'portable, ms at 100 kB',
      '400 kB / 100 kB',
    ],
    rows.map(({ name, nativeMs, nativeGrowth, portableMs, portableGrowth }) => [
      name,
      nativeMs.toFixed(2),
      nativeGrowth.toFixed(1),
      portableMs.toFixed(2),
      portableGrowth.toFixed(1),
    ]),
  );
}

async function partsReport() {
  // Said above the table: how many statements there are, and how long.
  const sqlNotes = [];
  const query = measureQuery(values.quick ? { rounds: 3, callsPerRound: 2_000 } : {});
  const segments = await measureSegments(
    values.quick ? { processes: 4, statements: 100, rounds: 2 } : {},
  );
  return [
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
    '## Recording',
    '',
    `One query with an SQL string of ${query.bytes} bytes that was built for it, everything updated:`,
    'the slot in flight, the ring, the sums and histograms. The floor is an addon that copies the',
    'string, hashes it and reads the clock twice, and keeps nothing.',
    '',
    queryTable(query),
    '',
    'Each thread writes into an arena of its own; no more can be had than there are cores.',
    '',
    threadTable(await measureThreads(values.quick ? { rounds: 1, milliseconds: 50 } : {})),
    '',
    '### Two measures of one cost',
    '',
    "The tables above are hot loops: the same query again and again, code and memory in the processor's",
    'caches, only the calls into the engine. The overhead meter, whose figure `status().overheadNs`, the',
    'dashboard and `top` show, is taken where your application runs: of one query in 64 it times the',
    'whole of our work in JavaScript, at its begin and at its end, the scope it is booked on included,',
    'with caches that other work has filled, two readings of the clock more (whose cost it takes off),',
    'and code that is not compiled yet in the first ones. So microseconds there and nanoseconds here are',
    'one cost, measured cold and hot; after a few queries, or on a machine that is mostly idle, the cold',
    'one is several times the hot one. For your application the meter is the one to believe.',
    '',
    'The same meter in a hot loop, beside the processor time of whole rounds:',
    '',
    overheadTable(measureOverhead(values.quick ? { rounds: 3, callsPerRound: 2_000 } : {})),
    '',
    '## Reading',
    '',
    `${segments.processes} living processes of one application, ${segments.statements} statements each,`,
    'merged by another process.',
    '',
    segmentTable(segments),
    '',
    '## SQL',
    '',
    'What object mappers sent, each text in a string of its own. `npm install` in `bench/` brings more',
    'peers.',
    '',
    sqlTable(
      await measureSql({ ...(values.quick && { rounds: 2 }), log: (line) => sqlNotes.push(line) }),
    ),
    '',
    `(${sqlNotes.join('; ')})`,
    '',
    'Inputs that are quadratic for some normalisers; 4 is linear:',
    '',
    adversaryTable(measureAdversaries(values.quick ? { rounds: 1 } : {})),
    '',
  ].join('\n');
}

async function wholeRequestsReport() {
  const sizes = { rounds, requests, warmUp: 20_000 };
  const results = await benchRequest(
    values.quick ? { rounds: 1, requests: 200, warmUp: 20 } : sizes,
  );
  return [
    WHOLE_REQUESTS,
    '',
    'A Hono application on a PostgreSQL of its own, 20 connections, headers, statistics and N+1',
    'detection on. Each round starts a fresh process for each variant, and has them answer requests',
    'in slices that take turns. `plain again` shows what the noise alone does;',
    '`AsyncLocalStorage alone` is what any tool that knows requests pays. Ratios are medians of the',
    "rounds' own, in brackets 95 % of 2,000 resamplings. `npm install` in `bench/` adds OpenTelemetry",
    'and Datadog (whose spans go nowhere) and another Node.',
    '',
    'One process is up to a tenth faster or slower than the next of its kind, for as long as it lives:',
    'where `plain` is slower than `AsyncLocalStorage alone`, that is chance, and ratios to plain are',
    'flattering. The last column is then the one to go by.',
    '',
    `${rounds} rounds of ${requests} requests each, after ${sizes.warmUp} in which the compiler does its`,
    'work; of the last three lines every third round. `--rounds` and `--requests` take other numbers;',
    '`--whole-requests` measures these tables alone.',
    '',
    ...results.flatMap((result) => [requestTable(result), '']),
  ].join('\n');
}

const page = new URL('../docs/benchmarks.md', import.meta.url);
const parts = values['whole-requests']
  ? readFileSync(page, 'utf8').split(WHOLE_REQUESTS)[0]
  : `${await partsReport()}\n`;
const report = parts + (await wholeRequestsReport());
if (!values.quick) writeFileSync(page, report);
console.log(report);
