import { describe, expect, it } from 'vitest';

import { findRepeatedStatements, type Repetition } from '../../src/analysis/index.ts';
import { Scope, UNKNOWN_PARAMETERS } from '../../src/recorder/index.ts';
import { RecordedQuery } from '../../src/recorder/scope.ts';

const STATEMENT = { fingerprint: '0123456789abcdef', text: 'SELECT a FROM b WHERE c = $1' };

function repeatedIn(statementIds: readonly number[], threshold: number): [number, number][] {
  const scope = new Scope('job', 'a job', 0, 1_000);
  for (const [index, statementId] of statementIds.entries()) {
    const query = new RecordedQuery(scope, undefined, '', undefined, undefined);
    query.statementId = statementId;
    query.startNs = 1_000 + index;
    query.durationNs = 1;
    scope.begin(query);
    scope.end(query);
  }
  return findRepeatedStatements(
    scope,
    threshold,
    { statement: () => STATEMENT },
    { groupsOf: () => [] },
  ).map(({ statementId, count }) => [statementId, count]);
}

it('tells few statements apart, and many, in whatever order they came', () => {
  for (const statementCount of [1, 15, 16, 17, 40]) {
    const ids = Array.from({ length: statementCount }, (_, index) => index + 1);
    const expected = ids.map((id) => [id, id === 1 ? 4 : 3]);
    expect(repeatedIn([...ids, ...ids, ...ids, 1], 3)).toEqual(expected);
    expect(repeatedIn([1, ...ids.flatMap((id) => [id, id, id])], 3)).toEqual(expected);
    expect(repeatedIn(ids, 3)).toEqual([]);
  }
});

/** Of runs of one statement with these hashes; those with none took no stack. */
function repetitionOf(hashes: readonly (number | undefined)[]): Repetition | undefined {
  const scope = new Scope('job', 'a job', 0, 1_000);
  for (const hash of hashes) {
    const stack = hash === undefined ? undefined : {};
    const query = new RecordedQuery(scope, undefined, '', undefined, stack);
    query.statementId = 1;
    query.durationNs = 1;
    if (hash !== undefined) query.parameterHash = hash;
    scope.begin(query);
  }
  const [found] = findRepeatedStatements(
    scope,
    2,
    { statement: () => STATEMENT },
    { groupsOf: () => [] },
  );
  return found?.repetition;
}

describe('the parameters of the runs', () => {
  const none = undefined;
  it.each([
    ['none was looked at', [none, none, none], 0, 0],
    ['one alone was', [none, 7, none], 0, 0],
    ['all differ', [none, 7, 8, 9], 2, 2],
    ['all are the same', [none, 7, 7, 7], 2, 0],
    ['some come again', [none, 7, 8, 7, 8, 9], 4, 2],
    ['nobody knows', [none, UNKNOWN_PARAMETERS, UNKNOWN_PARAMETERS], 1, 1],
  ])('are compared with those before: %s', (_, hashes, comparedCount, differingCount) => {
    expect(repetitionOf(hashes)).toEqual({ comparedCount, differingCount });
  });
});
