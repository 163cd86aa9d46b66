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
  slotReader,
  slotWriter,
  WEAKENED_SLOTS,
} from './in-flight-protocol.ts';
import { C11 } from './language.ts';

const PLACES = ['own process', 'other process'] as const;

describe.each([C11, ARM64, X86])('the in-flight table, by what $name allows', (machine) => {
  test.each(PLACES)('a slot used three times is read whole or not at all, from the %s', (from) => {
    const program = [slotWriter(LIFE, 3), slotReader(from)];
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

  test('a slot that is freed before its query is recorded loses queries', () => {
    const program = postMortemProgram(FREED_BEFORE_RECORDED);
    expect(machine.explore(program, judgeLife).violation?.what).toMatch('names it nowhere');
  });
});

describe.each([C11, ARM64])('a weakened in-flight table, by what $name allows', (machine) => {
  test.each(Object.entries(WEAKENED_SLOTS))('is read torn: %s', (_, protocol) => {
    const program = [slotWriter(protocol, 2), slotReader('own process')];
    const { violation } = machine.explore(program, (outcome) => judgeSlot(outcome));
    expect(violation?.what).toMatch('accepted query');
  });
});
