/**
 * The ring of ended queries (`native/src/ring.zig`) as programs for the machines, and each way of
 * weakening it. Steps quote the line of the source that they stand for: `source.test.ts` holds
 * the two together.
 */
import type { LoadOrder, Outcome, Program, Step, StoreOrder, Thread } from './program.ts';

/** How the words of a record are marked. */
export interface Marks {
  odd(number: number): number;
  even(number: number): number;
}

export interface PushStep {
  readonly quotes: string;
  readonly part: 'sequence' | 'payload' | 'count';
  readonly order: StoreOrder;
  /** Of the sequence: which mark. */
  readonly mark?: 'odd' | 'even';
}

export type ReadStep =
  | {
      readonly quotes: string;
      readonly part: 'first look' | 'payload' | 'second look';
      readonly order: LoadOrder;
    }
  | { readonly quotes: string; readonly part: 'fence' };

export interface RingProtocol {
  readonly marks: Marks;
  readonly push: readonly PushStep[];
  readonly read: readonly ReadStep[];
}

export const RING: RingProtocol = {
  marks: { odd: (number) => 2 * number + 1, even: (number) => 2 * number + 2 },
  push: [
    {
      quotes: 'words.store(&record[0], 2 * number + 1)',
      part: 'sequence',
      mark: 'odd',
      order: 'relaxed',
    },
    { quotes: 'words.publish(word, value)', part: 'payload', order: 'release' },
    {
      quotes: 'words.publish(&record[0], 2 * number + 2)',
      part: 'sequence',
      mark: 'even',
      order: 'release',
    },
    { quotes: 'words.publish(ring.count, number + 1)', part: 'count', order: 'release' },
  ],
  read: [
    { quotes: 'words.load(&record[0])', part: 'first look', order: 'acquire' },
    { quotes: 'words.load(word)', part: 'payload', order: 'acquire' },
    { quotes: 'words.load(&record[0])', part: 'second look', order: 'acquire' },
  ],
};

export interface RingSize {
  /** Records that the writer pushes. */
  readonly records: number;
  readonly capacity: number;
  readonly payloadWords: number;
}

/** What record `number` has in payload word `word`: told apart from every other. */
export function payloadOf(number: number, word: number): number {
  return 100 * (number + 1) + word;
}

export function ringWriter({ push, marks }: RingProtocol, size: RingSize): Thread {
  const steps: Step[] = [];
  for (let number = 0; number < size.records; number += 1) {
    const slot = `slot${number % size.capacity}`;
    for (const { part, order, mark } of push) {
      if (part === 'count') {
        steps.push({ does: 'store', word: 'count', value: number + 1, order });
      } else if (part === 'sequence') {
        const value = mark === 'odd' ? marks.odd(number) : marks.even(number);
        steps.push({ does: 'store', word: `${slot}.sequence`, value, order });
      } else {
        for (let word = 0; word < size.payloadWords; word += 1) {
          const value = payloadOf(number, word);
          steps.push({ does: 'store', word: `${slot}.payload${word}`, value, order });
        }
      }
    }
  }
  return { name: 'writer', steps };
}

/** Reads record `number`. */
export function ringReader(
  { read }: RingProtocol,
  size: RingSize,
  number: number,
  name: string = 'reader',
): Thread {
  const slot = `slot${number % size.capacity}`;
  const steps = read.flatMap((step): Step[] => {
    if (step.part === 'fence') return [{ does: 'fence' }];
    const { part, order } = step;
    if (part !== 'payload') {
      return [{ does: 'load', word: `${slot}.sequence`, into: `${name} ${part}`, order }];
    }
    return Array.from({ length: size.payloadWords }, (_, word) => ({
      does: 'load',
      word: `${slot}.payload${word}`,
      into: `${name} payload${word}`,
      order,
    }));
  });
  return { name, steps };
}

/** What a reader that looked for record `number` made of it: nothing wrong, or what. */
export function judgeRecord(
  { marks, read }: RingProtocol,
  size: RingSize,
  number: number,
  { registers }: Outcome,
  name: string = 'reader',
): string | undefined {
  const looks = read.filter(({ part }) => part === 'first look' || part === 'second look');
  const isAccepted = looks.every(({ part }) => registers[`${name} ${part}`] === marks.even(number));
  if (!isAccepted) return undefined;
  const payload = Array.from(
    { length: size.payloadWords },
    (_, word) => registers[`${name} payload${word}`] ?? 0,
  );
  const isWhole = payload.every((value, word) => value === payloadOf(number, word));
  return isWhole ? undefined : `${name} accepted record ${number} as ${payload.join(', ')}`;
}

/** A writer, and a reader of record `number`. */
export function ringProgram(protocol: RingProtocol, size: RingSize, number: number): Program {
  return [ringWriter(protocol, size), ringReader(protocol, size, number)];
}

function changePush(change: (step: PushStep) => PushStep): RingProtocol {
  return { ...RING, push: RING.push.map(change) };
}

function relaxRead(relaxed: ReadStep['part']): RingProtocol {
  const read = RING.read.map((step): ReadStep => {
    return step.part === relaxed && step.part !== 'fence' ? { ...step, order: 'relaxed' } : step;
  });
  return { ...RING, read };
}

function named(part: PushStep['part'], mark?: PushStep['mark']): PushStep {
  const step = RING.push.find((each) => each.part === part && each.mark === mark);
  if (step === undefined) throw new Error(`no step ${part} ${mark ?? ''}`);
  return step;
}

/** Each lacks one thing that the protocol has, and accepts torn records for it. */
export const WEAKENED_RINGS: Readonly<Record<string, RingProtocol>> = {
  'plain payload stores': changePush((step) =>
    step.part === 'payload' ? { ...step, order: 'plain' } : step,
  ),
  'relaxed payload stores': changePush((step) =>
    step.part === 'payload' ? { ...step, order: 'relaxed' } : step,
  ),
  'even mark before the payload': {
    ...RING,
    push: [named('sequence', 'odd'), named('sequence', 'even'), named('payload'), named('count')],
  },
  'no odd mark': { ...RING, push: RING.push.filter(({ mark }) => mark !== 'odd') },
  'odd mark after the payload': {
    ...RING,
    push: [named('payload'), named('sequence', 'odd'), named('sequence', 'even'), named('count')],
  },
  'relaxed even mark': changePush((step) =>
    step.mark === 'even' ? { ...step, order: 'relaxed' } : step,
  ),
  'no second look': { ...RING, read: RING.read.filter(({ part }) => part !== 'second look') },
  'no first look': { ...RING, read: RING.read.filter(({ part }) => part !== 'first look') },
  'relaxed payload loads': relaxRead('payload'),
  'relaxed first look': relaxRead('first look'),
  'sequence reused': { ...RING, marks: { odd: () => 1, even: () => 2 } },
};

/** Less order than the protocol has, in places where it needs none. */
export const RELAXED_RINGS: Readonly<Record<string, RingProtocol>> = {
  'relaxed second look': relaxRead('second look'),
  'relaxed count': changePush((step) =>
    step.part === 'count' ? { ...step, order: 'relaxed' } : step,
  ),
};
