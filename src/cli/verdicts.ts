import { VERDICT } from '../engine/engine.ts';

const NAMES = new Map<number, string>([[VERDICT.nPlusOne, 'n_plus_one']]);

/** As in the project's other output; a newer process may know more verdicts than this command. */
export function verdictName(verdict: number): string {
  return NAMES.get(verdict) ?? `verdict ${verdict}`;
}
