import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { chown, cp, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { binariesIn, findBinaries, linkLibraries, type PostgresBinaries } from './binaries.ts';
import {
  chooseHome,
  chooseServerUser,
  createHome,
  type ServerHome,
  type ServerUser,
} from './home.ts';
import { reapAbandonedHomes } from './reaper.ts';
import { startWatchdog, type Watchdog } from './watchdog.ts';

const LOG_LENGTH_MAX = 20_000;
/** Another process may take the free port between our look and the server's start. */
const PORT_ATTEMPTS_MAX = 5;
const STOP_TIMEOUT_MS = 5_000;

/** The data are thrown away at the end, so nothing is done to keep them through a crash. */
const DEFAULT_SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  shared_preload_libraries: 'pg_stat_statements',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  jit: 'off',
};

export interface LaunchOptions {
  /**
   * Server settings, as in `postgresql.conf`; they go before our own.
   *
   * @defaultValue `{}`
   */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A PostgreSQL server that belongs to this process. */
export interface EmbeddedPostgres {
  /** The superuser `postgres` on the database `postgres`, over TCP, without a password. */
  readonly url: string;
  readonly port: number;
  /** For connections by Unix socket: `host` in the options of `pg`. */
  readonly socketDir: string;
  readonly pid: number;
  /** The end of what the server has logged, 20,000 characters at most. */
  log(): string;
  /** Stops the server and removes its folder. Any number of calls do this once. */
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL server of our own, from the programs that npm installed, on a free port of
 * 127.0.0.1, with an empty database. It takes about 0.6 s.
 *
 * It works as root too, where the server runs as `nobody`. The server ends with this process,
 * however that ends, and does not keep it alive. Tried on Linux; it should run on macOS.
 *
 * @throws {Error} where the platform's npm package is missing, and where the server does not start.
 * @example
 * ```ts
 * const server = await launchPostgres();
 * const client = new pg.Client(server.url);
 * …
 * await server.stop();
 * ```
 */
export async function launchPostgres(options: LaunchOptions = {}): Promise<EmbeddedPostgres> {
  if (process.platform === 'win32') {
    throw new Error('no embedded PostgreSQL on Windows: set DATABASE_URL to a server of your own');
  }
  const installed = await findBinaries();
  await reapAbandonedHomes();
  const user = await chooseServerUser();
  const home = await chooseHome(user);
  // First the watchdog, then the folder: there is no moment at which a SIGKILL leaves one behind.
  const watchdog = startWatchdog(home.directory);
  try {
    await createHome(home, user);
    const binaries = await makeRunnable(installed, home, user);
    await initialiseCluster(binaries, home, user);
    const settings = { ...DEFAULT_SETTINGS, ...options.settings };
    const { server, port, log } = await startServer(binaries, home, user, settings, watchdog);
    let stopped: Promise<void> | undefined;
    return {
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      port,
      socketDir: home.socketDirectory,
      pid: server.pid ?? 0,
      log,
      stop: () => (stopped ??= stop(server, watchdog)),
    };
  } catch (error) {
    await watchdog.release();
    throw error;
  }
}

/**
 * The installed programs, or a copy of them where the server's user cannot run them: below root's
 * home, in a private temporary folder, or in a read-only `node_modules` without library links.
 */
async function makeRunnable(
  installed: PostgresBinaries,
  home: ServerHome,
  user: ServerUser | undefined,
): Promise<PostgresBinaries> {
  const { nativeDirectory } = installed;
  try {
    await linkLibraries(nativeDirectory, nativeDirectory);
    await runToEnd(installed.postgres, ['--version'], home, user);
    return installed;
  } catch {
    const copy = join(home.directory, 'native');
    await cp(nativeDirectory, copy, { recursive: true, verbatimSymlinks: true });
    await linkLibraries(nativeDirectory, copy);
    if (user !== undefined) await chownAll(copy, user);
    return binariesIn(copy);
  }
}

async function chownAll(directory: string, user: ServerUser): Promise<void> {
  await chown(directory, user.uid, user.gid);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await chownAll(path, user);
    else if (entry.isFile()) await chown(path, user.uid, user.gid);
  }
}

async function initialiseCluster(
  binaries: PostgresBinaries,
  home: ServerHome,
  user: ServerUser | undefined,
): Promise<void> {
  await runToEnd(
    binaries.initdb,
    [
      `--pgdata=${home.dataDirectory}`,
      '--auth=trust',
      '--username=postgres',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
    ],
    home,
    user,
  );
}

interface StartedServer {
  readonly server: ChildProcess;
  readonly port: number;
  readonly log: () => string;
}

async function startServer(
  binaries: PostgresBinaries,
  home: ServerHome,
  user: ServerUser | undefined,
  settings: Readonly<Record<string, string>>,
  watchdog: Watchdog,
): Promise<StartedServer> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort();
    const options = {
      ...settings,
      port: String(port),
      unix_socket_directories: home.socketDirectory,
    };
    const server = spawn(
      binaries.postgres,
      [
        '-D',
        home.dataDirectory,
        ...Object.entries(options).map((option) => `--${option.join('=')}`),
      ],
      { ...spawnOptions(home, user), stdio: ['ignore', 'ignore', 'pipe'] },
    );
    watchdog.guard(server.pid);
    server.once('exit', () => watchdog.guard(undefined));
    const log = keepTail(server.stderr);
    try {
      await untilReady(server, log);
      return { server, port, log };
    } catch (error) {
      if (attempt === PORT_ATTEMPTS_MAX || !/could not bind|in use/.test(log())) throw error;
    }
  }
}

