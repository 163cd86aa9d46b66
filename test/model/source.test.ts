/** What the model steps through is what the source says: no step more, none less, in its order. */
import { describe, expect, test } from 'vitest';

import { FREE_QUOTES, LIFE } from './in-flight-protocol.ts';
import { RING } from './ring-protocol.ts';
import { accesses, functionBody, ordersOfWords, readSource } from './source.ts';

const ring = readSource('native/src/ring.zig');
const inFlight = readSource('native/src/in_flight.zig');
const recorder = readSource('native/src/recorder.zig');
const orders = ordersOfWords(readSource('native/src/words.zig'));

interface Quoting {
  readonly quotes?: string;
  readonly order?: string;
}

const quotesOf = (steps: readonly Quoting[]): string[] =>
  steps.flatMap(({ quotes }) => (quotes === undefined ? [] : [quotes]));

/** What the writer loads is its own, and no step of the model. */
const withoutOwn = (calls: readonly string[]): string[] =>
  calls.filter((call) => !call.startsWith('words.own('));

describe('the model quotes the source', () => {
  test('words.zig: each access has the order that its name stands for', () => {
    expect(orders).toEqual({
      load: 'acquire',
      publish: 'release',
      store: 'monotonic',
      own: 'monotonic',
    });
  });

  test('ring.zig: push', () => {
    expect(withoutOwn(accesses(functionBody(ring, 'push')))).toEqual(quotesOf(RING.push));
  });

  test('ring.zig: read', () => {
    expect(accesses(functionBody(ring, 'read'))).toEqual(quotesOf(RING.read));
  });

  test('in_flight.zig: begin and end', () => {
    expect(withoutOwn(accesses(functionBody(inFlight, 'begin')))).toEqual(quotesOf(LIFE.begin));
    expect(accesses(functionBody(inFlight, 'end'))).toEqual([FREE_QUOTES]);
  });

  test('recorder.zig: a query is recorded before its slot is freed', () => {
    const calls = functionBody(recorder, 'endQuery').match(
      /recorder\.(?:recordQuery|queries\.end)\(/g,
    );
    const names = { record: 'recorder.recordQuery(', free: 'recorder.queries.end(' };
    expect(calls).toEqual(LIFE.end.map((what) => names[what]));
  });

  test('recorder.zig: words are copied one by one, in order', () => {
    expect(accesses(functionBody(recorder, 'read'))).toEqual(['words.load(word)']);
  });

  test.each([...RING.push, ...RING.read, ...LIFE.begin])('the order of: $quotes', (step) => {
    if (!('order' in step)) return;
    const name = /^words\.(\w+)/.exec(step.quotes)?.[1] ?? '';
    expect(orders[name]?.replace('monotonic', 'relaxed')).toBe(step.order);
  });
});

describe('the quotes are looked for where it matters', () => {
  const weakened = ring.replace(
    '.release => words.publish(word, value)',
    '.release => word.* = value',
  );

  test('a payload that is stored plainly is noticed', () => {
    expect(weakened).not.toBe(ring);
    expect(withoutOwn(accesses(functionBody(weakened, 'push')))).not.toEqual(quotesOf(RING.push));
  });
});
