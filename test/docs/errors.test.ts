import { describe, expect, it } from 'vitest';

import { readText, sourceFiles } from './support/files.ts';

const page = readText('docs/errors.md');
const sources = sourceFiles().map(readText).join('\n');

/** What the pattern's only group finds, once each, sorted. */
function found(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, group]) => group ?? ''))].sort();
}

describe('docs/errors.md', () => {
  const errors = found(page, /^\| `(ERR_HYPERDJANGO_\w+)` \|/gm);

  it('lists every error code, and no other', () => {
    const declared = found(readText('src/errors/index.ts'), /^ {2}\| '(\w+)'/gm);
    expect(declared).toContain('ERR_HYPERDJANGO_OPTION');
    expect(errors).toEqual(declared);
  });

  it('lists no error code that nothing throws', () => {
    // An OptionError brings its code with it.
    const thrown = found(
      sources.replaceAll('throw new OptionError(', "new HyperDjangoError('ERR_HYPERDJANGO_OPTION'"),
      /\bnew HyperDjangoError\(\s*'(\w+)'/g,
    );
    expect(thrown).toEqual(errors);
  });

  it('lists the code of every process warning, and no other', () => {
    const emitted = found(sources, /\bcode: '(HYPERDJANGO_\w+)'/g);
    expect(found(page, /^\| `(HYPERDJANGO_\w+)` \|/gm)).toEqual(emitted);
  });
});
