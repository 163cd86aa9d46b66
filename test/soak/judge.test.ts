/** The soak's judge of post-mortems, on one that is right and on each way of being wrong. */
import { expect, test } from 'vitest';

import { judge, type Notes } from '../../bench/kills/judge.mjs';
import type { Death } from '../../src/cli/postmortem/death.ts';

const textOf = (query: number): string => `SELECT g AS q${query} FROM t`;

/** Query 0 has ended, 1 is in flight in request 1; request 0 is closed. */
const NOTES: Notes = {
  begin: new Map([
    [0, [0]],
    [1, [1]],
  ]),
  sent: new Map([
    [0, []],
    [1, []],
  ]),
  answer: new Map([[0, []]]),
  done: new Map([[0, []]]),
  enter: new Map([
    [0, [0]],
    [1, [1]],
  ]),
  leave: new Map([[0, []]]),
  closed: new Map([[0, []]]),
};
const SENT = new Map([
  [0, 0],
  [1, 1],
]);

interface Changes {
  readonly cause?: string;
  readonly problems?: readonly string[];
  readonly requests?: readonly { route: string; queries: readonly { text: string }[] }[];
  readonly otherQueries?: readonly { text: string }[];
  readonly ended?: object;
  readonly records?: object;
}

const IN_FLIGHT = [{ route: 'GET /lane/1', queries: [{ text: textOf(1) }] }];

function deathWith(changes: Changes): Death {
  const ended = {
    statementId: 5,
    startNs: 1_000,
    durationNs: 500_000,
    rowCount: 1,
    outcome: 0,
    ...changes.ended,
  };
  const records = {
    queryCount: 1,
    requestCount: 1,
    statements: [{ id: 5, text: textOf(0) }],
    recentQueries: [ended],
    dropped: { queries: 0, requests: 0, statements: 0, torn: 0 },
    ...changes.records,
  };
  const death = {
    process: { problems: changes.problems ?? [], threads: [{ records }] },
    cause: { kind: changes.cause ?? 'killed' },
    requests: changes.requests ?? IN_FLIGHT,
    otherQueries: changes.otherQueries ?? [],
  };
  return death as unknown as Death;
}

test('a right post-mortem has no fault', () => {
  expect(judge(deathWith({}), NOTES, SENT)).toEqual({ faults: [], named: 2 });
});

test.each<[string, Changes]>([
  ['said to have ended by', { cause: 'exited' }],
  ['problems: arena 0', { problems: ['arena 0 cannot be read'] }],
  ['query 1 is not named', { requests: [{ route: 'GET /lane/1', queries: [] }] }],
  ['request 1 is not named', { requests: [], otherQueries: [{ text: textOf(1) }] }],
  ['query 0 had ended', { otherQueries: [{ text: textOf(0) }] }],
  ['query 7 had not begun', { otherQueries: [{ text: textOf(7) }] }],
  ['query 1 on lane 0', { requests: [{ route: 'GET /lane/0', queries: [{ text: textOf(1) }] }] }],
  [
    'no request was open on lane 0',
    { requests: [...IN_FLIGHT, { route: 'GET /lane/0', queries: [] }] },
  ],
  ['two requests on lane 1', { requests: [...IN_FLIGHT, ...IN_FLIGHT] }],
  ['query 0 gave 2 rows', { ended: { rowCount: 2 } }],
  ['query 0 failed', { ended: { outcome: 1 } }],
  ['query 0 took', { ended: { durationNs: 1e15 } }],
  ['2 queries ended, by the notes 1 to 1', { records: { queryCount: 2 } }],
  ['0 requests ended, by the notes 1 to 1', { records: { requestCount: 0 } }],
  ['2 records torn', { records: { dropped: { queries: 0, requests: 0, statements: 0, torn: 2 } } }],
  [
    '1 queries dropped',
    { records: { dropped: { queries: 1, requests: 0, statements: 0, torn: 0 } } },
  ],
])('%s', (fault, changes) => {
  const { faults } = judge(deathWith(changes), NOTES, SENT);
  expect(faults).toEqual(expect.arrayContaining([expect.stringContaining(fault)]));
});

test('a query that the victim never had is an error', () => {
  const death = deathWith({ otherQueries: [{ text: 'SELECT 1' }] });
  expect(() => judge(death, NOTES, SENT)).toThrow('a query that the victim never had: SELECT 1');
});