async function untilReady(server: ChildProcess, log: () => string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // 'close' comes after 'exit', when all that the server wrote has been read.
    server.once('close', (code, signal) => {
      reject(new Error(`postgres ended with ${signal ?? code}: ${lastComplaint(log())}`));
    });
    server.stderr?.on('data', () => {
      if (log().includes('database system is ready to accept connections')) resolve();
    });
  });
  server.unref();
  unrefStream(server.stderr);
}

async function stop(server: ChildProcess, watchdog: Watchdog): Promise<void> {
  if (server.exitCode === null && server.signalCode === null) {
    server.ref();
    const ended = once(server, 'exit');
    const impatience = setTimeout(() => server.kill('SIGQUIT'), STOP_TIMEOUT_MS);
    // A fast shutdown: it ends the sessions of clients that are still there.
    server.kill('SIGINT');
    await ended;
    clearTimeout(impatience);
  }
  await watchdog.release();
}

async function runToEnd(
  program: string,
  args: readonly string[],
  home: ServerHome,
  user: ServerUser | undefined,
): Promise<void> {
  const child = spawn(program, args, {
    ...spawnOptions(home, user),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = [keepTail(child.stdout), keepTail(child.stderr)];
  const [code, signal] = await once(child, 'close');
  if (code === 0) return;
  const text = output.map((part) => part()).join('\n');
  throw new Error(`${basename(program)} ended with ${signal ?? code}: ${lastComplaint(text)}`);
}

/** A session of its own: Ctrl-C in a terminal is for us, and we decide when the server ends. */
function spawnOptions(home: ServerHome, user: ServerUser | undefined): SpawnOptions {
  return {
    ...user,
    cwd: home.dataDirectory,
    detached: true,
    // None of the user's PG* variables; messages that we can read.
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' },
  };
}

function keepTail(stream: Readable): () => string {
  let tail = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    tail = (tail + chunk).slice(-LOG_LENGTH_MAX);
  });
  return () => tail;
}

/** The line of a server's log that tells best why it ended. */
function lastComplaint(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  return lines.findLast((line) => /\b(?:fatal|error|panic)\b/i.test(line)) ?? lines.at(-1) ?? '';
}

function unrefStream(stream: Readable | null): void {
  if (stream !== null && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
}

async function findFreePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  await once(listener, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no free TCP port');
  return address.port;
}
