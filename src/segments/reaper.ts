import { lstatSync } from 'node:fs';
import { join } from 'node:path';

import {
  type DirectoryListing,
  listDirectory,
  type SegmentName,
  tombstonePath,
} from './directory.ts';
import type { FileLocks } from '../engine/file-locks.ts';
import { Merger } from './merge.ts';
import { ProcessReader, type ProcessSnapshot } from './process-snapshot.ts';
import {
  emptyTombstone,
  foldInto,
  readTombstone,
  removeIfThere,
  writeTombstone,
} from './tombstone.ts';

/** Segments of dead processes that stay for a post-mortem, of each application. */
export const DEAD_KEPT_MAX = 8;
export const DEAD_KEPT_MS: number = 24 * 3_600_000;

/** From its creation to its lock, a temporary file looks as if its maker were dead. */
const TEMPORARY_AGE_MS = 60_000;

/** Whatever the file system's own blocks are. */
const STAT_BLOCK_BYTES = 512;

const LOCK_NAME = '.reaper.lock';

export interface ReapOptions {
  readonly directory: string;
  /** Without locks nobody is known to be dead for certain: nothing is done. */
  readonly locks: FileLocks | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** On the host's monotonic clock. */
  readonly nowNs: number;
}

export interface ReapResult {
  /** Generations whose sums a tombstone has now, and whose files are gone. */
  readonly folded: readonly string[];
  /** Files that no reader can read any more, and that were removed without being folded. */
  readonly removed: readonly string[];
  /** What could not be done, in sentences. */
  readonly problems: readonly string[];
}

interface DeadSegment {
  readonly name: SegmentName;
  readonly appName: string;
  readonly aliveAt: number;
}

const NOTHING: ReapResult = { folded: [], removed: [], problems: [] };

/**
 * Folds what the dead have left behind, beyond the last of each application, into tombstones:
 * memory is given back, and totals stay. The unused part of those that stay is given
 * back too. Never throws.
 */
export function reap(options: ReapOptions): ReapResult {
  const { directory, locks } = options;
  const problems: string[] = [];
  let lock: number | undefined;
  try {
    const listing = listDirectory(directory);
    if (locks === undefined || !isWorthwhile(listing, options.now)) return NOTHING;
    lock = locks.tryLock(join(directory, LOCK_NAME));
    // Somebody else is at it.
    if (lock === undefined) return NOTHING;
    // Again: the last holder of the lock may have changed what is there.
    return new Reaper(options, locks, problems).run(listDirectory(directory));
  } catch (error) {
    return { ...NOTHING, problems: [messageOf(error)] };
  } finally {
    if (lock !== undefined) locks?.unlock(lock);
  }
}

function isWorthwhile({ segments, temporaries }: DirectoryListing, now: number): boolean {
  return segments.length > 0 || temporaries.some(({ path }) => ageMs(path, now) > TEMPORARY_AGE_MS);
}

class Reaper {
  readonly #options: ReapOptions;
  readonly #locks: FileLocks;
  readonly #problems: string[];
  readonly #removed: string[] = [];
  #hasGivenBack = false;
  readonly #folded: string[] = [];

  constructor(options: ReapOptions, locks: FileLocks, problems: string[]) {
    this.#options = options;
    this.#locks = locks;
    this.#problems = problems;
  }

  run({ segments, temporaries }: DirectoryListing): ReapResult {
    for (const { path } of temporaries) {
      if (ageMs(path, this.#options.now) > TEMPORARY_AGE_MS) this.#removeUnowned(path);
    }
    const byApp = new Map<string, DeadSegment[]>();
    for (const name of segments) {
      const dead = this.#deadSegment(name);
      if (dead === undefined) continue;
      const others = byApp.get(dead.appName);
      if (others === undefined) byApp.set(dead.appName, [dead]);
      else others.push(dead);
    }
    for (const [appName, dead] of byApp) {
      dead.sort((a, b) => b.aliveAt - a.aliveAt);
      const oldest = this.#options.now - DEAD_KEPT_MS;
      const leaving: DeadSegment[] = [];
      for (const [index, segment] of dead.entries()) {
        if (index >= DEAD_KEPT_MAX || segment.aliveAt < oldest) leaving.push(segment);
        else this.#attempt(() => this.#giveBackUnused(segment.name.path));
      }
      if (leaving.length > 0) this.#attempt(() => this.#fold(appName, leaving));
    }
    return { folded: this.#folded, removed: this.#removed, problems: this.#problems };
  }

  #deadSegment(name: SegmentName): DeadSegment | undefined {
    let reader: ProcessReader | undefined;
    try {
      if (this.#locks.isLocked(name.path)) return undefined;
      reader = ProcessReader.open(name.path, this.#locks);
      const { appName, heartbeatNs, startedNs, wallMinusMonotonicNs } = reader.header();
      const aliveAt = (Math.max(heartbeatNs, startedNs) + wallMinusMonotonicNs) / 1e6;
      return { name, appName, aliveAt };
    } catch (error) {
      if (isMissing(error)) return undefined;
      // Damaged, or another version's: it has had its day as evidence.
      if (ageMs(name.path, this.#options.now) > DEAD_KEPT_MS) this.#removeUnowned(name.path);
      else this.#problems.push(`${name.path}: ${messageOf(error)}`);
      return undefined;
    } finally {
      reader?.close();
    }
  }

  #fold(appName: string, leaving: readonly DeadSegment[]): void {
    const path = tombstonePath(this.#options.directory, appName);
    const tombstone = readTombstone(path) ?? emptyTombstone(appName);
    const known = new Set(tombstone.folded);
    const merger = new Merger();
    const generations: string[] = [];
    const paths: string[] = [];
    for (const { name } of leaving) {
      // One of these is in the sums already, if a reaper died before it removed the file.
      if (!known.has(name.generation)) {
        const snapshot = this.#attempt(() => this.#snapshotOf(name.path));
        if (snapshot === undefined) continue;
        for (const { records } of snapshot.threads) merger.add(records, false);
        generations.push(name.generation);
      }
      paths.push(name.path);
    }
    if (generations.length > 0) {
      writeTombstone(path, foldInto(tombstone, generations, merger.result()));
    }
    for (const leftBehind of paths) removeIfThere(leftBehind);
    this.#folded.push(...generations);
  }

  /** Most of a segment was reserved and never written: eight would fill a small /dev/shm. */
  #giveBackUnused(path: string): void {
    const { blocks, size } = lstatSync(path);
    const hasHoles = blocks * STAT_BLOCK_BYTES < size;
    if (hasHoles || this.#hasGivenBack) return;
    // It takes milliseconds, in an application that starts: the next one does the next.
    this.#hasGivenBack = true;
    this.#locks.punchHoles(path);
  }

  #snapshotOf(path: string): ProcessSnapshot {
    const reader = ProcessReader.open(path, this.#locks);
    try {
      return reader.snapshot(this.#options.nowNs);
    } finally {
      reader.close();
    }
  }

  #removeUnowned(path: string): void {
    this.#attempt(() => {
      const isOurFile = lstatSync(path).isFile();
      if (!isOurFile || this.#locks.isLocked(path)) return;
      removeIfThere(path);
      this.#removed.push(path);
    });
  }

  #attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!isMissing(error)) this.#problems.push(messageOf(error));
      return undefined;
    }
  }
}

/** @returns 0 for a file that is not there. */
function ageMs(path: string, now: number): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 0 : now - stat.mtimeMs;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
