import { type EngineRecorder, OTHER_ID } from '../engine/engine.ts';
import {
  type CallSites,
  type Scope,
  type SiteGroup,
  UNKNOWN_PARAMETERS,
} from '../recorder/index.ts';
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
  readonly repetition: Repetition;
}

/** Whether runs of one statement in one scope asked for the same again, as far as that was looked at. */
export interface Repetition {
  /** Runs whose parameters were compared with those before them. */
  readonly comparedCount: number;
  /** Of these, the runs with parameters that none of the others before had, or that are not known. */
  readonly differingCount: number;
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
  for (const [statementId, runs] of countByStatement(scope)) {
    const { count, totalNs, isParallel } = runs;
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
      repetition: compareParameters(runs.parameterHashes),
    });
  }
  return repeated.sort((a, b) => b.count - a.count);
}

interface Runs {
  count: number;
  totalNs: number;
  /** Of the run before. */
  endNs: number;
  isParallel: boolean;
  /** Of the runs that have one: seldom any. */
  parameterHashes: number[] | undefined;
}

function countByStatement(scope: Scope): ReadonlyMap<number, Runs> {
  const counts = new Map<number, Runs>();
  const runsOf = (statementId: number): Runs => {
    let runs = counts.get(statementId);
    if (runs === undefined) {
      runs = { count: 0, totalNs: 0, endNs: 0, isParallel: false, parameterHashes: undefined };
      counts.set(statementId, runs);
    }
    return runs;
  };
  let last: Runs | undefined;
  let lastId = -1;
  for (const { statementId, startNs, durationNs, ignoredBy, parameterHash } of scope.queries) {
    if (ignoredBy !== undefined) continue;
    // Repetitions come one after another: most need no look-up.
    if (last === undefined || statementId !== lastId) {
      last = runsOf(statementId);
      lastId = statementId;
    }
    last.count += 1;
    last.totalNs += Math.max(0, durationNs);
    if (startNs < last.endNs) last.isParallel = true;
    last.endNs = startNs + durationNs;
    if (parameterHash !== undefined) (last.parameterHashes ??= []).push(parameterHash);
  }
  if (scope.overflow !== undefined) {
    for (const [statementId, count] of scope.overflow) runsOf(statementId).count += count;
  }
  return counts;
}

const NOT_COMPARED: Repetition = { comparedCount: 0, differingCount: 0 };

function compareParameters(hashes: readonly number[] | undefined): Repetition {
  if (hashes === undefined) return NOT_COMPARED;
  const known = hashes.filter((hash) => hash !== UNKNOWN_PARAMETERS);
  const differentCount = new Set(known).size + hashes.length - known.length;
  // The first has nothing to be compared with.
  return { comparedCount: hashes.length - 1, differingCount: Math.max(0, differentCount - 1) };
}
