import { describe, expect, it, onTestFinished } from 'vitest';

import { HyperApp, type ListeningApp } from '../../src/app/index.ts';
import { OptionError } from '../../src/errors/index.ts';
import { PerformanceMiddleware } from '../../src/performance/index.ts';

function get(app: HyperApp, path: string): Promise<Response> {
  return Promise.resolve(app.fetch(new Request(`http://localhost${path}`)));
}

async function listen(app: HyperApp): Promise<ListeningApp> {
  const listening = await app.listen({ port: 0 });
  onTestFinished(() => listening.close());
  return listening;
}

describe('routes', () => {
  it('answer by method and path, with parameters', async () => {
    const app = new HyperApp('shop');
    app.get('/users/:id', (c) => c.json({ id: c.req.param('id') }));
    app.post('/users', async (c) => c.text(await c.req.text(), 201));
    app.route('put', '/users/:id', () => Response.json({ put: true }));
    app.patch('/users/:id', (c) => c.body(null, 204));
    app.delete('/users/:id', (c) => c.body(null, 204));
    expect(await (await get(app, '/users/7')).json()).toEqual({ id: '7' });
    const posted = await app.fetch(
      new Request('http://localhost/users', { method: 'POST', body: 'x' }),
    );
    expect([posted.status, await posted.text()]).toEqual([201, 'x']);
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const response = await app.fetch(new Request('http://localhost/users/7', { method }));
      expect(response.ok, method).toBe(true);
    }
    expect((await get(app, '/nowhere')).status).toBe(404);
  });

  it('may be added after the first request, and so may middlewares', async () => {
    const app = new HyperApp('shop');
    app.get('/first', (c) => c.text('first'));
    await get(app, '/first');
    app.get('/second', (c) => c.text('second'));
    app.use(async (c, next) => {
      await next();
      c.header('X-Late', 'yes');
    });
    for (const path of ['/first', '/second']) {
      expect((await get(app, path)).headers.get('X-Late'), path).toBe('yes');
    }
  });

  it('decorated instance methods are bound by register, static ones at once', async () => {
    const app = new HyperApp('shop');
    class Users {
      readonly #greeting: string;

      constructor(greeting: string) {
        this.#greeting = greeting;
      }

      @app.route('GET', '/hello')
      hello(): Response {
        return new Response(this.#greeting);
      }

      @app.route('GET', '/static')
      static version(): Response {
        return new Response(this.name);
      }
    }
    expect(await (await get(app, '/static')).text()).toBe('Users');
    expect((await get(app, '/hello')).status).toBe(404);
    app.register(new Users('good day'));
    expect(await (await get(app, '/hello')).text()).toBe('good day');
  });

  it('of a subclass include those of its parent; another application’s stay its own', async () => {
    const app = new HyperApp('shop');
    const other = new HyperApp('other');
    class Parent {
      @app.route('GET', '/parent')
      parent(): Response {
        return new Response('parent');
      }
    }
    class Child extends Parent {
      @other.route('GET', '/other')
      other(): Response {
        return new Response('other');
      }
    }
    const child = new Child();
    app.register(child);
    other.register(child);
    expect((await get(app, '/parent')).status).toBe(200);
    expect((await get(app, '/other')).status).toBe(404);
    expect((await get(other, '/other')).status).toBe(200);
    expect(() => app.register({})).toThrow(/decorated by this application's route\(\), got an obj/);
  });
});

describe('errors', () => {
  it('of a handler become a 500 with the headers of every response', async () => {
    const app = new HyperApp('shop');
    app.use(new PerformanceMiddleware());
    app.get('/error', () => {
      throw new RangeError('broken');
    });
    app.get('/string', () => {
      // What a careless library may do.
      // oxlint-disable-next-line typescript/only-throw-error
      throw 'a string';
    });
    const { url } = await listen(app);
    const log = console.error;
    const logged: unknown[] = [];
    console.error = (error: unknown) => logged.push(error);
    onTestFinished(() => void (console.error = log));
    for (const path of ['/error', '/string']) {
      const response = await fetch(url + path);
      expect([path, response.status, response.headers.get('X-Query-Count')]).toEqual([
        path,
        500,
        '0',
      ]);
    }
    expect(logged).toHaveLength(2);
  });
});

describe('listen', () => {
  it('runs the start-up hooks in order before, the shutdown hooks in reverse after', async () => {
    const app = new HyperApp('shop');
    const events: string[] = [];
    app.onStartup(async () => {
      await Promise.resolve();
      events.push('up 1');
    });
    app.onStartup(() => void events.push('up 2'));
    app.onShutdown(() => void events.push('down 1'));
    app.onShutdown(() => void events.push('down 2'));
    app.get('/', (c) => c.text('ok'));
    const listening = await app.listen({ port: 0 });
    expect(listening.url).toBe(`http://127.0.0.1:${listening.port}`);
    expect(await (await fetch(listening.url)).text()).toBe('ok');
    await Promise.all([listening.close(), listening.close()]);
    expect(events).toEqual(['up 1', 'up 2', 'down 2', 'down 1']);
    await expect(fetch(listening.url)).rejects.toThrow();
  });

  it('lets a running request finish before it closes', async () => {
    const app = new HyperApp('shop');
    let answer = (): void => {};
    const started = new Promise<void>((resolve) => {
      app.get('/slow', async (c) => {
        resolve();
        await new Promise<void>((done) => (answer = done));
        return c.text('done');
      });
    });
    const listening = await app.listen({ port: 0 });
    const response = fetch(`${listening.url}/slow`);
    await started;
    const closing = listening.close();
    answer();
    expect(await (await response).text()).toBe('done');
    await closing;
  });

  it('passes on what a start-up hook threw, and shuts down what is up', async () => {
    const app = new HyperApp('shop');
    const events: string[] = [];
    app.onStartup(() => {
      throw new Error('no database');
    });
    app.onShutdown(() => void events.push('down'));
    await expect(app.listen({ port: 0 })).rejects.toThrow('no database');
    expect(events).toEqual(['down']);
  });

  it('rejects where the port is taken', async () => {
    const { port } = await listen(new HyperApp('one'));
    await expect(new HyperApp('two').listen({ port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });
});

describe('bad input', () => {
  const app = new HyperApp('shop');

  it.each<[string, () => unknown, string]>([
    ['a name', () => new HyperApp(''), 'new HyperApp(name): expected a string'],
    [
      'a path',
      () => app.get('users', () => new Response()),
      'HyperApp.route(path): expected a path',
    ],
    ['a method', () => app.route('', '/'), 'HyperApp.route(method): expected a string'],
    ['a handler', () => app.get('/', 'x' as never), 'HyperApp.get(handler): expected a function'],
    [
      'a missing handler',
      () => app.get('/', undefined as never),
      'HyperApp.get(handler): expected a',
    ],
    ['a middleware', () => app.use({} as never), 'HyperApp.use(middleware): expected a function'],
    ['a hook', () => app.onStartup(1 as never), 'HyperApp.onStartup(hook): expected a function'],
  ])('%s that is none is refused at once', (_, call, message) => {
    expect(call).toThrow(OptionError);
    expect(call).toThrow(message);
  });

  it.each([
    [{ port: -1 }, 'HyperApp.listen.port: expected an integer from 0 to 65535, got -1'],
    [{ port: 1.5 }, 'HyperApp.listen.port: expected an integer from 0 to 65535, got 1.5'],
    [{ hostname: '' }, 'HyperApp.listen.hostname: expected a string that is not empty'],
    [{ prot: 1 }, 'HyperApp.listen.prot: expected one of port, hostname, got an unknown option'],
  ])('listen(%j) is refused', async (options, message) => {
    await expect(app.listen(options as never)).rejects.toThrow(message);
  });

  it('the database before it was set', () => {
    expect(() => app.db).toThrow('HyperApp.db: not set yet; set it in an onStartup hook');
  });
});
