import { type EngineRecorder, OTHER_ID } from '../engine/engine.ts';
import type { CallSites, Scope, SiteGroup } from '../recorder/index.ts';
import { isInnocent } from './innocent.ts';

/** One statement that a scope ran `count` times. */
export interface RepeatedStatement {
  readonly statementId: number;
  /** 16 hex digits. */
  readonly fingerprint: string;
  /** Normalised. */
  readonly sql: string;
  readonly count: number;
  /** Time of the runs that the scope kept one by one, in milliseconds. */
  readonly totalMs: number;
  /** Whether a run began before the one before it had ended. */
  readonly isParallel: boolean;
  /** Where the application asks for it, the most runs first; empty where that is not known. */
  readonly sites: readonly SiteGroup[];
}

const NONE: readonly RepeatedStatement[] = [];

/**
 * The seed's N+1: statements that ran at least `threshold` times in one scope, less the
 * innocent ones (transaction control, health checks, catalogue queries, `= ANY($1)`) and the runs
 * that the application ignores, for which see {@link findIgnored}.
 *
 * Statements that found no place in the statement table are not judged; `dropped.statements`
 * counts them.
 *
 * @param threshold runs, at or over which a statement is reported.
 * @returns the most repeated first.
 */
export function findRepeatedStatements(
  scope: Scope,
  threshold: number,
  statements: Pick<EngineRecorder, 'statement'>,
  callSites: Pick<CallSites, 'groupsOf'>,
): readonly RepeatedStatement[] {
  if (scope.queryCount < threshold) return NONE;
  const repeated: RepeatedStatement[] = [];
  for (const { statementId, count, totalNs, isParallel } of countByStatement(scope)) {
    if (count < threshold || statementId === OTHER_ID) continue;
    const statement = statements.statement(statementId);
    if (statement === undefined || isInnocent(statement.text)) continue;
    repeated.push({
      statementId,
      fingerprint: statement.fingerprint,
      sql: statement.text,
      count,
      totalMs: totalNs / 1e6,
      isParallel,
      sites: callSites.groupsOf(
        scope,
        statementId,
        statement.fingerprint,
        scope.overflow?.has(statementId) !== true,
      ),
    });
  }
  return repeated.sort((a, b) => b.count - a.count);
}

interface Repetition {
  readonly statementId: number;
  count: number;
  totalNs: number;
  /** Of the run before. */
  endNs: number;
  isParallel: boolean;
}

function countByStatement(scope: Scope): readonly Repetition[] {
  const repetitions = new Repetitions();
  let last: Repetition | undefined;
  for (const { statementId, startNs, durationNs, ignoredBy } of scope.queries) {
    if (ignoredBy !== undefined) continue;
    // They come one after another: most need no look-up.
    if (last?.statementId !== statementId) last = repetitions.of(statementId);
    last.count += 1;
    if (durationNs > 0) last.totalNs += durationNs;
    if (startNs < last.endNs) last.isParallel = true;
    last.endNs = startNs + durationNs;
  }
  if (scope.overflow !== undefined) {
    for (const [statementId, count] of scope.overflow) repetitions.of(statementId).count += count;
  }
  return repetitions.all;
}

/** Statements of a scope that are looked through one by one. */
const LISTED_MAX = 16;

/** Most scopes run a few statements, for which a map costs more than a list. */
class Repetitions {
  readonly all: Repetition[] = [];
  #byId: Map<number, Repetition> | undefined;

  of(statementId: number): Repetition {
    const known =
      this.#byId === undefined
        ? this.all.find((repetition) => repetition.statementId === statementId)
        : this.#byId.get(statementId);
    return known ?? this.#add(statementId);
  }

  #add(statementId: number): Repetition {
    const added = { statementId, count: 0, totalNs: 0, endNs: 0, isParallel: false };
    this.all.push(added);
    if (this.all.length === LISTED_MAX) {
      this.#byId = new Map(this.all.map((repetition) => [repetition.statementId, repetition]));
    } else {
      this.#byId?.set(statementId, added);
    }
    return added;
  }
}
