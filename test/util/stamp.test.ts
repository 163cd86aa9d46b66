import { inspect } from 'node:util';

import { expect, test } from 'vitest';

import { Stamped } from '../../src/util/stamp.ts';

class Note extends Stamped {
  #text: string | undefined;

  static of(target: object): string | undefined {
    return #text in target ? target.#text : undefined;
  }

  static put(target: object, text: string): void {
    if (#text in target) target.#text = text;
    else new Note(target).#text = text;
  }
}

test('an object keeps its stamp, and nobody sees it', () => {
  const target = { a: 1 };
  expect(Note.of(target)).toBeUndefined();
  Note.put(target, 'first');
  Note.put(target, 'second');
  expect(Note.of(target)).toBe('second');
  expect(Reflect.ownKeys(target)).toEqual(['a']);
  expect(inspect(target, { showHidden: true })).toBe('{ a: 1 }');
  expect(JSON.stringify(structuredClone(target))).toBe('{"a":1}');
});

test('a frozen object takes one, and a proxy is an object of its own', () => {
  const target = Object.freeze({});
  Note.put(target, 'kept');
  expect(Note.of(target)).toBe('kept');
  expect(Note.of(new Proxy(target, {}))).toBeUndefined();
});
