import { describe, expect, test } from 'vitest';

import {
  EVICTION,
  evictionProgram,
  judgeRow,
  killedEvictionProgram,
  WEAKENED_EVICTIONS,
} from './eviction-protocol.ts';
import { ARM64, X86 } from './hardware.ts';
import { C11, CPP20 } from './language.ts';

const PLACES = ['own process', 'other process'] as const;

describe.each([C11, ARM64, X86])('a row that changes hands, by what $name allows', (machine) => {
  test.each(PLACES)('is never read with the total of another statement, from the %s', (from) => {
    const isTextChecked = from === 'other process';
    const { violation } = machine.explore(evictionProgram(EVICTION, from), (outcome) =>
      judgeRow(outcome, isTextChecked),
    );
    expect(violation).toBeUndefined();
  });

  test('is never read wrong once its writer was killed', () => {
    const { violation } = machine.explore(killedEvictionProgram(), (outcome) =>
      judgeRow(outcome, false),
    );
    expect(violation).toBeUndefined();
  });
});

describe.each([C11, ARM64])('a weakened eviction, by what $name allows', (machine) => {
  test.each(Object.entries(WEAKENED_EVICTIONS))('is read wrong: %s', (_, protocol) => {
    const { violation } = machine.explore(evictionProgram(protocol, 'own process'), (outcome) =>
      judgeRow(outcome, false),
    );
    expect(violation).toBeDefined();
  });
});

test('the sums of a row rely on release sequences, which C++20 no longer has', () => {
  const { violation } = CPP20.explore(evictionProgram(EVICTION, 'own process'), (outcome) =>
    judgeRow(outcome, false),
  );
  expect(violation?.what).toBe('statement 0 has the total 100');
});
