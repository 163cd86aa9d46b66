import { describe, expect, test } from 'vitest';

import { ARM64, X86 } from './hardware.ts';
import {
  FREED_BEFORE_RECORDED,
  judgeForeignRoutes,
  judgeLife,
  judgeNamed,
  judgeRoutes,
  judgeSlot,
  LIFE,
  type LifeProtocol,
  liveProgram,
  namedProgram,
  namedQuery,
  postMortemProgram,
  routesWriter,
  slotReader,
  slotWriter,
  UNCHECKED_ROUTE,
  WEAKENED_ROUTES,
  WEAKENED_SLOTS,
  WRITTEN_ANEW,
} from './in-flight-protocol.ts';
import { C11, CPP20 } from './language.ts';
import type { Place } from './ring-protocol.ts';

describe.each([C11, CPP20, ARM64, X86])('the in-flight table, by what $name allows', (machine) => {
  test('a slot used three times is read whole or not at all', () => {
    const program = [slotWriter(LIFE, 3), slotReader('own process')];
    expect(machine.explore(program, (outcome) => judgeSlot(outcome)).violation).toBeUndefined();
    for (const query of [0, 1, 2]) {
      const { violation } = machine.explore(program, (outcome) =>
        namedQuery(outcome) === query ? 'named' : undefined,
      );
      expect(violation?.what).toBe('named');
    }
  });

  test('a snapshot of a living process names every query that has begun', () => {
    const { violation } = machine.explore(liveProgram(LIFE, ['in flight', 'ended']), judgeLife);
    expect(violation).toBeUndefined();
  });

  test('a snapshot that looks at the ended ones first may miss one', () => {
    const { violation } = machine.explore(liveProgram(LIFE, ['ended', 'in flight']), judgeLife);
    expect(violation?.what).toMatch('names it nowhere');
  });

  test('whoever is killed at whatever moment leaves no torn record, and every query that had begun', () => {
    const { violation } = machine.explore(postMortemProgram(LIFE), judgeLife);
    expect(violation).toBeUndefined();
  });

  test.each(['at once', 'later'] as const)(
    'a request that is killed at whatever moment is named, with a route that is known %s',
    (known) => {
      const { violation } = machine.explore(namedProgram(LIFE, known), (outcome) =>
        judgeNamed(LIFE, outcome),
      );
      expect(violation).toBeUndefined();
    },
  );

  test.each(['at once', 'later'] as const)(
    'a request that is written anew for its route, known %s, is lost if it is killed meanwhile',
    (known) => {
      const { violation } = machine.explore(namedProgram(WRITTEN_ANEW, known), (outcome) =>
        judgeNamed(WRITTEN_ANEW, outcome),
      );
      expect(violation?.what).toMatch('names it nowhere');
      expect(violation?.trace.join('\n')).toMatch(/slot\.sequence = [35]/);
    },
  );

  test("a request is read with its own route, and never with another's", () => {
    const program = [routesWriter(LIFE, 3), slotReader('own process', 'reader', true)];
    const { violation } = machine.explore(program, (outcome) => judgeRoutes(LIFE, outcome));
    expect(violation).toBeUndefined();
  });

  test('a slot that is freed before its query is recorded loses queries', () => {
    const program = postMortemProgram(FREED_BEFORE_RECORDED);
    expect(machine.explore(program, judgeLife).violation?.what).toMatch('names it nowhere');
  });
});

test.each([C11, ARM64])(
  'from another process a copy has no order that $name would know of: it takes the checksum',
  (machine) => {
    const program = [slotWriter(LIFE, 2), slotReader('other process')];
    const { violation } = machine.explore(program, (outcome) => judgeSlot(outcome));
    expect(violation?.what).toMatch('accepted query');
  },
);

describe.each([C11, ARM64])("a route's word, by what $name allows", (machine) => {
  const explore = (
    protocol: LifeProtocol,
    from: Place,
    judgeIt: typeof judgeRoutes,
  ): string | undefined => {
    const program = [routesWriter(protocol, 3), slotReader(from, 'reader', true)];
    return machine.explore(program, (outcome) => judgeIt(protocol, outcome)).violation?.what;
  };

  test('says whose it is, so that a copy without order takes no other', () => {
    expect(explore(LIFE, 'other process', judgeForeignRoutes)).toBeUndefined();
    expect(explore(UNCHECKED_ROUTE, 'other process', judgeForeignRoutes)).toMatch(
      'with the route of another',
    );
    expect(explore(UNCHECKED_ROUTE, 'own process', judgeRoutes)).toMatch(
      'with the route of another',
    );
  });

  test.each(Object.entries(WEAKENED_ROUTES))('is not enough with: %s', (_, protocol) => {
    expect(explore(protocol, 'own process', judgeRoutes)).toMatch('without its route');
  });
});

describe.each([C11, ARM64])('a weakened in-flight table, by what $name allows', (machine) => {
  test.each(Object.entries(WEAKENED_SLOTS))('is read torn: %s', (_, protocol) => {
    const program = [slotWriter(protocol, 2), slotReader('own process')];
    const { violation } = machine.explore(program, (outcome) => judgeSlot(outcome));
    expect(violation?.what).toMatch('accepted query');
  });
});
