/**
 * The ring of ended queries (`native/src/ring.zig`, `record.zig`) as programs for the machines,
 * and each way of weakening it. Steps quote the line of the source that they stand for:
 * `source.test.ts` holds the two together.
 *
 * The checksum is one more payload word here, and nobody looks at it: the protocol has to do
 * without.
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
      quotes: 'words.store(&record[0], odd_sequence)',
      part: 'sequence',
      mark: 'odd',
      order: 'relaxed',
    },
    { quotes: 'words.publish(word, value)', part: 'payload', order: 'release' },
    {
      quotes: 'words.publish(&record[0], complete)',
      part: 'sequence',
      mark: 'even',
      order: 'release',
    },
    { quotes: 'words.publish(ring.count, number +% 1)', part: 'count', order: 'release' },
  ],
  read: [
    { quotes: 'words.load(word)', part: 'first look', order: 'acquire' },
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
  return tornPayload(size, number, registers, name);
}

function tornPayload(
  { payloadWords }: RingSize,
  number: number,
  registers: Outcome['registers'],
  name: string,
): string | undefined {
  const payload = Array.from(
    { length: payloadWords },
    (_, word) => registers[`${name} payload${word}`] ?? 0,
  );
  const isWhole = payload.every((value, word) => value === payloadOf(number, word));
  return isWhole ? undefined : `${name} accepted record ${number} as ${payload.join(', ')}`;
}

export type Place = 'own process' | 'other process';

/**
 * A reader of the ring as `src/engine/reader.ts` is one: the count, the records, the count again,
 * and the sequence of the one record that may be being replaced before the count shows it. In the
 * process itself each word is an acquire load, in order; from another process a copy by the kernel
 * keeps no order within, and is a fence against the next one.
 */
export function snapshotReader(size: RingSize, number: number, from: Place): Thread {
  const order = from === 'own process' ? 'acquire' : 'relaxed';
  const between: Step[] = from === 'own process' ? [] : [{ does: 'fence' }];
  const slot = `slot${number % size.capacity}`;
  const load = (word: string, into: string): Step => ({ does: 'load', word, into, order });
  return {
    name: 'snapshot',
    steps: [
      load('count', 'count'),
      ...between,
      load(`${slot}.sequence`, 'snapshot sequence'),
      ...Array.from({ length: size.payloadWords }, (_, word) =>
        load(`${slot}.payload${word}`, `snapshot payload${word}`),
      ),
      ...between,
      load('count', 'count after'),
      ...between,
      load(`${slot}.sequence`, 'sequence after'),
    ],
  };
}

/**
 * As {@link judgeRecord}, of a {@link snapshotReader}; also that what the count has was there. It
 * may be gone, and then counts as torn: the next record's odd mark may be seen before the count.
 */
export function judgeSnapshot(
  size: RingSize,
  number: number,
  { registers }: Outcome,
): string | undefined {
  const count = registers['count'] ?? 0;
  const oldest = (registers['count after'] ?? 0) - size.capacity;
  if (number >= count || number < oldest) return undefined;
  const complete = RING.marks.even(number);
  if (number === oldest && registers['sequence after'] !== complete) return undefined;
  const sequence = registers['snapshot sequence'] ?? 0;
  if (sequence < complete) return `record ${number} is counted and not there`;
  if (sequence > complete) return undefined;
  return tornPayload(size, number, registers, 'snapshot');
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
