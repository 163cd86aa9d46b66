/**
 * The table of what is in flight (`native/src/in_flight.zig`, `record.zig`) as programs for the
 * machines, with the life of a query in it (`native/src/recorder.zig`): a slot is taken, the
 * record is pushed when the query ends, the slot is freed. Steps quote the source, as in
 * `ring-protocol.ts`; the handle is the first payload word of the slot's record.
 */
import type { Outcome, Program, Step, StoreOrder, Thread } from './program.ts';
import {
  judgeRecord,
  payloadOf,
  type Place,
  RING,
  ringReader,
  type RingSize,
  ringWriter,
} from './ring-protocol.ts';

export interface SlotStep {
  readonly quotes: string;
  readonly part: 'sequence' | 'handle' | 'payload';
  readonly order: StoreOrder;
  /** Of the sequence: what is added to what it was before `begin`. */
  readonly added?: number;
}

export interface LifeProtocol {
  readonly begin: readonly SlotStep[];
  /** In the order in which `endQuery` takes them. */
  readonly end: readonly ('record' | 'free')[];
  readonly free: StoreOrder;
}

export const LIFE: LifeProtocol = {
  begin: [
    {
      quotes: 'words.store(&record[0], odd_sequence)',
      part: 'sequence',
      added: 1,
      order: 'relaxed',
    },
    {
      quotes: 'words.publish(word, value)',
      part: 'handle',
      order: 'release',
    },
    { quotes: 'words.publish(word, value)', part: 'payload', order: 'release' },
    {
      quotes: 'words.publish(&record[0], complete)',
      part: 'sequence',
      added: 2,
      order: 'release',
    },
  ],
  end: ['record', 'free'],
  free: 'release',
};

/** The line that frees a slot. */
export const FREE_QUOTES = 'words.publish(&slot[handle_word], no_handle)';

const SIZE: RingSize = { records: 1, capacity: 1, payloadWords: 2 };
const PAYLOAD_WORDS = SIZE.payloadWords;

function handleOf(query: number): number {
  return query + 1;
}

/** The steps of `begin` for the `query`th use of the slot. */
export function beginSteps({ begin }: LifeProtocol, query: number): readonly Step[] {
  return begin.flatMap(({ part, order, added }): Step[] => {
    if (part === 'sequence') {
      const value = 2 * query + (added ?? 0);
      return [{ does: 'store', word: 'slot.sequence', value, order }];
    }
    if (part === 'handle') {
      return [{ does: 'store', word: 'slot.handle', value: handleOf(query), order }];
    }
    return Array.from({ length: PAYLOAD_WORDS }, (_, word) => ({
      does: 'store',
      word: `slot.payload${word}`,
      value: payloadOf(query, word),
      order,
    }));
  });
}

function freeStep({ free }: LifeProtocol): Step {
  return { does: 'store', word: 'slot.handle', value: 0, order: free };
}

/** One slot, used `queries` times. */
export function slotWriter(protocol: LifeProtocol, queries: number): Thread {
  const steps = Array.from({ length: queries }, (_, query) => [
    ...beginSteps(protocol, query),
    freeStep(protocol),
  ]).flat();
  return { name: 'writer', steps };
}

/**
 * A reader of the slot, as `src/engine/arena.ts` is one: the slot, then the sequence again. In the
 * process itself each word is an acquire load, in order; from another process a copy by the kernel
 * keeps no order within, and is a fence against the next one.
 */
export function slotReader(from: Place, name = 'reader'): Thread {
  const order = from === 'own process' ? 'acquire' : 'relaxed';
  const between: Step[] = from === 'own process' ? [] : [{ does: 'fence' }];
  const load = (word: string, into: string): Step => ({
    does: 'load',
    word: `slot.${word}`,
    into: `${name} ${into}`,
    order,
  });
  const steps: Step[] = [
    load('sequence', 'before'),
    load('handle', 'handle'),
    ...Array.from({ length: PAYLOAD_WORDS }, (_, word) => load(`payload${word}`, `payload${word}`)),
    ...between,
    load('sequence', 'after'),
  ];
  return { name, steps };
}

/** The query that the reader found in the slot; -1 for none, and where it saw a change. */
export function namedQuery({ registers }: Outcome, name = 'reader'): number {
  const before = registers[`${name} before`] ?? 0;
  const isStable = before % 2 === 0 && registers[`${name} after`] === before;
  const handle = registers[`${name} handle`] ?? 0;
  return isStable && handle !== 0 ? handle - 1 : -1;
}

