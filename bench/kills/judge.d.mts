import type { Death } from '../../src/cli/postmortem/death.ts';

export type Notes = Readonly<
  Record<
    'begin' | 'sent' | 'answer' | 'done' | 'enter' | 'leave' | 'closed',
    ReadonlyMap<number, readonly number[]>
  >
>;
export function judge(
  death: Death,
  notes: Notes,
  sent: ReadonlyMap<number, number>,
): { readonly faults: readonly string[]; readonly named: number };
