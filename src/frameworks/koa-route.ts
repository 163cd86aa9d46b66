/** The pattern of the route that `@koa/router` chose. */
import { getRecorder } from '../recorder/index.ts';
import { whenLoaded } from './loaded-modules.ts';
import { Observed } from './observed.ts';
import { findRouteOf } from './observed-request.ts';

type Pattern = string | RegExp;

/** A route of `@koa/router`, or a middleware of it, which has no methods. */
interface Layer {
  readonly path: Pattern;
  readonly methods: readonly string[];
}

interface KoaContext {
  readonly req: object;
  /** Set by `@koa/router`, that of a middleware too; undefined before, and where no route fits. */
  readonly _matchedRoute?: Pattern;
  /** All that fit the path. */
  readonly matched?: readonly Layer[];
}

interface KoaApplication extends RoutedApplication {
  createContext(request: object, response: object): KoaContext;
}

/** What is touched of an application of Koa. */
interface RoutedApplication {
  readonly middleware?: readonly { readonly router?: { readonly stack?: readonly object[] } }[];
}

export function koaRoute(context: object): string | undefined {
  const { _matchedRoute: pattern, matched } = context as KoaContext;
  if (pattern === undefined) return undefined;
  const layers = matched?.filter(({ path }) => path === pattern) ?? [];
  const isMiddleware = layers.length > 0 && layers.every(({ methods }) => methods.length === 0);
  return isMiddleware ? undefined : textOf(pattern);
}

function textOf(pattern: Pattern): string {
  return pattern instanceof RegExp ? `/(${pattern.source})` : pattern;
}

/** The last application whose routers were looked through: most processes have one. */
let watched: object | undefined;

const HOOKED: unique symbol = Symbol.for('hyperdjango.koa-layers.hooked@0') as never;

interface HookedLayer extends Layer {
  [HOOKED]?: true;
  captures(...args: unknown[]): unknown;
}

/** Tells which route a request takes when it takes it: its handler may block, and ask for nothing. */
export function watchRouters(application: object): void {
  if (application === watched) return;
  watched = application;
  for (const { router } of (application as RoutedApplication).middleware ?? []) {
    const [layer] = router?.stack ?? [];
    if (layer === undefined) continue;
    const prototype = Object.getPrototypeOf(layer) as Partial<HookedLayer>;
    const original = prototype.captures;
    if (typeof original !== 'function' || prototype[HOOKED] === true) continue;
    Object.defineProperty(prototype, HOOKED, { value: true });
    // Called for each route in turn, before its handlers.
    prototype.captures = function captures(this: Layer, ...args) {
      noteLayer(this);
      return original.apply(this, args);
    };
  }
}

function noteLayer({ path, methods }: Layer): void {
  try {
    const namer = getRecorder().currentScope()?.namer;
    if (namer instanceof Observed && methods.length > 0) namer.expectRoute(textOf(path));
  } catch (error) {
    getRecorder().reportFault(error);
  }
}

const APPLICATION_FILE = /[\\/]koa[\\/]lib[\\/]application\.js$/;

let isWatching = false;

/** Learns the routes of every Koa application in this process, where no middleware of ours is. */
export function watchKoaRoutes(): void {
  if (isWatching) return;
  isWatching = true;
  whenLoaded(APPLICATION_FILE, (exports) => {
    const { prototype } = exports as { readonly prototype?: Partial<KoaApplication> };
    const original = prototype?.createContext;
    if (prototype === undefined || typeof original !== 'function') return;
    prototype.createContext = function createContext(this: KoaApplication, request, response) {
      const context = original.call(this, request, response);
      findRouteOf(request, koaRoute, context);
      watchRouters(this);
      return context;
    };
  });
}
