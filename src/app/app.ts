import type { AddressInfo } from 'node:net';

import { serve, type ServerType } from '@hono/node-server';
import { type Context, Hono, type MiddlewareHandler } from 'hono';

import type { Database } from '../database/index.ts';
import { HyperDjangoError, OptionError } from '../errors/index.ts';
import { requestScope } from '../frameworks/hono.ts';
import { PerformanceMiddleware } from '../performance/index.ts';
import { measureHandler } from '../profiling/index.ts';
import { getRecorder, isDisabled } from '../recorder/index.ts';
import { describeAdapter, kindOf } from '../util/adapter.ts';
import {
  describeValue,
  functionOption,
  knownOptions,
  numberOption,
  stringOption,
} from '../util/options.ts';
import { type Handler, routeDecorator, type RouteDecorator, routesOf } from './route-decorator.ts';

/** Runs at the start or the end of an application; what it returns is waited for. */
export type Hook = () => void | Promise<void>;

/** Options of {@link HyperApp.listen}. */
export interface ListenOptions {
  /**
   * 0 to 65,535; 0 takes any free port.
   *
   * @defaultValue 3000
   */
  readonly port?: number;
  /**
   * The address to listen on; `'0.0.0.0'` is reachable from other machines.
   *
   * @defaultValue '127.0.0.1'
   */
  readonly hostname?: string;
}

/** What {@link HyperApp.listen} gives. */
export interface ListeningApp {
  /** Without a slash at its end. */
  readonly url: string;
  /** The one that was taken, where 0 was asked for. */
  readonly port: number;
  /** Lets running requests finish, then runs the shutdown hooks; a second call waits for the first. */
  close(): Promise<void>;
}

interface Route {
  readonly method: string;
  readonly path: string;
  readonly handler: Handler;
}

/**
 * A small web application on Hono with everything of this package at hand.
 *
 * @example
 * ```ts
 * import { HyperApp, PerformanceMiddleware } from 'hyperdjango';
 *
 * const app = new HyperApp('myapp');
 * app.use(new PerformanceMiddleware());
 * app.get('/hello', (c) => c.text('hello'));
 * const response = await app.fetch(new Request('http://localhost/hello'));
 * response.headers.get('X-Query-Count'); // '0'
 * ```
 */
export class HyperApp {
  /** As it was given. */
  readonly name: string;
  /** True unless `NODE_ENV` is `production`. */
  debug: boolean = process.env['NODE_ENV'] !== 'production';
  /** Whether every response carries the `X-Profile` header. */
  profiling = false;

  #db: Database | undefined;
  readonly #performance: PerformanceMiddleware[] = [];
  readonly #middlewares: MiddlewareHandler[] = [];
  readonly #routes: Route[] = [];
  readonly #startupHooks: Hook[] = [];
  readonly #shutdownHooks: Hook[] = [];
  #composed: Hono | undefined;

  /** @throws {OptionError} where the name is not a string with something in it. */
  constructor(name: string) {
    this.name = stringOption('new HyperApp(name)', name);
  }

