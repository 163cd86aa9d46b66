import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** `<pid>-<generation>.segment`: the memory of one process. */
const SEGMENT_NAME = /^(\d{1,10})-([0-9a-f]{16})\.segment$/;
/** What a process has that is still making its segment, or that died while doing so. */
const TEMPORARY_NAME = /^\.(\d{1,10})-([0-9a-f]{16})\.tmp$/;
const TOMBSTONE_NAME = /^([^/]+)\.tombstone$/;

/** One file of the directory of segments, by what its name says it is. */
export interface SegmentName {
  readonly path: string;
  readonly pid: number;
  /** 16 hex digits; no two segments share one. */
  readonly generation: string;
}

export interface DirectoryListing {
  readonly segments: readonly SegmentName[];
  readonly temporaries: readonly SegmentName[];
  readonly tombstones: readonly string[];
}

const NOTHING: DirectoryListing = { segments: [], temporaries: [], tombstones: [] };

/**
 * The files of a directory of segments; those with other names are nobody's business here.
 *
 * @returns empty lists where there is no such directory: no process has recorded anything yet.
 * @throws Error where it is no directory, or not this user's alone: its files could be anybody's.
 */
export function listDirectory(directory: string): DirectoryListing {
  if (!isPrivateDirectory(directory)) return NOTHING;
  const segments: SegmentName[] = [];
  const temporaries: SegmentName[] = [];
  const tombstones: string[] = [];
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const segment = SEGMENT_NAME.exec(name);
    const temporary = TEMPORARY_NAME.exec(name);
    if (segment !== null) segments.push(segmentName(path, segment));
    else if (temporary !== null) temporaries.push(segmentName(path, temporary));
    else if (TOMBSTONE_NAME.test(name)) tombstones.push(path);
  }
  return { segments, temporaries, tombstones };
}

/** An application's name may hold anything: `/`, `..`, control characters. */
export function tombstonePath(directory: string, appName: string): string {
  // A lone % is what no encoded name gives.
  return join(directory, `${appName === '' ? '%' : encodeURIComponent(appName)}.tombstone`);
}

function segmentName(path: string, match: RegExpExecArray): SegmentName {
  return { path, pid: Number(match[1]), generation: match[2] ?? '' };
}

function isPrivateDirectory(directory: string): boolean {
  const stat = lstatSync(directory, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  if (stat.isSymbolicLink()) throw new Error(`${directory} is a symbolic link`);
  if (!stat.isDirectory()) throw new Error(`${directory} is no directory`);
  const uid = process.getuid?.();
  if (uid !== undefined && stat.uid !== uid) {
    throw new Error(`${directory} belongs to another user (uid ${stat.uid}, not ${uid})`);
  }
  if ((stat.mode & 0o077) !== 0) {
    throw new Error(
      `${directory} is open to other users (mode ${(stat.mode & 0o777).toString(8)}, not 700)`,
    );
  }
  return true;
}
