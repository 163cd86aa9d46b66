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
  readonly part: 'sequence' | 'handle' | 'payload' | 'route';
  readonly order: StoreOrder;
  /** Of the sequence: what is added to what it was before `begin`. */
  readonly added?: number;
}

export interface LifeProtocol {
  /** What `begin` does first where the route is known. */
  readonly open: readonly SlotStep[];
  readonly begin: readonly SlotStep[];
  /** When a route becomes known later, or changes. */
  readonly name: readonly SlotStep[];
  /** Whether the route's word says which record it belongs to. */
  readonly isRouteChecked: boolean;
  /** In the order in which `endQuery` takes them. */
  readonly end: readonly ('record' | 'free')[];
  readonly free: StoreOrder;
}

const PUBLISH_ROUTE: SlotStep = {
  quotes: 'words.publish(&slot[route_word], routeWord(complete, route_id))',
  part: 'route',
  order: 'release',
};

export const LIFE: LifeProtocol = {
  open: [
    {
      quotes: 'words.store(&record[0], words.own(&record[0]) | 1)',
      part: 'sequence',
      added: 1,
      order: 'relaxed',
    },
    PUBLISH_ROUTE,
  ],
  name: [PUBLISH_ROUTE],
  isRouteChecked: true,
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

/** What the route's word holds: which route, and of which use of the slot. */
function routeWordOf({ isRouteChecked }: LifeProtocol, query: number, route: number): number {
  return isRouteChecked ? 10 * (query + 1) + route : route;
}

/** The steps of `begin` for the `query`th use of the slot; route 0 is not known yet. */
export function beginSteps(protocol: LifeProtocol, query: number, route = 0): readonly Step[] {
  const { open, begin } = protocol;
  return slotSteps(protocol, route === 0 ? begin : [...open, ...begin], query, route);
}

function nameSteps(protocol: LifeProtocol, query: number, route: number): readonly Step[] {
  return slotSteps(protocol, protocol.name, query, route);
}

function slotSteps(
  protocol: LifeProtocol,
  steps: readonly SlotStep[],
  query: number,
  route: number,
): readonly Step[] {
  return steps.flatMap(({ part, order, added }): Step[] => {
    if (part === 'route') {
      const value = routeWordOf(protocol, query, route);
      return [{ does: 'store', word: 'slot.route', value, order }];
    }
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
export function slotReader(from: Place, name = 'reader', takesRoute = false): Thread {
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
    ...(takesRoute ? [load('route', 'route')] : []),
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

/** The route of `query` that the reader found in the slot; 0 for none. */
function namedRoute({ isRouteChecked }: LifeProtocol, query: number, outcome: Outcome): number {
  const word = outcome.registers['reader route'] ?? 0;
  if (!isRouteChecked) return word;
  return Math.floor(word / 10) === query + 1 ? word % 10 : 0;
}

/**
 * A request that may be killed at any moment, and a reader that comes after. The route is known at
 * the beginning or becomes known later, and changes. The writer reports how far it is: 1 once the
 * request has begun, and one more for each of its two routes.
 */
export function namedProgram(protocol: LifeProtocol, known: 'at once' | 'later'): Program {
  const report = (value: number): Step => ({
    does: 'store',
    word: REPORTED,
    value,
    order: 'release',
  });
  const first =
    known === 'at once'
      ? beginSteps(protocol, 0, 1)
      : [...beginSteps(protocol, 0), report(1), ...nameSteps(protocol, 0, 1)];
  const steps: Step[] = [...first, report(2), ...nameSteps(protocol, 0, 2), report(3)];
  const reader: Thread = {
    name: 'reader',
    steps: [
      { does: 'load', word: REPORTED, into: 'reported', order: 'acquire' },
      ...slotReader('own process', 'reader', true).steps,
    ],
    follows: 'writer',
  };
  return [{ name: 'writer', steps, mayBeKilled: true }, reader];
}

/** What was reported must be found: the request, and its route or the one after that. */
export function judgeNamed(protocol: LifeProtocol, outcome: Outcome): string | undefined {
  const torn = judgeSlot(outcome);
  if (torn !== undefined) return torn;
  const reported = outcome.registers['reported'] ?? 0;
  if (reported === 0) return undefined;
  const query = namedQuery(outcome);
  if (query === -1) return 'the request had begun, and the reader names it nowhere';
  const route = namedRoute(protocol, query, outcome);
  return route < reported - 1
    ? `the request has route ${route} in its ${reported}. part`
    : undefined;
}

/** Every third request never gets one. */
function getsRoute(request: number): boolean {
  return request % 3 !== 2;
}

/** A slot used by one request after the other; a route is known from the beginning, and changes. */
export function routesWriter(protocol: LifeProtocol, requests: number): Thread {
  const steps = Array.from({ length: requests }, (_, request) =>
    getsRoute(request)
      ? [
          ...beginSteps(protocol, request, 1),
          ...nameSteps(protocol, request, 2),
          freeStep(protocol),
        ]
      : [...beginSteps(protocol, request), freeStep(protocol)],
  ).flat();
  return { name: 'writer', steps };
}

/** A request that has a route must be read with one of its own, one that has none with none. */
export function judgeRoutes(protocol: LifeProtocol, outcome: Outcome): string | undefined {
  const request = namedQuery(outcome);
  if (request === -1) return undefined;
  const hasRoute = namedRoute(protocol, request, outcome) !== 0;
  if (hasRoute === getsRoute(request)) return undefined;
  return hasRoute
    ? `request ${request} is read with the route of another`
    : `request ${request} is read without its route`;
}

/** From another process: a route may be missing, and never is another request's. */
export function judgeForeignRoutes(protocol: LifeProtocol, outcome: Outcome): string | undefined {
  const isMissing = judgeRoutes(protocol, outcome)?.endsWith('without its route') === true;
  return isMissing ? undefined : judgeRoutes(protocol, outcome);
}

/** The record written anew for its route, in its place. */
export const WRITTEN_ANEW: LifeProtocol = {
  ...LIFE,
  name: [
    ...LIFE.begin
      .slice(0, -1)
      .map((step) => (step.part === 'sequence' ? { ...step, added: 3 } : step)),
    PUBLISH_ROUTE,
    ...LIFE.begin.slice(-1).map((step) => ({ ...step, added: 4 })),
  ],
};

export const UNCHECKED_ROUTE: LifeProtocol = { ...LIFE, isRouteChecked: false };

/** Each may show a request without the route that it began with. */
export const WEAKENED_ROUTES: Readonly<Record<string, LifeProtocol>> = {
  'the route before the odd mark': { ...LIFE, open: LIFE.open.toReversed() },
  'no odd mark before the route': { ...LIFE, open: [PUBLISH_ROUTE] },
  'relaxed route store': {
    ...LIFE,
    open: LIFE.open.map((step) => (step.part === 'route' ? { ...step, order: 'relaxed' } : step)),
  },
};

export const FREED_BEFORE_RECORDED: LifeProtocol = { ...LIFE, end: ['free', 'record'] };

function changeBegin(change: (step: SlotStep) => SlotStep): LifeProtocol {
  return { ...LIFE, begin: LIFE.begin.map(change) };
}
