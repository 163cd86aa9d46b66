/**
 * The machines themselves, on the small programs that every memory model is measured by: which
 * outcomes each of them allows is known.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ARM64, X86 } from './hardware.ts';
import { C11, CPP20 } from './language.ts';
import {
  type Explorer,
  keyOf,
  type LoadOrder,
  type Program,
  type Step,
  type StoreOrder,
} from './program.ts';

const store = (word: string, value: number, order: StoreOrder): Step => ({
  does: 'store',
  word,
  value,
  order,
});
const load = (word: string, into: string, order: LoadOrder): Step => ({
  does: 'load',
  word,
  into,
  order,
});
const fence: Step = { does: 'fence' };

function program(...threads: (readonly Step[])[]): Program {
  return threads.map((steps, index) => ({ name: `t${index}`, steps }));
}

/** Whether some execution ends with these registers. */
function allows(
  machine: Explorer,
  subject: Program,
  wanted: Readonly<Record<string, number>>,
): boolean {
  const { violation } = machine.explore(subject, ({ registers }) =>
    Object.entries(wanted).every(([name, value]) => registers[name] === value)
      ? 'reached'
      : undefined,
  );
  return violation !== undefined;
}

const messagePassing = (
  data: StoreOrder,
  flag: StoreOrder,
  look: LoadOrder,
  get: LoadOrder,
): Program =>
  program(
    [store('data', 1, data), store('flag', 1, flag)],
    [load('flag', 'flag', look), load('data', 'data', get)],
  );
const STALE = { flag: 1, data: 0 };

interface Litmus {
  readonly name: string;
  readonly program: Program;
  readonly outcome: Readonly<Record<string, number>>;
  readonly c11: boolean;
  readonly arm64: boolean;
  readonly x86: boolean;
}

const LITMUS: readonly Litmus[] = [
  {
    name: 'a message passed by release and acquire arrives whole',
    program: messagePassing('relaxed', 'release', 'acquire', 'relaxed'),
    outcome: STALE,
    c11: false,
    arm64: false,
    x86: false,
  },
  {
    name: 'without release it may not',
    program: messagePassing('relaxed', 'relaxed', 'acquire', 'acquire'),
    outcome: STALE,
    c11: true,
    arm64: true,
    x86: false,
  },
  {
    name: 'without acquire it may not',
    program: messagePassing('release', 'release', 'relaxed', 'acquire'),
    outcome: STALE,
    c11: true,
    arm64: true,
    x86: false,
  },
  {
    name: 'a fence between relaxed loads is as good as acquire',
    program: program(
      [store('data', 1, 'relaxed'), store('flag', 1, 'release')],
      [load('flag', 'flag', 'relaxed'), fence, load('data', 'data', 'relaxed')],
    ),
    outcome: STALE,
    c11: false,
    arm64: false,
    x86: false,
  },
  {
    name: 'a store after a release store may be seen before it',
    program: program(
      [store('flag', 1, 'release'), store('data', 1, 'relaxed')],
      [load('data', 'data', 'acquire'), load('flag', 'flag', 'acquire')],
    ),
    outcome: { data: 1, flag: 0 },
    c11: true,
    arm64: true,
    x86: false,
  },
  {
    name: 'a relaxed store passes on what a release store to its word before it did',
    program: program(
      [store('data', 1, 'relaxed'), store('flag', 1, 'release'), store('flag', 2, 'relaxed')],
      [load('flag', 'flag', 'acquire'), load('data', 'data', 'relaxed')],
    ),
    outcome: { flag: 2, data: 0 },
    c11: false,
    arm64: false,
    x86: false,
  },
  {
    name: 'store buffering: both threads see the old value',
    program: program(
      [store('x', 1, 'relaxed'), load('y', 'y', 'relaxed')],
      [store('y', 1, 'relaxed'), load('x', 'x', 'relaxed')],
    ),
    outcome: { x: 0, y: 0 },
    c11: true,
    arm64: true,
    x86: true,
  },
  {
    name: 'store buffering is forbidden by fences',
    program: program(
      [store('x', 1, 'relaxed'), fence, load('y', 'y', 'relaxed')],
      [store('y', 1, 'relaxed'), fence, load('x', 'x', 'relaxed')],
    ),
    outcome: { x: 0, y: 0 },
    c11: false,
    arm64: false,
    x86: false,
  },
  {
    name: 'one word never runs backwards',
    program: program(
      [store('x', 1, 'plain'), store('x', 2, 'plain')],
      [load('x', 'first', 'relaxed'), load('x', 'second', 'relaxed')],
    ),
    outcome: { first: 2, second: 1 },
    c11: false,
    arm64: false,
    x86: false,
  },
  {
    name: 'a message passed on by a third thread arrives whole',
    program: program(
      [store('data', 1, 'relaxed'), store('first', 1, 'release')],
      [load('first', 'first', 'acquire'), store('second', 1, 'release')],
      [load('second', 'second', 'acquire'), load('data', 'data', 'relaxed')],
    ),
    outcome: { first: 1, second: 1, data: 0 },
    c11: false,
    arm64: false,
    x86: false,
  },
  {
    name: 'two readers disagree about the order of two release stores (arm64 has one memory)',
    program: program(
      [store('x', 1, 'release')],
      [store('y', 1, 'release')],
      [load('x', 'x1', 'acquire'), load('y', 'y1', 'acquire')],
      [load('y', 'y2', 'acquire'), load('x', 'x2', 'acquire')],
    ),
    outcome: { x1: 1, y1: 0, y2: 1, x2: 0 },
    c11: true,
    arm64: false,
    x86: false,
  },
];

