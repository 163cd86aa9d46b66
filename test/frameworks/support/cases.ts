/** What holds for every framework: each case is put to each of them, on real sockets. */
import { Agent, type IncomingMessage, request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import { PerformanceMiddleware, type PerformanceOptions } from '../../../src/performance/index.ts';
import { getRecorder, type Scope } from '../../../src/recorder/index.ts';
import { createDatabase, type TestDatabase } from '../../support/postgres.ts';
import { until } from '../../support/processes.ts';
import { collectQueries, type SeenQuery } from '../../support/recorded.ts';
import { createPool, type Framework, newTag, Program } from './program.ts';

export interface Mode {
  /** What is written behind the framework's name. */
  readonly name: string;
  /** The middleware that looks on without being installed, as `register` does it. */
  readonly outside?: PerformanceMiddleware;
  /** What the same programs saw of themselves before. */
  readonly looksWithout?: ReadonlyMap<Framework, unknown>;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A running program, and what is known of it. */
export class Bench {
  readonly program: Program;
  readonly server: Server;
  readonly perf: PerformanceMiddleware;
  readonly #requestsBefore: number;

  constructor(program: Program, server: Server, perf: PerformanceMiddleware) {
    this.program = program;
    this.server = server;
    this.perf = perf;
    this.#requestsBefore = perf.getStats().totalRequests;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Requests since the start of the case. */
  get requestCount(): number {
    return this.perf.getStats().totalRequests - this.#requestsBefore;
  }

  async ask(
    path: string,
    options: { method?: string; agent?: Agent; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { port } = this;
      httpRequest({ host: '127.0.0.1', port, path, ...options }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('error', reject).on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        });
      })
        .on('error', reject)
        .end();
    });
  }

  /** The newest rows of the dashboard, the newest first. */
  async rows(): Promise<{ route: string; method: string; queryCount: number; aborted: boolean }[]> {
    const page = new Request(`http://localhost${this.perf.options.dashboardPath}/data`);
    const response = await this.perf.dashboard.handle(page, { remoteAddress: '127.0.0.1' });
    return (JSON.parse((await response?.text()) ?? '') as { requests: [] }).requests;
  }
}

const PATTERN_CASE = 'the pattern of a route within others';

const TIME = /^\d+\.\dms$/;

/** The scope of the queries that carry the tag, where all have the same one. */
function scopeOf(seen: readonly SeenQuery[], tag: string): Scope | undefined {
  const scopes = new Set(
    seen.filter(({ values }) => values?.[0] === tag).map(({ scope }) => scope),
  );
  expect(scopes.size).toBe(1);
  return [...scopes][0];
}

export function describeFramework(framework: Framework, mode: Mode): void {
  describe(`${framework.name}${mode.name}`, () => {
    const isUnnamed = mode.outside !== undefined && framework.isUnnamedOutside === true;
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

    afterEach(async () => {
      // However a request ended, nothing of it is left.
      const inFlight = (): unknown => getRecorder().core.snapshot().inFlightRequests;
      await expect.poll(inFlight).toEqual([]);
      expect(getRecorder().faultCount).toBe(0);
    });

    async function start(middlewares: readonly PerformanceMiddleware[]): Promise<Bench> {
      const program = new Program(pool, middlewares);
      const server = await framework.start(program);
      onTestFinished(async () => {
        program.release();
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      });
      return new Bench(program, server, middlewares[0] ?? mode.outside ?? none());
    }

    const none = (): PerformanceMiddleware => new PerformanceMiddleware();

    /** As the mode has it: with a middleware, or with none as something looks on from outside. */
    async function bench(options: PerformanceOptions = {}): Promise<Bench> {
      return start(mode.outside === undefined ? [new PerformanceMiddleware(options)] : []);
    }

    function named(method: string, pattern: string): string {
      return `${method} ${isUnnamed ? '(unknown route)' : pattern}`;
    }

    const cases = Object.entries(CASES).filter(
      ([title]) =>
        !Object.hasOwn(framework.without ?? {}, title) && !(isUnnamed && title === PATTERN_CASE),
    );
    it.each(cases)('%s', async (_, run) =>
      run({ bench, start, named, seen: collectQueries(), framework, mode }),
    );
  });
}

