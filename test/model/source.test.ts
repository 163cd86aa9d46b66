/** What the model steps through is what the source says: no step more, none less, in its order. */
import { describe, expect, test } from 'vitest';

import { EVICTION } from './eviction-protocol.ts';
import { FREE_QUOTES, LIFE } from './in-flight-protocol.ts';
import { RING } from './ring-protocol.ts';
import { accesses, functionBody, ordersOfWords, readSource } from './source.ts';

const ring = readSource('native/src/ring.zig');
const record = readSource('native/src/record.zig');
const inFlight = readSource('native/src/in_flight.zig');
const recorder = readSource('native/src/recorder.zig');
const statements = readSource('native/src/statements.zig');
const orders = ordersOfWords(readSource('native/src/words.zig'));

interface Quoting {
  readonly quotes?: string;
  readonly order?: string;
}

/** One loop over several parts is one line of the source. */
const quotesOf = (steps: readonly Quoting[]): string[] =>
  steps
    .map(({ quotes }) => quotes ?? '')
    .filter((quotes, at, all) => quotes !== '' && quotes !== all[at - 1]);

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

  test('record.zig: write', () => {
    expect(withoutOwn(accesses(functionBody(record, 'write')))).toEqual(quotesOf(LIFE.begin));
  });

  test('record.zig: read', () => {
    expect(accesses(functionBody(record, 'read'))).toEqual(quotesOf(RING.read));
  });

  test('ring.zig: push writes a record, and counts it then', () => {
    const body = functionBody(ring, 'push');
    const call = 'record.write(payload_stores, ring.slot(number), 2 *% number +% 1, payload)';
    const [count] = withoutOwn(accesses(body));
    expect(withoutOwn(accesses(body))).toEqual([count]);
    expect(body.indexOf(call)).toBeGreaterThan(0);
    expect(body.indexOf(call)).toBeLessThan(body.indexOf(String(count)));
    expect([...quotesOf(LIFE.begin), count]).toEqual(quotesOf(RING.push));
  });

  test('in_flight.zig: begin writes a record, and end frees the slot', () => {
    expect(functionBody(record, 'rewrite')).toContain(
      'write(.release, record, words.own(&record[0]) | 1, payload)',
    );
    const begin = functionBody(inFlight, 'begin');
    expect(begin).toContain('record.rewrite(slot[0..record_words], &(.{handle} ++ payload.*))');
    expect(withoutOwn(accesses(begin))).toEqual([]);
    expect(accesses(functionBody(inFlight, 'end'))).toEqual([FREE_QUOTES]);
  });

  test('in_flight.zig: a known route is published between the marks, and a later one by itself', () => {
    const calls = functionBody(inFlight, 'begin').match(
      /record\.open\(slot\)|publishRoute\(|record\.rewrite\(/g,
    );
    expect(calls).toEqual(['record.open(slot)', 'publishRoute(', 'record.rewrite(']);
    const open = withoutOwn(accesses(functionBody(record, 'open')));
    const publish = withoutOwn(accesses(functionBody(inFlight, 'publishRoute')));
    expect([...open, ...publish]).toEqual(quotesOf(LIFE.open));
    expect(publish).toEqual(quotesOf(LIFE.name));
    expect(functionBody(inFlight, 'name')).toContain('publishRoute(slot, route_id)');
    expect(accesses(functionBody(inFlight, 'name'))).toEqual([]);
    expect(functionBody(inFlight, 'routeWord')).toContain(
      'checksum.of(2, &.{ sequence, route_id })',
    );
  });

  test('statements.zig: a row changes hands', () => {
    const evict = functionBody(statements, 'evict');
    const isOther = ({ part }: { part: string }): boolean => part === 'other';
    expect(withoutOwn(accesses(evict)).filter((call, at, all) => call !== all[at - 1])).toEqual(
      quotesOf(EVICTION.evict.filter((step) => !isOther(step))),
    );
    const places = ['words.publish(sequence,', 'table.addToOther(row)', 'words.publish(word, 0)'];
    const found = places.map((place) => evict.indexOf(place));
    expect(found).toEqual(found.toSorted((a, b) => a - b));
    const stores = withoutOwn(accesses(functionBody(statements, 'addToOther')));
    expect(stores).toEqual(expect.arrayContaining(quotesOf(EVICTION.evict.filter(isOther))));
    expect(stores.filter((call) => !call.startsWith('words.publish('))).toEqual([]);

    const take = withoutOwn(accesses(functionBody(statements, 'take')));
    const quoted = quotesOf(EVICTION.take);
    expect(take.filter((call) => quoted.includes(call))).toEqual(quoted);
    expect(functionBody(statements, 'take').indexOf('table.texts.store(')).toBeGreaterThan(
      functionBody(statements, 'take').indexOf(String(quoted[0])),
    );
    expect(
      withoutOwn(accesses(functionBody(readSource('native/src/text_blocks.zig'), 'store'))).filter(
        (call) => !call.startsWith('words.publish('),
      ),
    ).toEqual([]);

    const record = withoutOwn(accesses(functionBody(statements, 'record')));
    expect(record.filter((call) => !/^words\.(?:store|add)\(/.test(call))).toEqual([]);
    expect(EVICTION.record).toBe('relaxed');
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

  test.each([
    ...RING.push,
    ...RING.read,
    ...LIFE.open,
    ...LIFE.begin,
    ...EVICTION.evict,
    ...EVICTION.take,
  ])('the order of: $quotes', (step) => {
    if (!('order' in step)) return;
    const name = /^words\.(\w+)/.exec(step.quotes)?.[1] ?? '';
    expect(orders[name]?.replace('monotonic', 'relaxed')).toBe(step.order);
  });
});

describe('the quotes are looked for where it matters', () => {
  const weakened = record.replace(
    '.release => words.publish(word, value)',
    '.release => word.* = value',
  );

  test('a payload that is stored plainly is noticed', () => {
    expect(weakened).not.toBe(record);
    expect(withoutOwn(accesses(functionBody(weakened, 'write')))).not.toEqual(quotesOf(LIFE.begin));
  });
});
