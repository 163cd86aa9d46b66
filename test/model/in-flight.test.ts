import { describe, expect, test } from 'vitest';

import { ARM64, X86 } from './hardware.ts';
import {
  FREED_BEFORE_RECORDED,
  judgeLife,
  judgeSlot,
  LIFE,
  liveProgram,
  namedQuery,
  postMortemProgram,
  renamedProgram,
  slotReader,
  slotWriter,
  WEAKENED_SLOTS,
} from './in-flight-protocol.ts';
import { C11, CPP20 } from './language.ts';

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

  test('a request that is killed while its route is written again is read whole, or named nowhere', () => {
    const { violation } = machine.explore(renamedProgram(), (outcome) => judgeSlot(outcome));
    expect(violation).toBeUndefined();
    // The one gap: some nanoseconds, and the reader counts a torn record.
    expect(machine.explore(renamedProgram(), judgeLife).violation?.what).toMatch(
      'names it nowhere',
    );
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

describe.each([C11, ARM64])('a weakened in-flight table, by what $name allows', (machine) => {
  test.each(Object.entries(WEAKENED_SLOTS))('is read torn: %s', (_, protocol) => {
    const program = [slotWriter(protocol, 2), slotReader('own process')];
    const { violation } = machine.explore(program, (outcome) => judgeSlot(outcome));
    expect(violation?.what).toMatch('accepted query');
  });
});