/** What is wrong with what the reader took from the slot, if anything. */
export function judgeSlot(outcome: Outcome, name = 'reader'): string | undefined {
  const query = namedQuery(outcome, name);
  if (query === -1) return undefined;
  const payload = Array.from(
    { length: PAYLOAD_WORDS },
    (_, word) => outcome.registers[`${name} payload${word}`] ?? 0,
  );
  const isWhole = payload.every((value, word) => value === payloadOf(query, word));
  return isWhole ? undefined : `${name} accepted query ${query} as ${payload.join(', ')}`;
}

const REPORTED = 'reported';

/**
 * One query from begin to end. Once it has begun the writer reports so: that is what the
 * application's user sees of it.
 */
function lifeWriter(protocol: LifeProtocol): Thread {
  const ending = {
    record: ringWriter(RING, SIZE).steps,
    free: [freeStep(protocol)],
  };
  return {
    name: 'writer',
    steps: [
      ...beginSteps(protocol, 0),
      { does: 'store', word: REPORTED, value: 1, order: 'release' },
      ...protocol.end.flatMap((what) => ending[what]),
    ],
  };
}

function snapshotReader(order: readonly ('in flight' | 'ended')[]): Thread {
  const parts = {
    'in flight': slotReader('own process').steps,
    ended: ringReader(RING, SIZE, 0, 'ended').steps,
  };
  return {
    name: 'reader',
    steps: [
      { does: 'load', word: REPORTED, into: 'reported', order: 'acquire' },
      ...order.flatMap((part) => parts[part]),
    ],
  };
}

/** A reader beside a living writer. */
export function liveProgram(
  protocol: LifeProtocol,
  order: readonly ('in flight' | 'ended')[],
): Program {
  return [lifeWriter(protocol), snapshotReader(order)];
}

/** A writer that is killed at any moment, and a reader that comes after. */
export function postMortemProgram(protocol: LifeProtocol): Program {
  return [
    { ...lifeWriter(protocol), mayBeKilled: true },
    { ...snapshotReader(['in flight', 'ended']), follows: 'writer' },
  ];
}

/**
 * A query that was reported as begun must be found, in flight or ended; and what is found must be
 * whole.
 */
export function judgeLife(outcome: Outcome): string | undefined {
  const { registers } = outcome;
  const torn = judgeSlot(outcome) ?? judgeRecord(RING, SIZE, 0, outcome, 'ended');
  if (torn !== undefined) return torn;
  const isEnded = registers['ended first look'] === 2 && registers['ended second look'] === 2;
  const isNamed = namedQuery(outcome) === 0;
  return registers['reported'] === 1 && !isEnded && !isNamed
    ? 'the query had begun, and the reader names it nowhere'
    : undefined;
}

export const WEAKENED_SLOTS: Readonly<Record<string, LifeProtocol>> = {
  'plain payload stores': changeBegin((step) =>
    step.part === 'payload' ? { ...step, order: 'plain' } : step,
  ),
  'plain handle store': changeBegin((step) =>
    step.part === 'handle' ? { ...step, order: 'plain' } : step,
  ),
  'no odd mark': { ...LIFE, begin: LIFE.begin.filter(({ added }) => added !== 1) },
  'even mark before the payload': {
    ...LIFE,
    begin: [
      ...LIFE.begin.filter(({ part }) => part === 'sequence'),
      ...LIFE.begin.filter(({ part }) => part !== 'sequence'),
    ],
  },
  'relaxed even mark': changeBegin((step) =>
    step.added === 2 ? { ...step, order: 'relaxed' } : step,
  ),
  'the sequence never moves on': changeBegin((step) =>
    step.part === 'sequence' ? { ...step, added: 0 } : step,
  ),
};

/** A request whose route becomes known later: its slot is written again, in its place. */
export function renamedProgram(): Program {
  const again = beginSteps(LIFE, 0).map((step): Step =>
    step.does === 'store' && step.word === 'slot.sequence'
      ? { ...step, value: step.value + 2 }
      : step,
  );
  const steps: Step[] = [
    ...beginSteps(LIFE, 0),
    { does: 'store', word: REPORTED, value: 1, order: 'release' },
    ...again,
  ];
  return [
    { name: 'writer', steps, mayBeKilled: true },
    { ...snapshotReader(['in flight', 'ended']), follows: 'writer' },
  ];
}

export const FREED_BEFORE_RECORDED: LifeProtocol = { ...LIFE, end: ['free', 'record'] };

function changeBegin(change: (step: SlotStep) => SlotStep): LifeProtocol {
  return { ...LIFE, begin: LIFE.begin.map(change) };
}
