/**
 * What a whole request costs: CPU of the Node process a request at fixed work, which is far
 * steadier than throughput. Each round starts a fresh process for each variant; they then work in
 * turn, a slice at a time. A machine that others use is at times half as fast as at others: in
 * turns of less than a second each, all variants of a round meet the same.
 *
 * What a server pays for as long as it runs is measured, not what it pays to start. The optimizing
 * compiler works late: of an application on Node 24 most between its 8,000th and its 14,000th
 * request, where it takes a tenth of the time and more (`node --trace-opt`). A request of another
 * kind, such as the one that asks for the time spent, has it undo some of its work. So the warm-up
 * is long, and takes the same form as the measurement.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import pg from 'pg';

import { launchPostgres } from '../dist/cli/postgres/index.js';
import { median, pairedRatio } from './statistics.mjs';

const peers = (path) => fileURLToPath(new URL(`node_modules/${path}`, import.meta.url));

/** The Node that measures, and the one that `bench/package.json` brings along. */
const NODES = [process.execPath, peers('node-24/bin/node')].filter((path) => existsSync(path));

const PLAIN = 'plain';
const CONTEXT = 'AsyncLocalStorage alone';
const SLICES = 20;
/** Rounds of which a variant that is only there for comparison takes part in one. */
const ROUNDS_OF_OTHERS = 3;
const CONNECTIONS = 20;
const VARIANTS = [
  { name: PLAIN },
  // The same again: what differs from the line above is noise.
  { name: 'plain again' },
  { name: CONTEXT, env: { BENCH_CONTEXT: '1' } },
  { name: 'native', env: { BENCH_INSTRUMENTED: '1', HYPERDJANGO_ENGINE: 'native' } },
  {
    name: 'portable',
    isOther: true,
    env: { BENCH_INSTRUMENTED: '1', HYPERDJANGO_ENGINE: 'portable' },
  },
  {
    name: 'OpenTelemetry',
    isOther: true,
    needs: peers('@opentelemetry/sdk-trace-node'),
    flags: ['--require', fileURLToPath(new URL('peers/opentelemetry.cjs', import.meta.url))],
  },
  {
    name: 'dd-trace',
    isOther: true,
    needs: peers('dd-trace'),
    flags: ['--import', peers('dd-trace/initialize.mjs')],
    env: {
      DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false',
      DD_REMOTE_CONFIGURATION_ENABLED: 'false',
      DD_TRACE_STARTUP_LOGS: 'false',
    },
  },
].filter(({ needs }) => needs === undefined || existsSync(needs));

/**
 * @returns one entry for each Node: `{ node, rows }`, rows `{ name, cpuMicroseconds, toPlain,
 * toContext }`, medians over the rounds; the ratios are `{ ratio, low, high }`, each round's own,
 * with the interval that holds 95 % of 2,000 resamplings.
 */
export async function benchRequest({ rounds, requests, warmUp }) {
  const connections = String(10 + CONNECTIONS * VARIANTS.length);
  const server = await launchPostgres({ settings: { max_connections: connections } });
  const agent = createServer((request, response) => {
    request.resume();
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await once(agent, 'listening');
  const env = {
    DATABASE_URL: server.url,
    // What Datadog's tracer sends its spans to; its work there is not the application's.
    DD_TRACE_AGENT_URL: `http://127.0.0.1:${agent.address().port}`,
  };
  try {
    await createTable(server.url);
    const results = [];
    for (const node of NODES) {
      results.push(await benchNode(node, env, { rounds, requests, warmUp }));
    }
    return results;
  } finally {
    agent.closeAllConnections();
    agent.close();
    await server.stop();
  }
}

async function benchNode(node, env, { rounds, requests, warmUp }) {
  const samples = Object.fromEntries(VARIANTS.map(({ name }) => [name, []]));
  let version = '';
  for (let round = 0; round < rounds; round += 1) {
    const runs = [];
    try {
      for (const variant of variantsOf(round)) runs.push(await startVariant(node, variant, env));
      await Promise.all(runs.map((run) => run.measure(warmUp)));
      for (const run of runs) run.cpuMicroseconds = 0;
      for (let slice = 0; slice < SLICES; slice += 1) {
        // The order turns, so that nobody always works after the same one.
        for (const run of slice % 2 === 0 ? runs : runs.toReversed()) {
          await run.measureSlice(requests / SLICES);
        }
      }
      for (const run of runs) samples[run.name][round] = run.cpuMicroseconds / requests;
      version = runs[0].version;
      const figures = runs.map(({ name }) => `${name} ${samples[name][round].toFixed(0)} µs`);
      console.error(`${version}, round ${round + 1} of ${rounds}: ${figures.join(', ')}`);
    } finally {
      for (const run of runs) await run.stop();
    }
  }
  const rows = VARIANTS.map(({ name }) => ({
    name,
    cpuMicroseconds: median(samples[name].filter(Number.isFinite)),
    toPlain: pairedRatio(samples[PLAIN], samples[name]),
    toContext: pairedRatio(samples[CONTEXT], samples[name]),
  }));
  return { node: version, rows };
}

/** In each round another one is the first. */
function variantsOf(round) {
  const taking = VARIANTS.filter(({ isOther }) => !isOther || round % ROUNDS_OF_OTHERS === 0);
  const first = round % taking.length;
  return [...taking.slice(first), ...taking.slice(0, first)];
}

async function createTable(url) {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('CREATE TABLE bench (id int PRIMARY KEY, name text)');
  await client.query("INSERT INTO bench SELECT i, 'name ' || i FROM generate_series(1, 1000) i");
  await client.end();
}

async function startVariant(node, { name, flags = [], env = {} }, environment) {
  const child = spawn(
    node,
    [...flags, fileURLToPath(new URL('request-server.mjs', import.meta.url))],
    {
      env: { ...process.env, NODE_ENV: 'production', ...environment, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const [url] = await once(createInterface({ input: child.stdout }), 'line');
  const run = {
    name,
    cpuMicroseconds: 0,
    version: '',
    async measure(requests) {
      for (let slice = 0; slice < SLICES; slice += 1) await run.measureSlice(requests / SLICES);
    },
    async measureSlice(requests) {
      const before = JSON.parse(await textOf(agent, `${url}/cpu`));
      await load(agent, `${url}/work`, requests);
      const after = JSON.parse(await textOf(agent, `${url}/cpu`));
      run.version = after.version;
      run.cpuMicroseconds += after.user + after.system - before.user - before.system;
    },
    async stop() {
      agent.destroy();
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
  return run;
}

async function load(agent, url, requests) {
  let left = requests;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left > 0) {
        left -= 1;
        await textOf(agent, url);
      }
    }),
  );
}

function textOf(agent, url) {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url}: ${response.statusCode}`));
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part));
      response.on('end', () => resolve(text)).on('error', reject);
    }).on('error', reject);
  });
}
