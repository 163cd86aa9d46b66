import { existsSync } from 'node:fs';

import { loadFileLocks } from '../engine/addon.ts';
import { segmentDirectory } from '../engine/segment-directory.ts';
import { cutName, HostReader, reap } from '../segments/index.ts';
import type { CommandIo } from './command.ts';

/** What the commands have in common that read segments. */
export interface HostAccess {
  readonly directory: string;
  readonly reader: HostReader;
  /** Gives back the memory of those that died long ago. */
  reap(): void;
}

export function openHost(env: CommandIo['env'], appName: string | undefined): HostAccess {
  const directory = segmentDirectory(env['HYPERDJANGO_DIR']);
  if (directory === '') throw new Error('processes can be read from outside on Linux only');
  const configured = env['HYPERDJANGO_DIR'];
  if (configured !== undefined && configured !== '' && !existsSync(directory)) {
    throw new Error(
      `HYPERDJANGO_DIR: there is no folder ${directory}; it has to be the one that the processes have set`,
    );
  }
  const locks = loadFileLocks();
  return {
    directory,
    reader: new HostReader({
      directory,
      appName: appName === undefined ? undefined : cutName(appName),
      locks,
      nowNs,
    }),
    reap() {
      reap({ directory, locks, now: Date.now(), nowNs: nowNs() });
    },
  };
}

function nowNs(): number {
  return Number(process.hrtime.bigint());
}
