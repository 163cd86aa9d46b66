import { expect, it } from 'vitest';

import { findRepeatedStatements } from '../../src/analysis/index.ts';
import { Scope } from '../../src/recorder/index.ts';
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
