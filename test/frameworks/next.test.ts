import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { performance } from '../../src/frameworks/next.ts';
import { nextRoute } from '../../src/frameworks/next-route.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';
import { getRecorder } from '../../src/recorder/index.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { collectQueries } from '../support/recorded.ts';
import { createPool } from './support/program.ts';

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createDatabase();
  pool = createPool(database);
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

const SITE = 'http://localhost';

/** As Next.js calls a route handler. */
function contextOf(params: Record<string, string | string[]>): { params: Promise<object> } {
  return { params: Promise.resolve(params) };
}

async function query(tag: string): Promise<string> {
  const { rows } = await pool.query<{ tag: string }>('SELECT $1::text AS tag', [tag]);
  return rows[0]?.tag ?? '';
}

describe('a route handler', () => {
  it('has a scope of its own, headers, and the pattern of its folder', async () => {
    const perf = new PerformanceMiddleware();
    const observe = performance(perf);
    const seen = collectQueries();
    const GET = observe(async (_request: Request, { params }: { params: Promise<object> }) => {
      const { id } = (await params) as { id: string };
      return Response.json(await query(id));
    });
    const ids = Array.from({ length: 50 }, (_, index) => String(index));
    const responses = await Promise.all(
      ids.map((id) => GET(new Request(`${SITE}/users/${id}`), contextOf({ id }))),
    );
    expect(new Set(responses.map(({ headers }) => headers.get('X-Query-Count')))).toEqual(
      new Set(['1']),
    );
    expect(await Promise.all(responses.map((response) => response.json()))).toEqual(ids);
    const scopes = new Set(seen.map(({ scope }) => scope));
    expect(scopes.size).toBe(50);
    expect(new Set([...scopes].map((scope) => scope?.name))).toEqual(new Set(['GET /users/[id]']));
    expect(perf.getStats()).toMatchObject({ totalRequests: 50, totalQueries: 50 });
  });

  it.each([
    ['/files/a/b/c', { path: ['a', 'b', 'c'] }, 'GET /files/[...path]'],
    ['/a/posts/b', { user: 'a', post: 'b' }, 'GET /[user]/posts/[post]'],
    ['/users/users', { id: 'users' }, 'GET /users/[id]'],
    ['/caf%C3%A9/x', { name: 'café' }, 'GET /[name]/x'],
    ['/files', { path: undefined as never }, 'GET /files'],
  ])('of %s is named after its parameters', async (path, params, name) => {
    const seen = collectQueries();
    const GET = performance()(async () => Response.json(await query('x')));
    await GET(new Request(SITE + path), contextOf(params));
    expect(seen[0]?.scope?.name).toBe(name);
  });

  it('takes the name that it is given, and none from parameters that fail', async () => {
    const seen = collectQueries();
    const handler = async (): Promise<Response> => Response.json(await query('x'));
    await performance()(handler, '/own/[name]')(new Request(`${SITE}/own/7`), {});
    const broken = {
      get params(): never {
        throw new Error('params');
      },
    };
    await performance()(handler)(new Request(`${SITE}/s3cret`), broken);
    expect(seen.map(({ scope }) => scope?.name)).toEqual([
      'GET /own/[name]',
      'GET (unknown route)',
    ]);
  });

  it('answers by the very response, but where its headers cannot be changed', async () => {
    const own = Response.json({});
    expect(await performance()(() => own)(new Request(SITE), {})).toBe(own);
    const redirect = await performance()(() => Response.redirect(`${SITE}/x`, 307))(
      new Request(SITE),
      {},
    );
    expect([redirect.status, redirect.headers.get('location')]).toEqual([307, `${SITE}/x`]);
    expect(redirect.headers.get('X-Query-Count')).toBe('0');
  });

  it('rejects with what it threw, and counts', async () => {
    const perf = new PerformanceMiddleware();
    const error = new RangeError('thrown');
    const GET = performance(perf)(() => {
      throw error;
    });
    await expect(GET(new Request(SITE), {})).rejects.toBe(error);
    expect(perf.getStats().totalRequests).toBe(1);
  });

  it('joins the scope of the server’s request', async () => {
    const perf = new PerformanceMiddleware();
    const recorder = getRecorder();
    const scope = recorder.openScope('request', 'GET (unknown route)');
    const GET = performance(perf)(async () => Response.json(await query('x')));
    await recorder.runIn(scope, () => GET(new Request(`${SITE}/x`), {}));
    expect(scope).toMatchObject({ queryCount: 1, isClosed: false, name: 'GET /x' });
    expect(perf.getStats().totalRequests).toBe(0);
    recorder.closeScope(scope, { statusCode: 200, isAborted: false });
    expect(perf.getStats().totalRequests).toBe(1);
  });

  it('is only called under HYPERDJANGO_DISABLED=1', async () => {
    vi.stubEnv('HYPERDJANGO_DISABLED', '1');
    const { headers } = await performance()(() => Response.json({}))(new Request(SITE), {});
    vi.unstubAllEnvs();
    expect(headers.has('X-Query-Count')).toBe(false);
  });
});

it('the dashboard is for whom authorize lets in, and for nobody without it', async () => {
  const page = new Request(`${SITE}/debug/performance/json`);
  const open = performance({ authorize: (request) => request.url.endsWith('/json') });
  expect((await open.dashboard(page)).status).toBe(200);
  expect((await open.dashboard(new Request(`${SITE}/debug/performance`))).status).toBe(404);
  expect((await open.dashboard(new Request(`${SITE}/elsewhere`))).status).toBe(404);
  expect((await performance().dashboard(page)).status).toBe(404);
});

it('the notes of Next.js on a request tell its route', () => {
  const NOTES = Symbol.for('NextInternalRequestMeta');
  const match = { definition: { pathname: '/users/[id]' } };
  expect(nextRoute({ [NOTES]: { match } })).toBe('/users/[id]');
  expect(nextRoute({ [NOTES]: {} })).toBeUndefined();
  expect(nextRoute({})).toBeUndefined();
});
