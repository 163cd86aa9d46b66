import { inspect } from 'node:util';

import { expect, test } from 'vitest';

import { createStamp } from '../../src/util/stamp.ts';

test('an object keeps its stamp, and nobody sees it', () => {
  const stamp = createStamp<object, string>();
  const target = { a: 1 };
  expect(stamp.get(target)).toBeUndefined();
  stamp.set(target, 'first');
  stamp.set(target, 'second');
  expect(stamp.get(target)).toBe('second');
  expect(Reflect.ownKeys(target)).toEqual(['a']);
  expect(inspect(target, { showHidden: true })).toBe('{ a: 1 }');
  expect(JSON.stringify(structuredClone(target))).toBe('{"a":1}');
  stamp.set(target, undefined);
  expect(stamp.get(target)).toBeUndefined();
});

test('stamps do not see each other, and proxies are objects of their own', () => {
  const one = createStamp<object, number>();
  const other = createStamp<object, number>();
  const target = {};
  one.set(target, 1);
  expect(other.get(target)).toBeUndefined();
  expect(one.get(new Proxy(target, {}))).toBeUndefined();
});
