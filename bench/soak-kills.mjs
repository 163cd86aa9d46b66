/**
 * SIGKILLs of a real HyperApp on a real PostgreSQL under load, at random moments, and whether each
 * post-mortem is right. `node bench/soak-kills.mjs [COUNT] [SEED]`; a seed repeats the moments,
 * as far as a machine repeats anything.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { deathsOf } from '../dist/cli/postmortem/death.js';
import { launchPostgres } from '../dist/cli/postgres/index.js';
import { engineOfKind, fileLocks } from '../dist/engine/load.js';
import { HostReader } from '../dist/segments/index.js';
import { ProcessReader } from '../dist/segments/process-snapshot.js';
import { bundleVictim } from './kills/bundle.mjs';
import { judge } from './kills/judge.mjs';
import { JOURNAL_FD, readJournal } from './kills/journal.mjs';
import { startLoad } from './kills/load.mjs';
import { createRandom } from './sql-statements.mjs';

const APP_NAME = 'kills';
const LANES = 6;
/** Victims at a time: starting one takes most of its life. */
const VICTIMS = 2;
const engine = engineOfKind('native');
const nowNs = () => engine.nowNs();

class Kills {
  #random;
  #directory;
  #databaseUrl;
  #start;
  #startedCount = 0;
  counts = { kills: 0, early: 0, named: 0, idle: 0, withoutSegment: 0, records: 0, torn: 0 };
  faults = [];
  /** Of all victims, what their segments said at their death. */
  queryCount = 0;

  /** @param start what `bundleVictim` gave. */
  constructor(random, directory, databaseUrl, start) {
    this.#random = random;
    this.#directory = directory;
    this.#databaseUrl = databaseUrl;
    this.#start = start;
  }

  /** The one that is not killed: it leaves V8's code of what it ran to all others. */
  async warmUp() {
    const journal = openSync(join(this.#directory, 'journal-0'), 'a+', 0o600);
    const child = this.#spawn(journal, ['--make-cache'], `${APP_NAME}-first`);
    const exit = once(child, 'exit');
    const port = await portOf(child, exit);
    const load = startLoad(port, LANES, () => setTimeout(() => child.kill('SIGTERM'), 200));
    const [code] = await exit;
    load.stop();
    closeSync(journal);
    if (code !== 0) throw new Error(`the first victim ended with ${code}`);
  }

  /** Victim after victim, until there were enough. */
  async run(count) {
    while (this.#startedCount < count) {
      this.#startedCount += 1;
      await this.#killOne(this.#startedCount);
    }
  }

  async #killOne(number) {
    const journalPath = join(this.#directory, `journal-${number}`);
    const journal = openSync(journalPath, 'a+', 0o600);
    rmSync(journalPath);
    const child = this.#spawn(journal, [], APP_NAME);
    const exit = once(child, 'exit');
    let load;
    try {
      // One in sixteen dies while it starts, with or without a segment.
      const isEarly = this.#random.below(16) === 0;
      const kill = () => child.kill('SIGKILL');
      if (isEarly) {
        setTimeout(kill, this.#random.below(400));
      } else {
        const port = await portOf(child, exit);
        const microseconds = this.#random.below(40_000);
        load = startLoad(port, LANES, () => setTimeout(kill, microseconds / 1_000));
      }
      await exit;
      this.#judge(number, child.pid, readJournal(journal), load?.sent ?? new Map());
    } finally {
      child.kill('SIGKILL');
      load?.stop();
      closeSync(journal);
    }
  }

  #spawn(journal, options, appName) {
    const stdio = ['ignore', 'pipe', 'inherit'];
    stdio[JOURNAL_FD] = journal;
    return spawn(process.execPath, [...this.#start, ...options, String(LANES), appName], {
      env: {
        ...process.env,
        DATABASE_URL: this.#databaseUrl,
        HYPERDJANGO_DIR: this.#directory,
        HYPERDJANGO_ENGINE: 'native',
        NODE_ENV: 'production',
      },
      stdio,
    });
  }

  #judge(number, pid, notes, sent) {
    this.counts.kills += 1;
    if (sent.size === 0) this.counts.early += 1;
    const name = readdirSync(this.#directory).find(
      (each) => each.startsWith(`${pid}-`) && each.endsWith('.segment'),
    );
    if (name === undefined) {
      this.counts.withoutSegment += 1;
      if (sent.size > 0) this.faults.push(`victim ${number}: no segment`);
      return;
    }
    try {
      const reader = ProcessReader.open(join(this.#directory, name), fileLocks());
      const snapshot = reader.snapshot(nowNs());
      reader.close();
      const [death] = deathsOf([snapshot]);
      if (death === undefined) throw new Error('the reader takes the victim for alive');
      const { faults, named } = judge(death, notes, sent);
      this.faults.push(...faults.map((fault) => `victim ${number}: ${fault}`));
      this.counts.named += named;
      if (named === 0) this.counts.idle += 1;
      for (const { records } of snapshot.threads) {
        this.queryCount += records.queryCount;
        this.counts.records += records.recentQueries.length + records.recentRequests.length;
        this.counts.torn += records.dropped.torn;
      }
    } catch (error) {
      this.faults.push(`victim ${number}: ${error.stack}`);
    }
  }
}

/** Where a victim listens; an error if it ends before it does. */
async function portOf(child, exit) {
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    exit.then(([code]) => {
      throw new Error(`victim ${child.pid} ended by itself with ${code}`);
    }),
  ]);
  return Number(line);
}

/**
 * @param {{ count: number, seed: number, log?: (line: string) => void }} options
 * @throws Error with the first faults, if a post-mortem was wrong or the reader failed.
 */
export async function soakKills({ count, seed, log = console.log }) {
  const directory = mkdtempSync('/dev/shm/hyperdjango-kills-');
  const server = await launchPostgres({ settings: { max_connections: '200' } });
  const kills = new Kills(createRandom(seed), directory, server.url, await bundleVictim());
  const ticker = setInterval(() => {
    const { counts, faults } = kills;
    log(`kills: ${counts.kills} of ${count}, ${counts.torn} torn, ${faults.length} faults`);
  }, 60_000);
  try {
    await kills.warmUp();
    const startMs = performance.now();
    await Promise.all(Array.from({ length: VICTIMS }, () => kills.run(count)));
    // The dead are folded into one file, and nothing of them may be lost by it.
    const host = new HostReader({ directory, appName: APP_NAME, locks: fileLocks(), nowNs });
    const { merged, foldedCount, problems } = host.snapshot();
    host.close();
    const { queryCount } = merged.totals;
    if (queryCount !== kills.queryCount) {
      kills.faults.push(`${queryCount} queries in all, the victims had ${kills.queryCount}`);
    }
    kills.faults.push(...problems);
    const seconds = (performance.now() - startMs) / 1_000;
    log(
      `kills: ${JSON.stringify({ ...kills.counts, queries: queryCount, folded: foldedCount })}, ` +
        `${kills.faults.length} faults, ${((60 * count) / seconds).toFixed(0)} a minute, seed ${seed}`,
    );
    if (kills.faults.length > 0) throw new Error(kills.faults.slice(0, 10).join('\n'));
  } finally {
    clearInterval(ticker);
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [count = '10000', seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
  if (!/^\d+$/.test(count + seed)) throw new RangeError('expected whole numbers: COUNT SEED');
  console.log(`kills: ${count}, seed ${seed}`);
  await soakKills({ count: Number(count), seed: Number(seed) });
}
