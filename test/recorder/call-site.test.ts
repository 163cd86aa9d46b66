import { describe, expect, it } from 'vitest';

import {
  CallSites,
  describeCallSite,
  describeSites,
  type SiteScope,
} from '../../src/recorder/call-site.ts';
import { getRecorder, type Scope } from '../../src/recorder/index.ts';
import { inScope } from '../support/recorded.ts';

interface FakeScope {
  seen: SiteScope['seen'];
  readonly queries: { statementId: number; stack: { stack?: unknown } | undefined }[];
}

function newScope(): FakeScope {
  return { seen: undefined, queries: [] };
}

const ids = new Map<string, number>();

/** Statements by their text without literals, as a recorder would number them. */
function statementOf(sql: string): number {
  const statement = sql.replaceAll(/\d+/g, '?');
  if (!ids.has(statement)) ids.set(statement, ids.size + 1);
  return ids.get(statement) ?? 0;
}

function newSites(): CallSites {
  return new CallSites(statementOf);
}

/** Runs a statement in a scope, and says whether it took a stack. */
function run(sites: CallSites, scope: FakeScope, sql: string): boolean {
  const stack = sites.take(scope, sql, run);
  scope.queries.push({ statementId: statementOf(sql), stack });
  return stack !== undefined;
}

const USERS = 'SELECT * FROM users WHERE id = ';
const POSTS = 'SELECT * FROM posts WHERE id = ';

describe('a stack', () => {
  it('is taken from the second run of a statement in a scope, whatever its literals', () => {
    const sites = newSites();
    const scope = newScope();
    expect(run(sites, scope, `${USERS}1`)).toBe(false);
    expect(run(sites, scope, `${POSTS}1`)).toBe(false);
    expect(run(sites, scope, `${USERS}22`)).toBe(true);
    expect(run(sites, scope, `${USERS}333`)).toBe(true);
    expect(run(sites, newScope(), `${USERS}1`)).toBe(false);
  });

  it('is not taken for another statement that begins alike', () => {
    const sites = newSites();
    const scope = newScope();
    const columns = 'SELECT "id", "name", "created_at" FROM ';
    expect(run(sites, scope, `${columns}users`)).toBe(false);
    expect(run(sites, scope, `${columns}posts`)).toBe(false);
    expect(run(sites, scope, `${columns}tags`)).toBe(false);
  });

  it('is taken seldom once a statement has spent its budget', () => {
    const sites = newSites();
    let taken = 0;
    for (let request = 0; request < 1_000; request += 1) {
      const scope = newScope();
      for (let runs = 0; runs < 3; runs += 1) taken += run(sites, scope, `${USERS}1`) ? 1 : 0;
    }
    expect(taken).toBeGreaterThan(64);
    expect(taken).toBeLessThanOrEqual(64 + 2 * (3_000 / 1_000));
  });

  // A text with a literal in it is a new one at each run: only the first of a scope is counted.
  it.each([
    ['parameters', () => `${USERS}$1`, 110],
    ['literals', (id: number) => `${USERS}${1_000 + (id % 9_000)}`, 1_100],
  ])('shows a new place of a known statement with %s in time', (_, sqlOf, requestsMax) => {
    const fingerprint = 'f';
    const sites = newSites();
    let id = 0;
    const runAt = (place: string, requests: number): void => {
      for (let request = 0; request < requests; request += 1) {
        const scope = newScope();
        for (let runs = 0; runs < 10; runs += 1) run(sites, scope, sqlOf((id += 1)));
        for (const query of scope.queries) {
          if (query.stack) query.stack = { stack: `Error\n    at ${place} (/app/a.js:1:1)` };
        }
        sites.groupsOf(scope, statementOf(sqlOf(1)), fingerprint);
      }
    };
    const known = (): (string | null)[] =>
      sites.sitesOf(fingerprint).map(({ functionName }) => functionName);
    runAt('first', 50);
    runAt('second', 5);
    expect(known()).toEqual(['first']);
    runAt('second', requestsMax);
    expect(known()).toEqual(['first', 'second']);
  });

  it('is taken a bounded number of times in one scope', () => {
    const sites = newSites();
    const scope = newScope();
    let taken = 0;
    for (let runs = 0; runs < 500; runs += 1) taken += run(sites, scope, `${USERS}1`) ? 1 : 0;
    expect(taken).toBe(32);
  });

  it('is taken in every scope where a statement was seen at several sites', () => {
    const sites = newSites();
    const requests: boolean[] = [];
    for (let request = 0; request < 200; request += 1) {
      const scope = newScope();
      run(sites, scope, `${USERS}1`);
      if (request % 2 === 0) (() => run(sites, scope, `${USERS}1`))();
      else requests.push(run(sites, scope, `${USERS}1`));
      for (const query of scope.queries) {
        const at = request % 2 === 0 ? 'even' : 'odd';
        if (query.stack) query.stack = { stack: `Error\n    at ${at} (/app/a.js:1:1)` };
      }
      sites.groupsOf(scope, statementOf(USERS + 1), 'f');
    }
    expect(requests.every(Boolean)).toBe(true);
  });
});

