import type { FileLocks } from '../engine/file-locks.ts';
import { StatementDictionary } from '../engine/statement-dictionary.ts';
import { listDirectory, type SegmentName } from './directory.ts';
import { type MergedSnapshot, Merger } from './merge.ts';
import { ProcessReader, type ProcessSnapshot, type ReadOptions } from './process-snapshot.ts';
import { readTombstone, type Tombstone } from './tombstone.ts';

export interface HostOptions {
  readonly directory: string;
  /** Only the processes of this application; all of them where it is undefined. */
  readonly appName?: string | undefined;
  readonly locks: FileLocks | undefined;
  /** This process, if it is one of those: read from memory, its segment may be private. */
  readonly own?: ProcessReader | undefined;
  /** The host's monotonic clock, in nanoseconds. */
  readonly nowNs: () => number;
}

/** All processes of an application on this host, the dead ones included. */
export interface HostSnapshot {
  readonly takenNs: number;
  /** Running ones first, then the latest dead first. */
  readonly processes: readonly ProcessSnapshot[];
  /** How many more processes are in the sums, whose segments are gone. */
  readonly foldedCount: number;
  readonly merged: MergedSnapshot;
  /** Files that could not be read, and why. */
  readonly problems: readonly string[];
}

/** Looks at a directory of segments, again and again; files stay open in between. */
export class HostReader {
  readonly #options: HostOptions;
  readonly #dictionary = new StatementDictionary();
  readonly #readers = new Map<string, ProcessReader>();
  /** By path: the dead write no more. */
  readonly #dead = new Map<string, { snapshot: ProcessSnapshot; histograms: boolean }>();

  constructor(options: HostOptions) {
    this.#options = options;
  }

  /** @throws Error where the directory is not this user's alone. */
  snapshot(options: ReadOptions = {}): HostSnapshot {
    return combined(this.#found(options), () => true);
  }

  /**
   * One for each application, those that are running first; one without processes where there are
   * none.
   *
   * @throws Error where the directory is not this user's alone.
   */
  applications(options: ReadOptions = {}): readonly HostSnapshot[] {
    const found = this.#found(options);
    const names = [...found.processes].sort(byLife).map(({ appName }) => appName);
    if (names.length === 0) return [combined(found, () => true)];
    return [...new Set(names)].map((name) => combined(found, (appName) => appName === name));
  }

  close(): void {
    this.#forgetAllBut(new Set());
  }

  #found(options: ReadOptions): Found {
    const { directory, appName, nowNs } = this.#options;
    const problems: string[] = [];
    const takenNs = nowNs();
    const listing = listDirectory(directory);
    this.#forgetAllBut(new Set(listing.segments.map(({ path }) => path)));
    const own = this.#options.own?.snapshot(takenNs, options);
    const processes: ProcessSnapshot[] = own === undefined ? [] : [own];
    for (const name of listing.segments) {
      if (name.generation === own?.generation) continue;
      const process = this.#snapshotOf(name, takenNs, options, problems);
      if (process !== undefined && (appName === undefined || process.appName === appName)) {
        processes.push(process);
      }
    }
    // After the segments: one that was folded in between is in here, and is known by its name.
    // Listed again, since the first tombstone may be new.
    const tombstones = this.#tombstones(listDirectory(directory).tombstones, problems);
    return { takenNs, processes, tombstones, problems };
  }

  #snapshotOf(
    { path }: SegmentName,
    nowNs: number,
    options: ReadOptions,
    problems: string[],
  ): ProcessSnapshot | undefined {
    const histograms = options.histograms ?? true;
    const dead = this.#dead.get(path);
    if (dead !== undefined && (dead.histograms || !histograms)) return dead.snapshot;
    try {
      const snapshot = this.#readerOf(path).snapshot(nowNs, options);
      if (snapshot.state !== 'running') this.#dead.set(path, { snapshot, histograms });
      return snapshot;
    } catch (error) {
      // Gone since the directory was listed: in a tombstone by now.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      problems.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  #readerOf(path: string): ProcessReader {
    let reader = this.#readers.get(path);
    if (reader === undefined) {
      reader = ProcessReader.open(path, this.#options.locks, this.#dictionary);
      this.#readers.set(path, reader);
    }
    return reader;
  }

  #tombstones(paths: readonly string[], problems: string[]): Tombstone[] {
    const tombstones: Tombstone[] = [];
    for (const path of paths) {
      try {
        const tombstone = readTombstone(path);
        const { appName } = this.#options;
        if (tombstone === undefined) continue;
        if (appName === undefined || tombstone.appName === appName) tombstones.push(tombstone);
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    return tombstones;
  }

  #forgetAllBut(paths: ReadonlySet<string>): void {
    for (const [path, reader] of this.#readers) {
      if (paths.has(path)) continue;
      reader.close();
      this.#readers.delete(path);
      this.#dead.delete(path);
    }
  }
}

/** All that one look at the directory has found. */
interface Found {
  readonly takenNs: number;
  readonly processes: readonly ProcessSnapshot[];
  readonly tombstones: readonly Tombstone[];
  readonly problems: readonly string[];
}

function combined(found: Found, isWanted: (appName: string) => boolean): HostSnapshot {
  const { takenNs, problems } = found;
  const processes = found.processes.filter(({ appName }) => isWanted(appName));
  const tombstones = found.tombstones.filter(({ appName }) => isWanted(appName));
  const folded = new Set(tombstones.flatMap((tombstone) => tombstone.folded));
  const merger = new Merger();
  for (const { generation, state, threads } of processes) {
    if (folded.has(generation)) continue;
    for (const { records, isInUse } of threads) {
      merger.add(records, isInUse && state === 'running');
    }
  }
  for (const { history } of tombstones) merger.addHistory(history);
  return {
    takenNs,
    processes: processes.sort(byLife),
    foldedCount: tombstones.reduce((sum, { foldedCount }) => sum + foldedCount, 0),
    merged: merger.result(),
    problems,
  };
}

function byLife(a: ProcessSnapshot, b: ProcessSnapshot): number {
  if ((a.state === 'running') !== (b.state === 'running')) return a.state === 'running' ? -1 : 1;
  return a.state === 'running' ? a.startedAt - b.startedAt : b.aliveAt - a.aliveAt;
}
