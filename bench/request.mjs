/**
 * What a whole request costs: CPU of the Node process a request at fixed work, in a fresh
 * process for each run, variants in turn. CPU at fixed work is far steadier than throughput.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import pg from 'pg';

import { launchPostgres } from '../dist/cli/postgres/index.js';
import { median, ratioInterval } from './statistics.mjs';

const peers = (path) => fileURLToPath(new URL(`node_modules/${path}`, import.meta.url));

/** The Node that measures, and the one that `bench/package.json` brings along. */
const NODES = [process.execPath, peers('node-24/bin/node')].filter((path) => existsSync(path));

const PLAIN = 'plain';
const CONTEXT = 'AsyncLocalStorage alone';
const VARIANTS = [
  { name: PLAIN },
  // The same again: what differs from the line above is noise.
  { name: 'plain again' },
  { name: CONTEXT, env: { BENCH_CONTEXT: '1' } },
  { name: 'native', env: { BENCH_INSTRUMENTED: '1', HYPERDJANGO_ENGINE: 'native' } },
  { name: 'portable', env: { BENCH_INSTRUMENTED: '1', HYPERDJANGO_ENGINE: 'portable' } },
  {
    name: 'OpenTelemetry',
    needs: peers('@opentelemetry/sdk-trace-node'),
    flags: ['--require', fileURLToPath(new URL('peers/opentelemetry.cjs', import.meta.url))],
  },
  {
    name: 'dd-trace',
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
 * toContext }`, medians over the rounds; the ratios are `{ ratio, low, high }`, with the interval
 * that holds 95 % of 2,000 resamplings.
 */
export async function benchRequest({ rounds = 15, requests = 15_000, warmUp = 3_000 } = {}) {
  const server = await launchPostgres();
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
    // The order turns each round, so that a drift of the machine hits all alike.
    for (const variant of round % 2 === 0 ? VARIANTS : VARIANTS.toReversed()) {
      const run = await runVariant(node, variant, env, requests, warmUp);
      samples[variant.name].push(run.cpuMicroseconds);
      version = run.version;
    }
  }
  const rows = VARIANTS.map(({ name }) => ({
    name,
    cpuMicroseconds: median(samples[name]),
    toPlain: ratioInterval(samples[PLAIN], samples[name]),
    toContext: ratioInterval(samples[CONTEXT], samples[name]),
  }));
  return { node: version, rows };
}

async function createTable(url) {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('CREATE TABLE bench (id int PRIMARY KEY, name text)');
  await client.query("INSERT INTO bench SELECT i, 'name ' || i FROM generate_series(1, 1000) i");
  await client.end();
}

async function runVariant(node, { flags = [], env = {} }, environment, requests, warmUp) {
  const child = spawn(
    node,
    [...flags, fileURLToPath(new URL('request-server.mjs', import.meta.url))],
    {
      env: { ...process.env, NODE_ENV: 'production', ...environment, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  try {
    const [url] = await once(createInterface({ input: child.stdout }), 'line');
    await load(agent, `${url}/work`, warmUp);
    const before = JSON.parse(await textOf(agent, `${url}/cpu`));
    await load(agent, `${url}/work`, requests);
    const after = JSON.parse(await textOf(agent, `${url}/cpu`));
    return {
      version: after.version,
      cpuMicroseconds: (after.user + after.system - before.user - before.system) / requests,
    };
  } finally {
    agent.destroy();
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  }
}

async function load(agent, url, requests) {
  let left = requests;
  await Promise.all(
    Array.from({ length: 20 }, async () => {
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
