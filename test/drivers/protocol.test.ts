import { describe, expect, it } from 'vitest';

import { parametersOf, textOf } from '../../src/drivers/protocol.ts';

/** A frontend message: its type, its length, its body. */
function message(type: string, body: Buffer): Uint8Array {
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

function strings(...texts: string[]): Buffer {
  return Buffer.from(texts.map((text) => `${text}\0`).join(''));
}

function numbers(...values: readonly (readonly [bits: 16 | 32, value: number])[]): Buffer {
  return Buffer.concat(
    values.map(([bits, value]) => {
      const bytes = Buffer.alloc(bits / 8);
      bytes.writeIntBE(value, 0, bits / 8);
      return bytes;
    }),
  );
}

describe('textOf', () => {
  it('reads a Query and a Parse, and nothing else', () => {
    expect(textOf(message('Q', strings('SELECT ’1’')))).toBe('SELECT ’1’');
    const parse = Buffer.concat([strings('name', 'SELECT $1'), numbers([16, 0])]);
    expect(textOf(message('P', parse))).toBe('SELECT $1');
    expect(textOf(message('S', Buffer.alloc(0)))).toBeUndefined();
    expect(textOf(new Uint8Array())).toBeUndefined();
  });
});

describe('parametersOf', () => {
  it('reads a Bind, NULL and empty strings too', () => {
    const bind = Buffer.concat([
      strings('', 'name'),
      numbers([16, 1], [16, 0], [16, 3], [32, 2]),
      Buffer.from('42'),
      numbers([32, -1], [32, 0], [16, 0]),
    ]);
    expect(parametersOf(message('B', bind))).toEqual(['42', null, '']);
    expect(parametersOf(message('Q', strings('SELECT 1')))).toBeUndefined();
  });
});
