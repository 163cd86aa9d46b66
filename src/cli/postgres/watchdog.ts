import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Reads the server's pid, line by line, until the pipe ends: by {@link Watchdog.release} or by the
 * end of this process, SIGKILL included. The last line stands; an empty one means that no server
 * is left to stop. It waits for the server's pid file to go, not for the process: where nobody
 * collects orphans, a dead one stays visible. `rm` tries again, as a server that ends still writes.
 */
const SCRIPT = `
directory=$1 pid_file=$1/data/postmaster.pid pid= tries=0
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -QUIT "$pid"
  while [ -e "$pid_file" ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
  [ -e "$pid_file" ] && kill -KILL "$pid"
fi
tries=0
until rm -rf "$directory" && [ ! -e "$directory" ] || [ $tries -ge 100 ]; do
  sleep 0.05
  tries=$((tries + 1))
done
`;

/** Outlives this process just long enough to stop its server and remove its folder. */
export interface Watchdog {
  /** From now on this server ends with this process; undefined: none does. */
  guard(serverPid: number | undefined): void;
  /** Ends the watchdog, after it has removed what is left of the folder. */
  release(): Promise<void>;
}

/**
 * A shell, not a Node.js process: it waits in one system call and takes 1 MB. It has a session of
 * its own, so that what a terminal or a supervisor sends to our process group does not reach it.
 */
export function startWatchdog(directory: string): Watchdog {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'hyperdjango-watchdog', directory], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = once(shell, 'exit').catch(() => undefined);
  // Without its watchdog a server still ends by stop(), or by the reaper.
  shell.stdin.on('error', () => undefined);
  shell.unref();
  return {
    guard(serverPid) {
      shell.stdin.write(`${serverPid ?? ''}\n`);
    },
    async release() {
      shell.ref();
      shell.stdin.end();
      await ended;
    },
  };
}
