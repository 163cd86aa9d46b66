/** How a query's outcome and its SQLSTATE lie in 32 bits: `native/src/layout.zig`, QueryOutcome. */
import { OUTCOME, type Outcome } from './engine.ts';

const SQL_STATE = /^[0-9A-Z]{5}$/;
const BASE = 36;
const SQL_STATE_LIMIT = BASE ** 5;

/** Nothing but a SQLSTATE gets in: what else an error carries may hold a value. */
export function outcomeCodeOf(outcome: Outcome, sqlState: unknown): number {
  if (outcome !== OUTCOME.error) return OUTCOME.ok;
  const isSqlState = typeof sqlState === 'string' && SQL_STATE.test(sqlState);
  return OUTCOME.error + 2 * (isSqlState ? Number.parseInt(sqlState, BASE) : 0);
}

export function outcomeOfCode(code: number): Outcome {
  return code % 2 === 1 ? OUTCOME.error : OUTCOME.ok;
}

export function sqlStateOfCode(code: number): string | undefined {
  const state = Math.floor(code / 2);
  if (state === 0 || state >= SQL_STATE_LIMIT) return undefined;
  return state.toString(BASE).toUpperCase().padStart(5, '0');
}