  /**
   * The application's database, for its handlers.
   *
   * @throws {HyperDjangoError} `ERR_HYPERDJANGO_STATE` where none was set yet.
   */
  get db(): Database {
    if (this.#db !== undefined) return this.#db;
    throw new HyperDjangoError(
      'ERR_HYPERDJANGO_STATE',
      'HyperApp.db: not set yet; set it in an onStartup hook',
    );
  }

  set db(db: Database) {
    this.#db = db;
  }

  /**
   * Runs before the application listens, in the order of the calls.
   *
   * @throws {OptionError} where the hook is no function.
   */
  onStartup(hook: Hook): void {
    this.#startupHooks.push(functionOption('HyperApp.onStartup(hook)', hook));
  }

  /**
   * Runs when the last request is done, in the reverse order of the calls.
   *
   * @throws {OptionError} where the hook is no function.
   */
  onShutdown(hook: Hook): void {
    this.#shutdownHooks.unshift(functionOption('HyperApp.onShutdown(hook)', hook));
  }

  /**
   * Covers every route, whenever it is called; performance middlewares run outermost.
   *
   * @param middleware ours, or any of Hono's.
   * @throws {OptionError} where it is neither.
   */
  use(middleware: PerformanceMiddleware | MiddlewareHandler): void {
    if (middleware instanceof PerformanceMiddleware) {
      this.#performance.push(middleware);
    } else {
      const option = 'HyperApp.use(middleware)';
      const kind = kindOf(functionOption(option, middleware));
      if (kind !== undefined && kind !== 'hono') {
        const expected = 'a PerformanceMiddleware or middleware of Hono';
        throw new OptionError(option, expected, describeAdapter(kind));
      }
      const own = throwingErrors(middleware);
      // With both arguments: it is told from a handler by them.
      this.#middlewares.push((c, next) => own(c, next));
    }
    this.#composed = undefined;
  }

  /**
   * Adds a route; without a handler, gives a decorator for a class's method.
   *
   * @param method such as `GET`, in upper or lower case.
   * @param path as Hono reads it, such as `/users/:id`.
   * @throws {OptionError} where the method is empty, or the path does not begin with `/`.
   */
  route(method: string, path: string, handler: Handler): void;
  route(method: string, path: string): RouteDecorator;
  route(method: string, path: string, handler?: Handler): RouteDecorator | void {
    const verb = stringOption('HyperApp.route(method)', method).toUpperCase();
    if (typeof path !== 'string' || !path.startsWith('/')) {
      throw new OptionError(
        'HyperApp.route(path)',
        'a path that begins with /',
        describeValue(path),
      );
    }
    if (handler !== undefined) return this.#addRoute(verb, path, handler);
    return routeDecorator(this, { method: verb, path }, (own) => this.#addRoute(verb, path, own));
  }

  /**
   * Adds a route for GET.
   *
   * @throws {OptionError} where the path does not begin with `/`, or the handler is no function.
   */
  get(path: string, handler: Handler): void {
    this.route('GET', path, functionOption('HyperApp.get(handler)', handler));
  }

  /**
   * Adds a route for POST.
   *
   * @throws {OptionError} where the path does not begin with `/`, or the handler is no function.
   */
  post(path: string, handler: Handler): void {
    this.route('POST', path, functionOption('HyperApp.post(handler)', handler));
  }

  /**
   * Adds a route for PUT.
   *
   * @throws {OptionError} where the path does not begin with `/`, or the handler is no function.
   */
  put(path: string, handler: Handler): void {
    this.route('PUT', path, functionOption('HyperApp.put(handler)', handler));
  }

  /**
   * Adds a route for PATCH.
   *
   * @throws {OptionError} where the path does not begin with `/`, or the handler is no function.
   */
  patch(path: string, handler: Handler): void {
    this.route('PATCH', path, functionOption('HyperApp.patch(handler)', handler));
  }

  /**
   * Adds a route for DELETE.
   *
   * @throws {OptionError} where the path does not begin with `/`, or the handler is no function.
   */
  delete(path: string, handler: Handler): void {
    this.route('DELETE', path, functionOption('HyperApp.delete(handler)', handler));
  }

  /**
   * Adds the routes that `@app.route(…)` marked on the object's methods, bound to it.
   *
   * @throws {OptionError} where it has none.
   */
  register(instance: object): void {
    const routes = routesOf(this, instance);
    if (routes.length === 0) {
      throw new OptionError(
        'HyperApp.register(instance)',
        "an object with methods that are decorated by this application's route()",
        describeValue(instance),
      );
    }
    for (const { method, path, handler } of routes) this.#addRoute(method, path, handler);
  }

  /** Answers one request in this process, without a socket: for tests. Runs no start-up hook. */
  readonly fetch = (request: Request, env?: object): Response | Promise<Response> => {
    this.#composed ??= this.#compose();
    return this.#composed.fetch(request, env);
  };

  /**
   * Runs the start-up hooks and listens.
   *
   * @throws {OptionError} where an option is unknown or out of its range. What a hook threw; the
   * server's own error where it cannot listen: the shutdown hooks run in either case.
   */
  async listen(options: ListenOptions = {}): Promise<ListeningApp> {
    knownOptions('HyperApp.listen', options, ['port', 'hostname']);
    const port = numberOption('HyperApp.listen.port', options.port ?? 3_000, {
      min: 0,
      max: 65_535,
      integer: true,
    });
    const hostname = stringOption('HyperApp.listen.hostname', options.hostname ?? '127.0.0.1');
    let server: ServerType;
    try {
      this.#announce();
      for (const hook of this.#startupHooks) await hook();
      server = await listening(serve({ fetch: this.fetch, port, hostname }));
    } catch (error) {
      await this.#shutDown().catch(() => {});
      throw error;
    }
    const address = server.address() as AddressInfo;
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    let closing: Promise<void> | undefined;
    return {
      url: `http://${host}:${address.port}`,
      port: address.port,
      close: () => (closing ??= closed(server).then(() => this.#shutDown())),
    };
  }

  #addRoute(method: string, path: string, handler: Handler): void {
    functionOption('HyperApp.route(handler)', handler);
    this.#routes.push({ method, path, handler });
    this.#composed = undefined;
  }

  /** Readers of this process's records find them under the application's name. */
  #announce(): void {
    if (isDisabled()) return;
    const named = this.#performance.find(({ options }) => options.appName !== undefined);
    getRecorder().nameApp(named?.options.appName ?? this.name);
  }

  /** Anew after each change: Hono itself takes no middleware once it has routes. */
  #compose(): Hono {
    this.#announce();
    const hono = new Hono();
    hono.use(requestScope([...this.#performance], () => this.profiling));
    for (const middleware of this.#middlewares) hono.use(middleware);
    for (const { method, path, handler } of this.#routes) {
      hono.on(
        method,
        path,
        throwingErrors((c: Context) => measureHandler(() => handler(c))),
      );
    }
    return hono;
  }

  /** @throws the first error, when every hook has run. */
  async #shutDown(): Promise<void> {
    const errors: unknown[] = [];
    for (const hook of this.#shutdownHooks) {
      try {
        await hook();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}

/** Hono answers an Error by a response, and lets any other thrown value end the connection. */
function throwingErrors<A extends unknown[], R>(
  fn: (...args: A) => R | Promise<R>,
): (...args: A) => Promise<R> {
  return async (...args) => {
    try {
      return await fn(...args);
    } catch (thrown) {
      if (thrown instanceof Error) throw thrown;
      throw new Error('a handler threw a value that is no Error', { cause: thrown });
    }
  };
}

function listening(server: ServerType): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

function closed(server: ServerType): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
  });
}
