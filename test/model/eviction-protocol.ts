/**
 * A row of the statement table that changes hands (`native/src/statements.zig`) as a program for
 * the machines. Its text stands for the whole of who it is; one number for all that its calls
 * added up to.
 *
 * A statement is recorded, gives up its row, what it added up goes to "other", and the next one
 * takes the row and is recorded.
 */
import type { Outcome, Program, Step, StoreOrder, Thread } from './program.ts';
import type { Place } from './ring-protocol.ts';

export interface EvictionStep {
  readonly quotes: string;
  readonly part: 'eviction odd' | 'row odd' | 'other' | 'zero' | 'eviction even';
  readonly order: StoreOrder;
}

export interface TakeStep {
  readonly quotes: string;
  readonly part: 'row odd' | 'text' | 'row even';
  readonly order: StoreOrder;
}

export interface EvictionProtocol {
  readonly record: StoreOrder;
  readonly evict: readonly EvictionStep[];
  readonly take: readonly TakeStep[];
}

export const EVICTION: EvictionProtocol = {
  record: 'relaxed',
  evict: [
    {
      quotes: 'words.store(eviction, words.own(eviction) | 1)',
      part: 'eviction odd',
      order: 'relaxed',
    },
    {
      quotes: 'words.publish(sequence, words.own(sequence) | 1)',
      part: 'row odd',
      order: 'release',
    },
    {
      quotes: 'words.publish(&target[word], words.own(&target[word]) +% words.own(&source[word]))',
      part: 'other',
      order: 'release',
    },
    { quotes: 'words.publish(word, 0)', part: 'zero', order: 'release' },
    {
      quotes: 'words.publish(eviction, words.own(eviction) +% 1)',
      part: 'eviction even',
      order: 'release',
    },
  ],
  take: [
    {
      quotes: 'words.store(&identity[RowIdentity.sequence], sequence -% 1)',
      part: 'row odd',
      order: 'relaxed',
    },
    {
      quotes: 'words.publish(&identity[RowIdentity.fingerprint], fingerprint)',
      part: 'text',
      order: 'release',
    },
    {
      quotes: 'words.publish(&identity[RowIdentity.sequence], sequence)',
      part: 'row even',
      order: 'release',
    },
  ],
};

/** What one call of the first and of the second statement adds. */
const CALL = [10, 100] as const;
const textOf = (statement: number): number => 1 + statement;

function store(word: string, value: number, order: StoreOrder): Step {
  return { does: 'store', word, value, order };
}

function takeSteps({ take }: EvictionProtocol, statement: number): Step[] {
  const even = 2 * statement + 2;
  return take.map(({ part, order }) => {
    if (part === 'text') return store('row text', textOf(statement), order);
    return store('row sequence', part === 'row odd' ? even - 1 : even, order);
  });
}

function evictSteps({ evict }: EvictionProtocol): Step[] {
  const stored = {
    'eviction odd': { word: 'eviction', value: 1 },
    'row odd': { word: 'row sequence', value: 3 },
    other: { word: 'other total', value: CALL[0] },
    zero: { word: 'row total', value: 0 },
    'eviction even': { word: 'eviction', value: 2 },
  };
  return evict.map(({ part, order }) => store(stored[part].word, stored[part].value, order));
}

export function evictingWriter(protocol: EvictionProtocol): Thread {
  return {
    name: 'writer',
    steps: [
      ...takeSteps(protocol, 0),
      store('row total', CALL[0], protocol.record),
      ...evictSteps(protocol),
      ...takeSteps(protocol, 1),
      store('row total', CALL[1], protocol.record),
    ],
  };
}

/** As `src/engine/statement-reader.ts` is one. */
export function rowReader(from: Place): Thread {
  const order = from === 'own process' ? 'acquire' : 'relaxed';
  const load = (word: string, into: string): Step => ({ does: 'load', word, into, order });
  const copies: readonly (readonly Step[])[] = [
    [load('eviction', 'eviction before')],
    [load('row sequence', 'sequence before'), load('row text', 'text')],
    [load('other total', 'other'), load('row total', 'total')],
    [load('row sequence', 'sequence after')],
    [load('eviction', 'eviction after')],
  ];
  const steps = copies.flatMap((copy, index): readonly Step[] =>
    from === 'own process' || index === 0 ? copy : [{ does: 'fence' }, ...copy],
  );
  return { name: 'reader', steps };
}

export function evictionProgram(protocol: EvictionProtocol, from: Place): Program {
  return [evictingWriter(protocol), rowReader(from)];
}

/** The writer is killed at any moment; the reader comes after. */
export function killedEvictionProgram(): Program {
  return [
    { ...evictingWriter(EVICTION), mayBeKilled: true },
    { ...rowReader('other process'), follows: 'writer' },
  ];
}

/**
 * A row that is accepted has the text and the total of one and the same statement; and where no
 * eviction was seen, the rows and "other" together have each call once.
 *
 * @param isTextChecked whether the checksum tells a text that is not the row's.
 */
export function judgeRow({ registers }: Outcome, isTextChecked: boolean): string | undefined {
  const value = (name: string): number => registers[name] ?? 0;
  const sequence = value('sequence before');
  const isTaken = sequence !== 0 && sequence % 2 === 0 && value('sequence after') === sequence;
  const statement = sequence / 2 - 1;
  if (isTaken && value('text') !== textOf(statement)) {
    return isTextChecked ? undefined : `statement ${statement} has the text ${value('text')}`;
  }
  const [first, second] = CALL;
  const total = value('total');
  if (isTaken && ![0, CALL[statement]].includes(total)) {
    return `statement ${statement} has the total ${total}`;
  }
  const evictions = value('eviction before');
  const isSteady = evictions % 2 === 0 && value('eviction after') === evictions;
  if (!isSteady) return undefined;
  const sum = value('other') + (isTaken ? total : 0);
  const isPossible = evictions === 0 ? [0, first] : [first, first + second];
  return isPossible.includes(sum)
    ? undefined
    : `after ${evictions / 2} evictions all calls add up to ${sum}`;
}

export const WEAKENED_EVICTIONS: Readonly<Record<string, EvictionProtocol>> = {
  'plain zeroing': changeEvict((step) =>
    step.part === 'zero' ? { ...step, order: 'plain' } : step,
  ),
  'plain sums of other': changeEvict((step) =>
    step.part === 'other' ? { ...step, order: 'plain' } : step,
  ),
  'no odd mark of the row': {
    ...EVICTION,
    evict: EVICTION.evict.filter(({ part }) => part !== 'row odd'),
    take: EVICTION.take.filter(({ part }) => part !== 'row odd'),
  },
  'no eviction sequence': {
    ...EVICTION,
    evict: EVICTION.evict.filter(({ part }) => !part.startsWith('eviction')),
  },
  'relaxed end of the eviction': changeEvict((step) =>
    step.part === 'eviction even' ? { ...step, order: 'relaxed' } : step,
  ),
  'plain text': {
    ...EVICTION,
    take: EVICTION.take.map((step) => (step.part === 'text' ? { ...step, order: 'plain' } : step)),
  },
};

function changeEvict(change: (step: EvictionStep) => EvictionStep): EvictionProtocol {
  return { ...EVICTION, evict: EVICTION.evict.map(change) };
}