describe('a call site', () => {
  const siteOf = (stack: string): unknown => {
    const site = newSites().format({ stack });
    return site && describeCallSite(site);
  };

  it.each([
    ['    at listOrders (/app/orders.js:12:3)', 'listOrders (/app/orders.js:12)'],
    ['    at async Orders.list (file:///app/orders.js:12:3)', 'Orders.list (/app/orders.js:12)'],
    ['    at Object.list (/app/(shop)/orders.ts:1:2)', 'list (/app/(shop)/orders.ts:1)'],
    ['    at file:///app/a%20b.mjs:7:1', '/app/a b.mjs:7'],
    ['    at Object.<anonymous> (/app/orders.js:1:1)', '/app/orders.js:1'],
    ['    at new Shop (C:\\app\\shop.js:4:5)', 'new Shop (C:\\app\\shop.js:4)'],
    [
      '    at GET (webpack-internal:///(rsc)/./a.ts:3:4)',
      'GET (webpack-internal:///(rsc)/./a.ts:3)',
    ],
    [`    at here (${process.cwd()}/src-of-app/a.js:3:4)`, 'here (src-of-app/a.js:3)'],
  ])('is read off %s', (frame, expected) => {
    expect(siteOf(`Error\n${frame}`)).toBe(expected);
  });

  it('is the nearest frame that is not Node’s, a package’s or ours', () => {
    const frames = [
      `    at query (${process.cwd()}/src/drivers/pg.ts:1:1)`,
      '    at Pool.query (/app/node_modules/pg-pool/index.js:1:1)',
      '    at node:internal/process/task_queues:95:5',
      '    at async Promise.all (index 0)',
      '    at new Promise (<anonymous>)',
      '    at async handler (/app/routes.js:9:1)',
    ];
    expect(siteOf(['Error', ...frames].join('\n'))).toBe('handler (/app/routes.js:9)');
  });

  it('is unknown where the stack has none, or is no text', () => {
    expect(siteOf('Error\n    at node:internal/a:1:1')).toBeUndefined();
    expect(newSites().format({ stack: [1, 2] })).toBeUndefined();
    expect(newSites().format({})).toBeUndefined();
  });

  const at = (name: string): { statementId: number; stack: { stack: string } } => ({
    statementId: 1,
    stack: { stack: `Error\n    at ${name} (/app/${name}.js:1:1)` },
  });
  const first = { statementId: 1, stack: undefined };

  /** What is said of statement 1 in a scope of these queries. */
  function describe1(
    sites: CallSites,
    queries: FakeScope['queries'],
    isWhole = true,
  ): string | null {
    const scope = { ...newScope(), queries };
    return describeSites(sites.groupsOf(scope, 1, 'f', isWhole));
  }

  it('is told with its share of the runs, where there are several', () => {
    const sites = newSites();
    expect(describe1(sites, [first, at('a'), at('a'), at('b')])).toBe(
      'a (/app/a.js:1) × 3, b (/app/b.js:1) × 1',
    );
    expect(describe1(sites, [first, at('a'), ...[at('b'), at('b'), at('b')]])).toBe(
      'b (/app/b.js:1) × 3, a (/app/a.js:1) × 2',
    );
    const many = ['a', 'b', 'c', 'd', 'e'].map(at);
    expect(describe1(sites, many)).toMatch(/^a .+ × 1, b .+ × 1, c .+ × 1, 2 more$/);
  });

  it('is told without one where runs took no stack', () => {
    const sites = newSites();
    const runs = [first, at('a'), first, at('b')];
    expect(describe1(sites, runs)).toBe('a (/app/a.js:1) or b (/app/b.js:1)');
    expect(describe1(sites, [first, at('a'), at('b')], false)).toContain(' or ');
    expect(describe1(sites, [first, at('a'), first])).toBe('a (/app/a.js:1)');
  });

  it('is that of other scopes where this one took no stack', () => {
    const sites = newSites();
    expect(describe1(sites, [first])).toBeNull();
    describe1(sites, [first, at('a')]);
    expect(describe1(sites, [first, first])).toBe('a (/app/a.js:1)');
    describe1(sites, [first, at('b')]);
    expect(describe1(sites, [first, first])).toBe('a (/app/a.js:1) or b (/app/b.js:1)');
    expect(sites.groupsOf(newScope(), 2, 'g')).toEqual([]);
  });

  it('leaves out the runs that are ignored', () => {
    const ignored = { ...at('b'), ignoredBy: {} };
    expect(describe1(newSites(), [first, at('a'), ignored])).toBe('a (/app/a.js:1)');
  });
});