describe('the machines allow what they must and forbid what they must', () => {
  test.each(LITMUS)('$name', ({ program: subject, outcome, c11, arm64, x86 }) => {
    expect({
      c11: allows(C11, subject, outcome),
      arm64: allows(ARM64, subject, outcome),
      x86: allows(X86, subject, outcome),
    }).toEqual({ c11, arm64, x86 });
  });

  test('C++20 lets no relaxed store pass on a release', () => {
    const subject = program(
      [store('data', 1, 'relaxed'), store('flag', 1, 'release'), store('flag', 2, 'relaxed')],
      [load('flag', 'flag', 'acquire'), load('data', 'data', 'relaxed')],
    );
    expect(allows(CPP20, subject, { flag: 2, data: 0 })).toBe(true);
  });

  test('a killed thread has done no step that its order forbids', () => {
    const killed: Program = [
      {
        name: 'writer',
        steps: [store('a', 1, 'relaxed'), store('b', 1, 'release')],
        mayBeKilled: true,
      },
      {
        name: 'reader',
        steps: [load('a', 'a', 'relaxed'), load('b', 'b', 'relaxed')],
        follows: 'writer',
      },
    ];
    for (const machine of [C11, ARM64]) {
      expect(allows(machine, killed, { a: 0, b: 0 })).toBe(true);
      expect(allows(machine, killed, { a: 1, b: 0 })).toBe(true);
      expect(allows(machine, killed, { a: 0, b: 1 })).toBe(false);
    }
  });

  test('a program with two writers of a word is refused', () => {
    const subject = program([store('x', 1, 'relaxed')], [store('x', 2, 'relaxed')]);
    expect(() => C11.explore(subject, () => undefined)).toThrow('x has two writers: t0, t1');
  });
});

/** Threads that store, each its own words, and threads that load: as all programs of ours are. */
const publishing = fc
  .record({
    first: fc.array(storeTo('a', 'b'), { minLength: 1, maxLength: 4 }),
    second: fc.array(storeTo('c', 'd'), { maxLength: 3 }),
    loads: fc.array(
      fc.oneof(
        fc.record({
          word: fc.constantFrom('a', 'b', 'c', 'd'),
          order: fc.constantFrom<LoadOrder>('relaxed', 'acquire'),
        }),
        fc.constant('fence' as const),
      ),
      { minLength: 1, maxLength: 5 },
    ),
  })
  .map(({ first, second, loads }) =>
    program(
      numbered(first),
      numbered(second),
      loads.map((each, at) =>
        each === 'fence' ? fence : load(each.word, `load ${at}`, each.order),
      ),
    ),
  );

function storeTo(...names: string[]): fc.Arbitrary<{ word: string; order: StoreOrder }> {
  return fc.record({
    word: fc.constantFrom(...names),
    order: fc.constantFrom<StoreOrder>('plain', 'relaxed', 'release'),
  });
}

function numbered(stores: readonly { word: string; order: StoreOrder }[]): Step[] {
  return stores.map(({ word, order }, at) => store(word, at + 1, order));
}

function outcomesOf(machine: Explorer, subject: Program): Set<string> {
  const { outcomes } = machine.explore(subject, () => undefined);
  return new Set(outcomes.map(({ registers }) => keyOf(registers)));
}

test('C++20 allows all that C11 does, C11 all that arm64 does, arm64 all that x86 does', () => {
  fc.assert(
    fc.property(publishing, (subject) => {
      const weakestFirst = [CPP20, C11, ARM64, X86].map((each) => outcomesOf(each, subject));
      for (const [at, outcomes] of weakestFirst.slice(1).entries()) {
        expect([...outcomes].filter((each) => weakestFirst[at]?.has(each) !== true)).toEqual([]);
      }
    }),
    { numRuns: 150 },
  );
});