interface Case {
  readonly bench: (options?: PerformanceOptions) => Promise<Bench>;
  readonly start: (middlewares: readonly PerformanceMiddleware[]) => Promise<Bench>;
  /** What a route is called. */
  readonly named: (method: string, pattern: string) => string;
  readonly seen: readonly SeenQuery[];
  readonly framework: Framework;
  readonly mode: Mode;
}

export const CASES: Readonly<Record<string, (given: Case) => Promise<void>>> = {
  'a plain answer': async ({ bench, seen, named }) => {
    const app = await bench();
    const tag = newTag();
    const answer = await app.ask(`/hello/${tag}?q=1`);
    expect([answer.status, answer.body]).toEqual([200, `hello ${tag}`]);
    expect(answer.headers['x-query-count']).toBe('1');
    expect(answer.headers['x-query-time']).toMatch(TIME);
    await expect.poll(() => app.requestCount).toBe(1);
    expect(scopeOf(seen, tag)?.name).toBe(named('GET', '/hello/:name'));
  },

  'a body of 70 kB, sent in pieces': async ({ bench, seen, named }) => {
    const app = await bench();
    const tag = newTag();
    const body = Buffer.alloc(70_000, 'x');
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(app.port, '127.0.0.1', () => {
        socket.write(
          `POST /echo/${tag} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n` +
            `Content-Type: application/octet-stream\r\nContent-Length: ${body.length}\r\n\r\n`,
        );
        socket.write(body.subarray(0, 10_000));
        // Another request in between: its context must not be taken for the first one's.
        void app.ask('/hello/between').then(() => socket.write(body.subarray(10_000)), reject);
      });
      socket.on('data', (chunk) => (text += String(chunk)));
      socket.on('error', reject).on('close', () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 20[01] /);
    expect(answer).toMatch(/^x-query-count: 1\r$/im);
    expect(answer).toContain(`${tag} 70000`);
    await expect.poll(() => app.requestCount).toBe(2);
    expect(scopeOf(seen, tag)?.name).toBe(named('POST', '/echo/:name'));
  },

  'an error that is thrown': async ({ bench, named }) => {
    const app = await bench();
    const answer = await app.ask('/throws');
    expect([answer.status, answer.headers['x-query-count']]).toEqual([500, '0']);
    expect(answer.headers['x-query-time']).toBe('0.0ms');
    await expect.poll(() => app.requestCount).toBe(1);
    const [row] = await app.rows();
    expect(`${row?.method} ${row?.route}`).toBe(named('GET', '/throws'));
  },

  'an error that is rejected': async ({ bench, seen, named }) => {
    const app = await bench();
    const tag = newTag();
    const answer = await app.ask(`/rejects/${tag}`);
    expect([answer.status, answer.headers['x-query-count']]).toEqual([500, '1']);
    await expect.poll(() => app.requestCount).toBe(1);
    expect(scopeOf(seen, tag)?.name).toBe(named('GET', '/rejects/:name'));
  },

  'no route': async ({ bench }) => {
    const app = await bench();
    const answer = await app.ask('/nowhere/s3cret');
    expect([answer.status, answer.headers['x-query-count']]).toEqual([404, '0']);
    await expect.poll(() => app.requestCount).toBe(1);
    const [row] = await app.rows();
    expect(row?.route).toBe('(unknown route)');
  },

  'a redirect': async ({ bench }) => {
    const app = await bench();
    const { status, headers } = await app.ask('/moved');
    expect([status, headers.location, headers['x-query-count']]).toEqual([
      302,
      '/hello/there',
      '0',
    ]);
  },

  'a stream whose queries run after the head': async ({ bench, seen, named }) => {
    const app = await bench();
    const tag = newTag();
    const { body, headers } = await app.ask(`/stream/${tag}`);
    expect(body).toBe(`${tag} 1\n${tag} 2\n${tag} 3\n`);
    // What is known when the head goes out: some frameworks wait for the first piece.
    expect(headers['x-query-count']).toMatch(/^[01]$/);
    await expect.poll(() => app.requestCount).toBe(1);
    expect(scopeOf(seen, tag)).toMatchObject({
      queryCount: 3,
      name: named('GET', '/stream/:name'),
    });
  },

  'an answer past the framework': async ({ bench, seen, named }) => {
    const app = await bench();
    const tag = newTag();
    const { body, headers } = await app.ask(`/raw/${tag}`);
    expect([body, headers['x-query-count']]).toEqual([tag, '1']);
    // Node itself keeps one of several where headers were set before, as Express does.
    expect(headers['x-own']).toMatch(/^(?:first, )?second$/);
    await expect.poll(() => app.requestCount).toBe(1);
    expect(scopeOf(seen, tag)?.name).toBe(named('GET', '/raw/:name'));
  },

  'a client that goes away': async ({ bench, seen, named }) => {
    const app = await bench();
    const tag = newTag();
    const arrived = app.program.arrivalOf(tag);
    const socket = connect(app.port, '127.0.0.1');
    socket.write(`GET /waits/${tag} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await arrived;
    socket.destroy();
    await expect.poll(() => app.requestCount).toBe(1);
    expect((await app.rows())[0]).toMatchObject({ aborted: true, queryCount: 1 });
    expect(scopeOf(seen, tag)).toMatchObject({
      isClosed: true,
      name: named('GET', '/waits/:name'),
    });
    app.program.release();
  },

  'many requests on one connection': async ({ bench, seen }) => {
    const app = await bench();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const tags = Array.from({ length: 10 }, newTag);
    const counts: unknown[] = [];
    for (const tag of tags) {
      counts.push((await app.ask(`/work/${tag}`, { agent })).headers['x-query-count']);
    }
    agent.destroy();
    expect(counts).toEqual(tags.map(() => '3'));
    expect(new Set(tags.map((tag) => scopeOf(seen, tag))).size).toBe(10);
    await expect.poll(() => app.requestCount).toBe(10);
  },

  '200 requests at once on a pool of 5': async ({ bench, seen, named }) => {
    const app = await bench();
    const tags = Array.from({ length: 200 }, newTag);
    const answers = await Promise.all(tags.map((tag) => app.ask(`/work/${tag}`)));
    expect(answers.map(({ body }) => body)).toEqual(tags);
    expect(seen).toHaveLength(600);
    const scopes = tags.map((tag) => scopeOf(seen, tag));
    expect(new Set(scopes).size).toBe(200);
    const wrong = scopes.filter(
      (scope) => scope?.queryCount !== 3 || scope.name !== named('GET', '/work/:name'),
    );
    expect(wrong).toEqual([]);
    expect(new Set(answers.map(({ headers }) => headers['x-query-count']))).toEqual(new Set(['3']));
    await expect.poll(() => app.requestCount).toBe(200);
  },

  [PATTERN_CASE]: async ({ bench, seen, named }) => {
    const app = await bench();
    for (const outer of ['a', 'b', 'items']) {
      const tag = newTag();
      await app.ask(`/nested/${outer}/items/${tag}`);
      await expect.poll(() => scopeOf(seen, tag)?.isClosed).toBe(true);
      expect(scopeOf(seen, tag)?.name).toBe(named('GET', '/nested/:outer/items/:name'));
    }
  },

  'the dashboard, for who may see it': async ({ bench, mode }) => {
    const app = await bench();
    await app.ask('/hello/there');
    await expect.poll(() => app.requestCount).toBe(1);
    const dashboardPath = String(app.perf.options.dashboardPath);
    const page = await app.ask(dashboardPath);
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const json = await app.ask(`${dashboardPath}/json`);
    expect(JSON.parse(json.body)).toMatchObject({ total_requests: expect.any(Number) });
    expect(page.headers).not.toHaveProperty('x-query-count');
    expect(app.requestCount).toBe(1);
    const proxied = await app.ask(dashboardPath, { headers: { 'x-forwarded-for': '10.0.0.1' } });
    expect(proxied.status).toBe(404);
    // From outside, whom we do not answer is the application's own.
    expect(app.requestCount).toBe(mode.outside === undefined ? 1 : 2);
  },

  'the profile of a handler': async ({ bench }) => {
    const app = await bench();
    const { headers } = await app.ask(`/profiled/${newTag()}`);
    expect(headers['x-profile']).toMatch(/^total=.+, handler=.+, db=.+, pool=.+, queries=1$/);
    expect(headers['server-timing']).toMatch(
      /^total;dur=[\d.]+, handler;dur=[\d.]+, db;dur=[\d.]+;desc="1 queries", pool;dur=[\d.]+$/,
    );
    expect((await app.ask('/hello/there')).headers).not.toHaveProperty('x-profile');
  },

  'several layers count a request once each': async ({ start, seen, mode }) => {
    const [first, second] = [new PerformanceMiddleware(), new PerformanceMiddleware()];
    const all = [first, second, ...(mode.outside === undefined ? [] : [mode.outside])];
    const before = all.map((perf) => perf.getStats());
    const app = await start([first, second]);
    const tag = newTag();
    const { headers } = await app.ask(`/work/${tag}`);
    expect(headers['x-query-count']).toBe('3');
    expect(scopeOf(seen, tag)?.queryCount).toBe(3);
    const counted = (): unknown[] =>
      all.map((perf, index) => {
        const { totalRequests, totalQueries } = perf.getStats();
        const { totalRequests: requests = 0, totalQueries: queries = 0 } = before[index] ?? {};
        return [totalRequests - requests, totalQueries - queries];
      });
    await expect.poll(counted).toEqual(all.map(() => [1, 3]));
  },

  'nothing that the application can tell': async ({ start, framework, mode }) => {
    if (mode.looksWithout !== undefined) {
      expect(await look(await start([]))).toEqual(mode.looksWithout.get(framework));
      return;
    }
    // Turned off, a middleware is still one, that does nothing: in frameworks this shows.
    vi.stubEnv('HYPERDJANGO_DISABLED', '1');
    const app = await start([new PerformanceMiddleware()]);
    vi.unstubAllEnvs();
    const without = await look(app);
    expect(await look(await start([new PerformanceMiddleware()]))).toEqual(without);
  },
};

const OURS = new Set(['x-query-count', 'x-query-time']);

/** What a program could see of itself: answers, the order of events, listeners, properties. */
export async function look(app: Pick<Bench, 'server' | 'ask'>): Promise<unknown> {
  const notes: unknown[] = [];
  app.server.prependListener('request', (request, response) => {
    const socket = request.socket;
    const countsOf = (emitter: NodeJS.EventEmitter): unknown =>
      Object.fromEntries(
        emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]),
      );
    const note = (event: string): void => {
      notes.push([
        event,
        countsOf(request),
        countsOf(response),
        countsOf(socket),
        countsOf(app.server),
        Reflect.ownKeys(request).map(String),
        Reflect.ownKeys(response).map(String),
      ]);
    };
    note('request');
    for (const event of ['finish', 'close'] as const) response.once(event, () => note(event));
    request.once('close', () => note('close of the request'));
  });
  const answers: unknown[] = [];
  for (const path of [
    '/hello/there',
    '/throws',
    '/rejects/it',
    '/nowhere',
    '/moved',
    '/stream/there',
    '/raw/there',
  ]) {
    const closed = notes.length;
    const { status, body, headers } = await app.ask(path);
    const own = Object.entries(headers).filter(([name]) => !OURS.has(name) && name !== 'date');
    answers.push([path, status, body, own]);
    await until('the ends of a request', () => notes.length === closed + 4);
  }
  return { answers, notes };
}
