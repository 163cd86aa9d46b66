import { describe, expect, it } from 'vitest';

import { hashParameters, UNKNOWN_PARAMETERS } from '../../src/recorder/parameter-hash.ts';

const SQL = 'SELECT a FROM b WHERE c = $1';
const hash = (...values: unknown[]): number => hashParameters(SQL, values);

/** Values that have to be told apart, each made anew. */
const DISTINCT: readonly (() => unknown[])[] = [
  () => [],
  () => [1],
  () => [-1],
  () => [1.5],
  () => [1n],
  () => ['1'],
  () => [''],
  () => [null],
  () => [true],
  () => [false],
  () => [1, 2],
  () => [2, 1],
  () => [[1, 2]],
  () => [[1], 2],
  () => ['12'],
  () => ['1', '2'],
  () => [new Date(0)],
  () => [new Date(1)],
  () => [Buffer.from('a')],
  () => [Buffer.from('b')],
  () => [Buffer.from('ab')],
  () => ['ab'],
  () => ['ba'],
  () => ['\u0100'],
  () => ['\u0001'],
];

describe('the hash of a set of parameters', () => {
  it('is the same for the same values, and another one for others', () => {
    const hashes = DISTINCT.map((make) => hash(...make()));
    expect(DISTINCT.map((make) => hash(...make()))).toEqual(hashes);
    expect(new Set(hashes).size).toBe(DISTINCT.length);
    for (const one of hashes) expect(one).toBeGreaterThanOrEqual(0);
  });

  it('tells the keys of a list apart, numbers and identifiers', () => {
    const numbers = Array.from({ length: 20_000 }, (_, id) => hash(id));
    const texts = Array.from({ length: 20_000 }, (_, id) => hash(`018f3c-${id}-7a9b`));
    // Of 40,000 some 0.2 pairs agree by chance in 32 bits.
    expect(new Set([...numbers, ...texts]).size).toBeGreaterThan(39_995);
  });

  it('covers literals, and no comment around the text', () => {
    const literal = (id: number, before = '', behind = ''): number =>
      hashParameters(`${before}SELECT a FROM b WHERE c = ${id}${behind}`, undefined);
    expect(literal(1)).toBe(literal(1));
    expect(literal(1)).not.toBe(literal(2));
    expect(literal(1, '', " /*traceparent='00-1'*/")).toBe(literal(1));
    expect(literal(1, "/*action='list'*/ ")).toBe(literal(1));
    expect(literal(1, '/* never closed')).not.toBe(literal(2, '/* never closed'));
  });

  it('takes no parameters for an empty list', () => {
    expect(hashParameters(SQL, undefined)).toBe(hashParameters(SQL, []));
  });

  it('runs no code of the application', () => {
    const touched = (): never => {
      throw new Error('touched');
    };
    const trap = { get: touched, has: touched, ownKeys: touched, getPrototypeOf: touched };
    const date = Object.assign(new Date(5), { getTime: touched, toString: touched });
    expect(hash(new Proxy([1], trap))).toBe(UNKNOWN_PARAMETERS);
    expect(hash({ toPostgres: touched, toJSON: touched, toString: touched })).toBe(
      UNKNOWN_PARAMETERS,
    );
    expect(hash(date)).toBe(hash(new Date(5)));
  });

  it.each([
    ['an object', [{}]],
    ['a function', [() => 1]],
    ['a symbol', [Symbol('s')]],
    ['one of them in a list', [[1, [{}]]]],
    ['a very long text', ['x'.repeat(1e6)]],
    ['many bytes', [Buffer.alloc(1e6)]],
    ['a long list', [Array.from({ length: 1e6 }, () => 0)]],
    ['a list in itself', [listInItself()]],
  ])('does not know what is %s', (_, values) => {
    expect(hash(...values)).toBe(UNKNOWN_PARAMETERS);
  });

  it('does not look at a very long statement', () => {
    expect(hashParameters(`SELECT ${'1, '.repeat(1e5)} 1`, [])).toBe(UNKNOWN_PARAMETERS);
  });
});

function listInItself(): unknown[] {
  const list: unknown[] = [1];
  list.push(list, list);
  return list;
}
