import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

import { ROOT } from '../support/processes.ts';
import { documents, readText } from './support/files.ts';
import { parsePage } from './support/markdown.ts';

const manifest = JSON.parse(readText('package.json')) as { scripts: Record<string, string> };
/** What npm runs under these names without `run`. */
const SHORT_SCRIPTS = ['start', 'stop', 'test'];

/** @returns why a relative link leads nowhere. */
function whyBroken(from: string, target: string): string | undefined {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? from : normalize(join(dirname(from), decodeURIComponent(file)));
  if (!existsSync(join(ROOT, path))) return `${path} does not exist`;
  if (anchor === undefined || !path.endsWith('.md')) return undefined;
  return parsePage(readText(path), path).anchors.has(anchor)
    ? undefined
    : `${path} has no #${anchor}`;
}

describe.each(documents())('%s', (path) => {
  const text = readText(path);

  it('has links that lead somewhere', () => {
    const broken = parsePage(text, path)
      .links.filter(({ target }) => !/^[a-z]+:/.test(target))
      .map(({ target, line }) => ({ at: `${path}:${line}`, why: whyBroken(path, target) }))
      .filter(({ why }) => why !== undefined);
    expect(broken).toEqual([]);
  });

  it('names files of the repository that exist', () => {
    const names = text.matchAll(/`((?:bench|docs|examples|native|scripts|src|test)\/[\w./-]*)`/g);
    const missing = [...names]
      .map(([, name]) => name ?? '')
      .filter((name) => !existsSync(join(ROOT, name)));
    expect(missing).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const run = [...text.matchAll(/\bnpm run (?:--silent |-s )?([\w:-]+)/g)];
    const short = [...text.matchAll(/\bnpm ([a-z]+)\b/g)].filter(([, name]) =>
      SHORT_SCRIPTS.includes(name ?? ''),
    );
    const unknown = [...run, ...short]
      .map(([, name]) => name ?? '')
      .filter((name) => !Object.hasOwn(manifest.scripts, name));
    expect(unknown).toEqual([]);
  });
});

describe('the look at links', () => {
  it('finds a file, a heading or an anchor that is missing', () => {
    expect(whyBroken('docs/errors.md', 'pool.md#slowquerylog')).toBeUndefined();
    expect(whyBroken('docs/errors.md', '#errors')).toBeUndefined();
    expect(whyBroken('docs/errors.md', '../docs/none.md')).toBe('docs/none.md does not exist');
    expect(whyBroken('docs/errors.md', 'pool.md#none')).toBe('docs/pool.md has no #none');
  });

  it('reads links in lists, tables and around images, and none in code', () => {
    const { links } = parsePage(
      '- [a](b.md)\n| [![i](i.png)](c.md#d) |\n`[x](y)`\n```\n[z](z)\n```',
      'a.md',
    );
    expect(links.map(({ target }) => target)).toEqual(['b.md', 'i.png', 'c.md#d']);
  });
});
