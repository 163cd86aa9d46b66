import { describe, expect, test } from 'vitest';

import { ARM64, X86 } from './hardware.ts';
import { C11, CPP20 } from './language.ts';
import { type Explorer, type Violation } from './program.ts';
import {
  judgeRecord,
  judgeSnapshot,
  RELAXED_RINGS,
  RING,
  ringProgram,
  type RingProtocol,
  ringReader,
  type RingSize,
  ringWriter,
  snapshotReader,
  WEAKENED_RINGS,
} from './ring-protocol.ts';

const SIZES: readonly RingSize[] = [
  { records: 3, capacity: 1, payloadWords: 2 },
  { records: 3, capacity: 2, payloadWords: 2 },
  { records: 2, capacity: 1, payloadWords: 3 },
  { records: 3, capacity: 1, payloadWords: 3 },
];
const SMALLEST: RingSize = { records: 2, capacity: 1, payloadWords: 2 };

/** The first torn record that a reader accepts, whichever record it looks for. */
function tornRecord(
  machine: Explorer,
  protocol: RingProtocol,
  size: RingSize,
): Violation | undefined {
  for (let number = 0; number < size.records; number += 1) {
    const { violation } = machine.explore(ringProgram(protocol, size, number), (outcome) =>
      judgeRecord(protocol, size, number, outcome),
    );
    if (violation !== undefined) return violation;
  }
  return undefined;
}

describe.each([C11, CPP20, ARM64, X86])('the ring, by what $name allows', (machine) => {
  test.each(SIZES)(
    'accepts no torn record: $records records, capacity $capacity, $payloadWords payload words',
    (size) => {
      expect(tornRecord(machine, RING, size)).toBeUndefined();
    },
  );

  test.each(['own process', 'other process'] as const)(
    'gives a snapshot no torn record, and every one that is counted and stays, in the %s',
    (from) => {
      for (const size of SIZES.slice(0, 3)) {
        for (let number = 0; number < size.records; number += 1) {
          const program = [ringWriter(RING, size), snapshotReader(size, number, from)];
          const { violation } = machine.explore(program, (outcome) =>
            judgeSnapshot(size, number, outcome),
          );
          expect(violation).toBeUndefined();
        }
      }
    },
  );

  test('accepts every record that is whole and stays', () => {
    const size = { records: 1, capacity: 1, payloadWords: 2 };
    const accepted = machine.explore(ringProgram(RING, size, 0), ({ registers }) =>
      registers['reader second look'] === 2 ? 'accepted' : undefined,
    );
    expect(accepted.violation?.what).toBe('accepted');
  });

  test('accepts no torn record with two readers', () => {
    const program = [
      ringWriter(RING, SMALLEST),
      ringReader(RING, SMALLEST, 0, 'reader'),
      ringReader(RING, SMALLEST, 1, 'second reader'),
    ];
    const { violation } = machine.explore(
      program,
      (outcome) =>
        judgeRecord(RING, SMALLEST, 0, outcome) ??
        judgeRecord(RING, SMALLEST, 1, outcome, 'second reader'),
    );
    expect(violation).toBeUndefined();
  });

  test.each(Object.entries(RELAXED_RINGS))('needs no more order than: %s', (_, protocol) => {
    for (const size of SIZES) expect(tornRecord(machine, protocol, size)).toBeUndefined();
  });
});

test.each([C11, ARM64])('a snapshot of plain payload stores is torn, by $name', (machine) => {
  const plain = WEAKENED_RINGS['plain payload stores'] ?? RING;
  const program = [ringWriter(plain, SMALLEST), snapshotReader(SMALLEST, 0, 'own process')];
  const { violation } = machine.explore(program, (outcome) => judgeSnapshot(SMALLEST, 0, outcome));
  expect(violation?.what).toMatch('accepted record');
});

describe.each([C11, ARM64])('a weakened ring, by what $name allows', (machine) => {
  test.each(Object.entries(WEAKENED_RINGS))('accepts a torn record: %s', async (name, protocol) => {
    const violation = tornRecord(machine, protocol, SMALLEST);
    // The shortest interleaving, for whoever wants to know why; updated by `vitest -u`.
    await expect(describeViolation(violation)).toMatchFileSnapshot(
      `counterexamples/${machine.name} ${name}.txt`,
    );
    expect(violation?.what).toMatch('accepted record');
  });
});

test('plain payload stores are right on x86, which therefore shows nothing', () => {
  const plain = WEAKENED_RINGS['plain payload stores'] ?? RING;
  expect(plain).not.toBe(RING);
  for (const size of SIZES) expect(tornRecord(X86, plain, size)).toBeUndefined();
});

function describeViolation(violation: Violation | undefined): string {
  return [violation?.what ?? 'nothing found', '', ...(violation?.trace ?? []), ''].join('\n');
}
