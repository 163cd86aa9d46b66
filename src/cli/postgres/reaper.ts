import { readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HOME_PREFIX, OWNER_FILE, homeIn, homeParents, type HomeOwner } from './home.ts';
import { describeProcess, signalProcess } from './processes.ts';

/** A home without an owner may be one that is being made at this moment. */
const UNOWNED_GRACE_MS = 60_000;
const SERVER_END_TIMEOUT_MS = 5_000;
const POLL_INTERVAL_MS = 20;

/**
 * Stops the servers and removes the folders of processes that are no more. The watchdog does this
 * at once; the reaper is for the case that the watchdog was killed too.
 *
 * @returns the folders it removed.
 */
export async function reapAbandonedHomes(
  parents: readonly string[] = homeParents(),
): Promise<readonly string[]> {
  const reaped: string[] = [];
  for (const parent of parents) {
    const names = await readdir(parent).catch(() => []);
    for (const name of names) {
      const directory = join(parent, name);
      if (!name.startsWith(HOME_PREFIX) || !(await isAbandoned(directory))) continue;
      await stopServerOf(directory);
      await rm(directory, { recursive: true, force: true });
      reaped.push(directory);
    }
  }
  return reaped;
}

async function isAbandoned(directory: string): Promise<boolean> {
  try {
    const status = await stat(directory);
    if (!status.isDirectory() || status.uid !== process.getuid?.()) return false;
    const owner = await readOwner(directory);
    if (owner === undefined) return Date.now() - status.mtimeMs > UNOWNED_GRACE_MS;
    const self = await describeProcess(process.pid);
    if (owner.namespace !== self?.namespace) return false;
    return (await describeProcess(owner.pid))?.startTime !== owner.startTime;
  } catch {
    // Another reaper was faster.
    return false;
  }
}

async function readOwner(directory: string): Promise<HomeOwner | undefined> {
  const text = await readFile(join(directory, OWNER_FILE), 'utf8').catch(() => '');
  try {
    return JSON.parse(text) as HomeOwner;
  } catch {
    return undefined;
  }
}

async function stopServerOf(directory: string): Promise<void> {
  const { dataDirectory } = homeIn(directory);
  const pidFile = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(pidFile, 10);
  if (!(pid > 1)) return;
  const isOurServer = async (): Promise<boolean> =>
    (await describeProcess(pid))?.command.includes(dataDirectory) === true;
  if (!(await isOurServer())) return;
  signalProcess(pid, 'SIGQUIT');
  const deadline = performance.now() + SERVER_END_TIMEOUT_MS;
  while (await isOurServer()) {
    if (performance.now() > deadline) {
      signalProcess(pid, 'SIGKILL');
      return;
    }
    await delay(POLL_INTERVAL_MS);
  }
}
