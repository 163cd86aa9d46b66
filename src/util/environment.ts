/** What the environment says; what cannot be used is told of in one line each, at the start. */
import { isMainThread } from 'node:worker_threads';

import { closest } from './closest.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** All that are read anywhere in this package. */
const PREFIX = 'HYPERDJANGO_';

const KNOWN: readonly string[] = [
  'APP',
  'DASHBOARD_PATH',
  'DIR',
  'DISABLED',
  'ENGINE',
  'HEADERS',
  'MAX_HISTORY',
  'N_PLUS_ONE_THRESHOLD',
  'PREBUILD',
  'QUIET',
  'SLOW_QUERY_THRESHOLD_MS',
].map((name) => `HYPERDJANGO_${name}`);

const YES: readonly string[] = ['1', 'true', 'yes', 'on'];
const NO: readonly string[] = ['0', 'false', 'no', 'off'];
const TEXT_LENGTH_MAX = 40;

const told = new Set<string>();

/** Writes the line to the error stream, the first time it is said in a process. */
export function tellOnce(line: string): void {
  if (!isMainThread || told.has(line)) return;
  told.add(line);
  process.stderr.write(`hyperdjango: ${line}\n`);
}

/** @returns undefined where the variable is unset or empty; otherwise `unclear` where it is none. */
export function flagIn(text: string | undefined): boolean | 'unclear' | undefined {
  const word = text?.trim().toLowerCase() ?? '';
  if (word === '') return undefined;
  if (YES.includes(word)) return true;
  if (NO.includes(word)) return false;
  return 'unclear';
}

/** Such as `HYPERDJANGO_HEADERS: expected …, got "maybe"; true holds`. */
export function tellUnusable(
  variable: string,
  expected: string,
  text: string | undefined,
  instead: string,
): void {
  tellOnce(`${variable}: expected ${expected}, got ${shown(text ?? '')}; ${instead}`);
}

export const FLAG_EXPECTED: string = `${YES.join(', ')}, or ${NO.join(', ')}`;

/** Misspelt variables would look as if they worked. */
export function tellUnknownVariables(env: Environment): void {
  for (const name of Object.keys(env)) {
    if (!name.startsWith(PREFIX) || KNOWN.includes(name)) continue;
    // What all of them begin with says nothing of which one is meant.
    const ends = KNOWN.map((known) => known.slice(PREFIX.length));
    const near = closest(name.slice(PREFIX.length), ends);
    // Its value may be a secret.
    const hint = near === undefined ? '' : `; did you mean ${PREFIX}${near}?`;
    tellOnce(`${name} is no variable of ours, and does nothing${hint}`);
  }
}

function shown(text: string): string {
  return JSON.stringify(
    text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text,
  );
}
