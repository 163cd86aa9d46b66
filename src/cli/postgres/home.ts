import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describeProcess } from './processes.ts';

/** How the folders of our servers are named, in {@link homeParents}. */
export const HOME_PREFIX = 'hyperdjango-pg-';

/** Says in a home whose server it is: one JSON {@link HomeOwner}. */
export const OWNER_FILE = 'owner.json';

/** The process that launched a server and has to stop it. */
export interface HomeOwner {
  readonly pid: number;
  readonly namespace: string;
  readonly startTime: string;
}

/** The account that the server runs as, where it is not our own. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** The folder of one server: everything it writes is in here, and goes with it. */
export interface ServerHome {
  readonly directory: string;
  readonly dataDirectory: string;
  readonly socketDirectory: string;
}

/** What a Unix socket's path may take on every platform, less the socket's own name. */
const SOCKET_DIRECTORY_LENGTH_MAX = 103 - '/.s.PGSQL.65535'.length;

/** The folders in which homes are made, best first. */
export function homeParents(): readonly string[] {
  return [...new Set([tmpdir(), '/tmp'])];
}

export function homeIn(directory: string): ServerHome {
  return {
    directory,
    dataDirectory: join(directory, 'data'),
    socketDirectory: join(directory, 'socket'),
  };
}

/** @returns `nobody` for root, as whom PostgreSQL refuses to run; otherwise undefined. */
export async function chooseServerUser(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const fields = /^nobody:.*$/m.exec(accounts)?.[0].split(':') ?? [];
  const [uid, gid] = [Number(fields[2]), Number(fields[3])];
  return uid > 0 && gid > 0 ? { uid, gid } : { uid: 65_534, gid: 65_534 };
}

/** Chooses a folder for one server that nobody can guess; it does not exist yet. */
export async function chooseHome(user: ServerUser | undefined): Promise<ServerHome> {
  const name = `${HOME_PREFIX}${randomBytes(6).toString('hex')}`;
  for (const parent of homeParents()) {
    const home = homeIn(join(parent, name));
    if (home.socketDirectory.length > SOCKET_DIRECTORY_LENGTH_MAX) continue;
    if (user === undefined || (await isOpenToAll(parent))) return home;
  }
  throw new Error(
    `no folder for a PostgreSQL server: expected a short path that its user can reach, ` +
      `got ${homeParents().join(' and ')}`,
  );
}

/** Creates the folder of one server, and writes down in it which process it belongs to. */
export async function createHome(home: ServerHome, user: ServerUser | undefined): Promise<void> {
  await mkdir(home.directory, { mode: 0o700 });
  const owner = await describeProcess(process.pid);
  if (owner !== undefined) {
    const { pid, namespace, startTime } = owner;
    const text = JSON.stringify({ pid, namespace, startTime } satisfies HomeOwner);
    await writeFile(join(home.directory, OWNER_FILE), text);
  }
  for (const path of [home.dataDirectory, home.socketDirectory]) {
    await mkdir(path, { mode: 0o700 });
    if (user !== undefined) await chown(path, user.uid, user.gid);
  }
  // The server's user may pass, but the folder stays ours: nobody else can forge its owner.
  if (user !== undefined) await chmod(home.directory, 0o711);
}

async function isOpenToAll(path: string): Promise<boolean> {
  const { mode } = await stat(path);
  if ((mode & 0o001) === 0) return false;
  return dirname(path) === path || isOpenToAll(dirname(path));
}
