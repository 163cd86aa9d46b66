import { type EngineRecorder, OTHER_ID } from '../engine/engine.ts';
import type { Ignore, Scope } from '../recorder/index.ts';
import { isInnocent } from './innocent.ts';

/**
 * The ignores that have kept a repeated statement of this scope out of its findings, or some of
 * its runs; once for each such statement.
 *
 * @param threshold runs, ignored ones included, at or over which a statement is a pattern.
 */
export function findIgnored(
  scope: Scope,
  threshold: number,
  statements: Pick<EngineRecorder, 'statement'>,
): Ignore[] {
  if (!scope.hasIgnored) return [];
  const runs = new Map<number, { count: number; readonly ignores: Set<Ignore> }>();
  for (const { statementId, ignoredBy } of scope.queries) {
    let run = runs.get(statementId);
    if (run === undefined) runs.set(statementId, (run = { count: 0, ignores: new Set() }));
    run.count += 1;
    if (ignoredBy !== undefined) run.ignores.add(ignoredBy);
  }
  return [...runs].flatMap(([statementId, { count, ignores }]) => {
    if (count < threshold || ignores.size === 0 || statementId === OTHER_ID) return [];
    const text = statements.statement(statementId)?.text;
    return text === undefined || isInnocent(text) ? [] : [...ignores];
  });
}
