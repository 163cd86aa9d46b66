/**
 * What a whole request costs: CPU of the Node process a request at fixed work, in a fresh
 * process for each run, variants in turn. CPU at fixed work is far steadier than throughput.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import pg from 'pg';

import { launchPostgres } from '../dist/cli/postgres/index.js';
import { median } from './statistics.mjs';

const VARIANTS = {
  plain: {},
  // The same again: what differs from the line above is noise.
  'plain again': {},
  'AsyncLocalStorage alone': { BENCH_CONTEXT: '1' },
  native: { BENCH_INSTRUMENTED: '1', HYPERDJANGO_ENGINE: 'native' },
  portable: { BENCH_INSTRUMENTED: '1', HYPERDJANGO_ENGINE: 'portable' },
};

/** @returns rows `{ name, cpuMicroseconds, plainRatio }`, medians over the rounds. */
export async function benchRequest({ rounds = 5, requests = 1_500, warmUp = 300 } = {}) {
  const server = await launchPostgres();
  try {
    await createTable(server.url);
    const samples = Object.fromEntries(Object.keys(VARIANTS).map((name) => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      const names = Object.keys(VARIANTS);
      // The order turns each round, so that a drift of the machine hits all alike.
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        samples[name].push(await runVariant(VARIANTS[name], server.url, requests, warmUp));
      }
    }
    const plain = median(samples.plain);
    return Object.entries(samples).map(([name, values]) => ({
      name,
      cpuMicroseconds: median(values),
      plainRatio: plain / median(values),
    }));
  } finally {
    await server.stop();
  }
}

async function createTable(url) {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('CREATE TABLE bench (id int PRIMARY KEY, name text)');
  await client.query("INSERT INTO bench SELECT i, 'name ' || i FROM generate_series(1, 1000) i");
  await client.end();
}

async function runVariant(variant, databaseUrl, requests, warmUp) {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('request-server.mjs', import.meta.url))],
    {
      env: { ...process.env, NODE_ENV: 'production', DATABASE_URL: databaseUrl, ...variant },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  try {
    const [url] = await once(createInterface({ input: child.stdout }), 'line');
    await load(`${url}/work`, warmUp);
    const before = await (await fetch(`${url}/cpu`)).json();
    await load(`${url}/work`, requests);
    const after = await (await fetch(`${url}/cpu`)).json();
    return (after.user + after.system - before.user - before.system) / requests;
  } finally {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  }
}

async function load(url, requests) {
  let left = requests;
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      while (left > 0) {
        left -= 1;
        const response = await fetch(url);
        if (!response.ok) throw new Error(`${url} answered ${response.status}`);
        await response.arrayBuffer();
      }
    }),
  );
}
