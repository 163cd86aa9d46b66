import { describe, expect, it, onTestFinished } from 'vitest';

import { HyperApp } from '../../src/app/index.ts';
import { OptionError } from '../../src/errors/index.ts';
import { profileHandler } from '../../src/profiling/index.ts';
import { getRecorder, type Scope } from '../../src/recorder/index.ts';

const PROFILE =
  /^total=(\d+\.\d{3})ms, handler=(\d+\.\d{3})ms, db=(\d+\.\d{3})ms, pool=(\d+\.\d{3})ms, queries=(\d+)/;

/** Runs `fn` in a request's scope. */
function inRequest<T>(fn: (scope: Scope) => T): T {
  const recorder = getRecorder();
  const scope = recorder.openScope('request', 'GET /');
  return recorder.runIn(scope, () => fn(scope));
}

async function header(app: HyperApp, path: string): Promise<RegExpExecArray | null> {
  const response = await app.fetch(new Request(`http://localhost${path}`));
  expect(response.status).toBe(200);
  return PROFILE.exec(response.headers.get('X-Profile') ?? '');
}

/** Busy, so that the clock can show it. */
function spin(durationMs: number): void {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs);
}

describe('as a wrapper', () => {
  it('measures a handler and asks for the header, where it is in a scope', async () => {
    await inRequest(async (scope) => {
      const handler = profileHandler(async (text: string) => {
        spin(5);
        return `${text}!`;
      });
      expect(await handler('hello')).toBe('hello!');
      expect(scope.profile?.handlerNs).toBeGreaterThanOrEqual(4.9e6);
      expect(scope.profile?.isMeasuring).toBe(false);
    });
  });

  it('only calls the handler outside a scope', () => {
    expect(profileHandler((a: number, b: number) => a + b)(1, 2)).toBe(3);
  });

  it('keeps name, length, own properties, this and arguments', () => {
    const schema = { type: 'object' };
    function original(this: { base: number }, first: number, second: number): number {
      return this.base + first + second;
    }
    Object.assign(original, { schema });
    const wrapped = profileHandler(original);
    expect(wrapped).not.toBe(original);
    expect([wrapped.name, wrapped.length]).toEqual(['original', 2]);
    expect(wrapped).toHaveProperty('schema', schema);
    expect(wrapped.call({ base: 1 }, 2, 3)).toBe(6);
  });

  it('keeps a sync handler sync and an async one async', async () => {
    const sync = profileHandler(() => 7);
    const async = profileHandler(async () => 7);
    expect(Object.prototype.toString.call(sync)).toBe('[object Function]');
    expect(Object.prototype.toString.call(async)).toBe('[object AsyncFunction]');
    inRequest(() => expect(sync()).toBe(7));
    const promise = inRequest(() => async());
    expect(promise).toBeInstanceOf(Promise);
    expect(await promise).toBe(7);
  });

  it('passes on what is thrown, the very object, and measures up to it', async () => {
    const error = new Error('mine');
    const fail = (): never => {
      throw error;
    };
    await inRequest(async (scope) => {
      expect(profileHandler(fail)).toThrow(error);
      const rejected: unknown = await profileHandler(async () => fail())().catch(
        (thrown: unknown) => thrown,
      );
      expect(rejected).toBe(error);
      expect(scope.profile?.isMeasuring).toBe(false);
      expect(scope.profile?.handlerNs).toBeGreaterThan(0);
    });
  });

  it('measures the outermost of handlers that call each other, once', () => {
    inRequest((scope) => {
      const inner = profileHandler(() => spin(20));
      profileHandler(() => inner())();
      expect(scope.profile?.handlerNs).toBeGreaterThanOrEqual(19.9e6);
      expect(scope.profile?.handlerNs).toBeLessThan(39e6);
    });
  });

  it('carries the metadata of decorators over to what it returns', () => {
    // What reflect-metadata puts on Reflect; NestJS keeps a handler's route in it.
    const store = new WeakMap<object, Map<unknown, unknown>>();
    const metadata = {
      getOwnMetadataKeys: (target: object) => [...(store.get(target)?.keys() ?? [])],
      getOwnMetadata: (key: unknown, target: object) => store.get(target)?.get(key),
      defineMetadata(key: unknown, value: unknown, target: object) {
        store.set(target, (store.get(target) ?? new Map<unknown, unknown>()).set(key, value));
      },
    };
    Object.assign(Reflect, metadata);
    onTestFinished(() => {
      for (const key of Object.keys(metadata)) Reflect.deleteProperty(Reflect, key);
    });
    const original = (): void => {};
    metadata.defineMetadata('path', '/users', original);
    expect(metadata.getOwnMetadata('path', profileHandler(original))).toBe('/users');
  });

  it.each([undefined, null, 'handler', {}, 5])('refuses %j', (value) => {
    const wrap = (): unknown => profileHandler(value as never);
    expect(wrap).toThrow(OptionError);
    expect(wrap).toThrow(/^profileHandler\(fn\): expected a function, got /);
  });
});

