/** Finds in the Zig source the accesses that the model's steps quote. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../support/processes.ts';

export function readSource(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/**
 * What stands between the braces of the function.
 *
 * @throws Error if the source has no such function, or several.
 */
export function functionBody(source: string, name: string): string {
  const heads = [...source.matchAll(new RegExp(`\\bfn ${name}\\(`, 'g'))];
  const [head] = heads;
  if (head === undefined || heads.length > 1) throw new Error(`${heads.length} functions ${name}`);
  const start = source.indexOf(' {\n', head.index) + 2;
  return source.slice(start, closing(source, start, '{', '}'));
}

/** Every `words.…(…)` and `@memcpy(…)` of it, in order, on one line each. */
export function accesses(body: string): readonly string[] {
  return [...body.matchAll(/(?:\bwords\.\w+|@memcpy|@memset)\(/g)].map(({ index, 0: head }) => {
    const end = closing(body, index + head.length, '(', ')');
    return `${body.slice(index, end)})`.replaceAll(/\s+/g, ' ').replace(/^(\S+\() /, '$1');
  });
}

/** By function of `words.zig`, the order of its one atomic access. */
export function ordersOfWords(source: string): Readonly<Record<string, string>> {
  const functions = source.matchAll(
    /pub fn (\w+)\([^{]*\{\s*(?:return )?@atomic(?:Load|Store)\([^)]*\.(\w+)\);\s*\}/g,
  );
  return Object.fromEntries([...functions].map(([, name, order]) => [name, order]));
}

/** Where the bracket closes that was opened before `start`. */
function closing(source: string, start: number, open: string, close: string): number {
  let depth = source[start] === open ? 0 : 1;
  for (let at = start; at < source.length; at += 1) {
    if (source[at] === open) depth += 1;
    if (source[at] === close) depth -= 1;
    if (depth === 0) return at;
  }
  throw new Error(`${open} is never closed`);
}
