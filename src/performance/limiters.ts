/**
 * Limiters that the application depends on and that run a task where another one has ended, in that
 * one's context: what a task asks for is then booked on another request. Nobody can tell by the
 * query, so it is told beside the figures.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The major version from which on a task runs in the context that has added it; see `docs/context.md`. */
const KEEP_CONTEXT_FROM: Readonly<Record<string, number>> = {
  async: Infinity,
  bottleneck: Infinity,
  dataloader: Infinity,
  fastq: Infinity,
  'p-limit': 5,
  'p-queue': 10,
  'promise-limit': Infinity,
  queue: Infinity,
};

interface Manifest {
  readonly version?: unknown;
  readonly dependencies?: Readonly<Record<string, unknown>>;
}

let known: string | undefined;

/** Names and versions of those in use, as a note; empty where there are none. */
export function limiterNote(): string {
  return (known ??= noteFor(process.argv[1]));
}

/** @param script of the application. */
export function noteFor(script: string | undefined): string {
  const found = limitersOf(script);
  if (found.length === 0) return '';
  return (
    `${found.join(', ')} may run a task in the context of another request, on which its queries are ` +
    'booked then: see docs/context.md'
  );
}

/** An application that has one by way of another package does not run its own tasks in it. */
function limitersOf(script: string | undefined): string[] {
  try {
    const file = script === undefined ? process.cwd() : realpathSync(script);
    for (const folder of foldersAbove(file)) {
      const { dependencies } = manifestIn(folder) ?? {};
      if (dependencies === undefined) continue;
      return Object.keys(KEEP_CONTEXT_FROM).flatMap((name) =>
        Object.hasOwn(dependencies, name) ? losing(name, folder) : [],
      );
    }
  } catch {
    // No script, or none that can be read: nothing is known of it.
  }
  return [];
}

function losing(name: string, from: string): string[] {
  for (const folder of [from, ...foldersAbove(from)]) {
    const version = manifestIn(join(folder, 'node_modules', name))?.version;
    if (typeof version !== 'string') continue;
    const isKeeping = Number.parseInt(version, 10) >= (KEEP_CONTEXT_FROM[name] ?? 0);
    return isKeeping ? [] : [`${name} ${version}`];
  }
  return [];
}

function foldersAbove(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...foldersAbove(folder)];
}

function manifestIn(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}