describe('as a standard decorator', () => {
  it('measures instance, static and private methods, and keeps this', () => {
    class Counter {
      static readonly step = 2;
      readonly #start = 40;

      @profileHandler
      static stepOf(): number {
        return this.step;
      }

      @profileHandler
      next(): number {
        return this.#sum(Counter.stepOf());
      }

      @profileHandler
      #sum(step: number): number {
        return this.#start + step;
      }
    }
    inRequest((scope) => {
      expect(new Counter().next()).toBe(42);
      expect(scope.profile?.handlerNs).toBeGreaterThan(0);
    });
    expect(Counter.prototype.next.name).toBe('next');
  });

  it('refuses what is no method', () => {
    const decorate = (): unknown => {
      class Broken {
        @profileHandler
        get value(): number {
          return 1;
        }
      }
      return Broken;
    };
    expect(decorate).toThrow(/^@profileHandler: expected to decorate a method, got /);
  });

  it('gives its route the X-Profile header above @app.route and below it', async () => {
    const app = new HyperApp('test');
    class Routes {
      readonly greeting = 'hello';

      @app.route('GET', '/above')
      @profileHandler
      async above(): Promise<Response> {
        spin(2);
        return new Response(this.greeting);
      }

      @profileHandler
      @app.route('GET', '/below')
      async below(): Promise<Response> {
        spin(2);
        return new Response(this.greeting);
      }

      @app.route('GET', '/static-above')
      @profileHandler
      static async staticAbove(): Promise<Response> {
        spin(2);
        return new Response(this.name);
      }

      @profileHandler
      @app.route('GET', '/static-below')
      static async staticBelow(): Promise<Response> {
        spin(2);
        return new Response(this.name);
      }

      @app.route('GET', '/plain')
      async plain(): Promise<Response> {
        return new Response(this.greeting);
      }
    }
    app.register(new Routes());
    for (const path of ['/above', '/below', '/static-above', '/static-below']) {
      const [, total, handler] = (await header(app, path)) ?? [];
      expect(Number(handler)).toBeGreaterThanOrEqual(2);
      expect(Number(total)).toBeGreaterThanOrEqual(Number(handler));
    }
    expect(await header(app, '/plain')).toBeNull();
  });
});

describe('with app.profiling', () => {
  it('measures a profiled handler once', async () => {
    const app = new HyperApp('test');
    app.profiling = true;
    app.get(
      '/',
      profileHandler(async (c) => {
        spin(20);
        return c.text('ok');
      }),
    );
    const [, total, handler] = (await header(app, '/')) ?? [];
    expect(Number(handler)).toBeGreaterThanOrEqual(20);
    expect(Number(handler)).toBeLessThanOrEqual(Number(total));
  });
});
