import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import {
  arenaFirstWord,
  ARENAS_MAX,
  DIRECTORY_ENTRY,
  SEGMENT_HEADER,
  SEGMENT_VERSION,
} from '../../src/engine/segment-layout.ts';

const source = readFileSync(
  fileURLToPath(new URL('../../native/src/segment_layout.zig', import.meta.url)),
  'utf8',
);

/** The numbers of one `pub const Name = struct { … }` of the Zig file, by snake_case name. */
function zigConstants(structName: string): Map<string, number> {
  const body = source.match(
    new RegExp(`pub const ${structName} = struct \\{([\\s\\S]*?)\\n\\};`),
  )?.[1];
  const matches = (body ?? '').matchAll(/pub const (\w+) = (\d+);/g);
  return new Map(Array.from(matches, ([, name = '', value]) => [name, Number(value)]));
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

test.each([
  ['Header', SEGMENT_HEADER],
  ['DirectoryEntry', DIRECTORY_ENTRY],
])('%s has the same words in Zig and in TypeScript', (structName, words) => {
  const { words: _size, ...fields } = words;
  const expected = Object.entries(fields).map(([name, word]): [string, number] => [
    name === 'magic' || name === 'version' ? `${name}_word` : snakeCase(name),
    word,
  ]);
  expect(zigConstants(structName)).toEqual(
    new Map(structName === 'Header' ? expected : [...expected, ['words', DIRECTORY_ENTRY.words]]),
  );
});

test('version and places are those of the Zig file', () => {
  expect(source).toContain(`pub const version: u64 = ${SEGMENT_VERSION};`);
  expect(source).toContain(`pub const arenas_max = ${ARENAS_MAX};`);
  expect([0, 1, 2].map((index) => arenaFirstWord(index, 1024, 512))).toEqual([
    2560,
    2560 + 1024,
    2560 + 1024 + 512,
  ]);
});