describe('a stack that somebody wants', () => {
  it('is taken at the next run, the first of its scope too, and makes the site known', () => {
    const fingerprintOf = (id: number): string => `f${id}`;
    const sites = new CallSites(statementOf, fingerprintOf);
    const users = fingerprintOf(statementOf(USERS + 1));
    sites.want(statementOf(USERS + 1));
    expect(run(sites, newScope(), `${POSTS}1`)).toBe(false);
    expect(sites.sitesOf(users)).toEqual([]);
    expect(run(sites, newScope(), `${USERS}2`)).toBe(true);
    expect(sites.sitesOf(users)).toEqual([
      expect.objectContaining({ file: 'test/recorder/call-site.test.ts' }),
    ]);
    expect(run(sites, newScope(), `${USERS}3`)).toBe(false);
  });

  it('is waited for no longer than 10,000 queries', () => {
    const sites = newSites();
    sites.want(statementOf(USERS + 1));
    for (let done = 0; done < 10_000; done += 1) sites.take(newScope(), `${POSTS}1`, run);
    expect(run(sites, newScope(), `${USERS}1`)).toBe(false);
  });

  it('is asked for once where it was slow', () => {
    const sites = newSites();
    sites.wantOnce(statementOf(USERS + 1));
    expect(run(sites, newScope(), `${USERS}1`)).toBe(true);
    sites.wantOnce(statementOf(USERS + 1));
    expect(run(sites, newScope(), `${USERS}1`)).toBe(false);
  });
});

describe('a stack that is given', () => {
  it('holds for one query, and not for what is issued later', async () => {
    const recorder = getRecorder();
    const given = { stack: 'Error\n    at given (/app/a.js:1:1)' };
    await inScope('GET /', async () => {
      const issue = (): unknown => recorder.issue('SELECT 1', undefined, undefined, issue)?.stack;
      expect(recorder.runWithStack(given, () => [issue(), issue()])).toEqual([given, undefined]);
      expect(issue()).not.toBe(given);
    });
  });

  it('goes with the context, in the scope that it was given in', async () => {
    const recorder = getRecorder();
    const given = { stack: '' };
    let inner: Scope | undefined;
    const scope = await inScope('GET /', async () => {
      await recorder.runFrom(given, async () => {
        await Promise.resolve();
        inner = recorder.currentScope();
        const record = recorder.issue('SELECT 1', undefined, undefined, inScope);
        expect([record?.stack, record?.scope]).toEqual([given, inner]);
      });
    });
    expect(inner).toBe(scope);
  });
});
