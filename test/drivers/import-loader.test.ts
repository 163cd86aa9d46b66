import { describe, expect, it } from 'vitest';

import { load, loadSync } from '../../src/drivers/import-loader.ts';

const QUERY = 'file:///app/node_modules/postgres/src/query.js';

function loaded(url: string, format: string, source: string | Uint8Array | null): unknown {
  return loadSync(url, undefined, () => ({ format, source })).source;
}

describe('a module that is imported', () => {
  it('hands itself over at its end, where it has something to hook', async () => {
    const source = 'export class Query {}\n//# sourceMappingURL=query.js.map';
    const changed = loaded(QUERY, 'module', source);
    expect(changed).toMatch(/^export class Query \{\}\n\/\/# sourceMappingURL=query\.js\.map\n/);
    expect(changed).toContain(`import * as hyperdjango$exports from "${QUERY}";`);
    expect(loaded(QUERY, 'module', new TextEncoder().encode(source))).toBe(changed);
    const later = await load(QUERY, undefined, async () => ({ format: 'module', source }));
    expect(later.source).toBe(changed);
  });

  it('does so once, also where two copies of this package look at it', () => {
    const changed = loaded(QUERY, 'module', 'export class Query {}');
    expect(loaded(QUERY, 'module', String(changed))).toBe(changed);
  });

  it('stays as it is otherwise: another file, CommonJS, nothing to read', () => {
    expect(loaded('file:///app/src/query.js', 'module', 'a')).toBe('a');
    expect(loaded(QUERY, 'commonjs', 'a')).toBe('a');
    expect(loaded(QUERY, 'module', null)).toBeNull();
  });
});
