/** The pattern of the route that `@koa/router` chose. */
import { whenLoaded } from './loaded-modules.ts';
import { findRouteOf } from './observed-request.ts';

interface KoaContext {
  readonly req: object;
  /** Set by `@koa/router`; undefined before, and where no route fits. */
  readonly _matchedRoute?: string | RegExp;
}

interface KoaApplication {
  createContext(request: object, response: object): KoaContext;
}

export function koaRoute(context: object): string | undefined {
  const { _matchedRoute: pattern } = context as KoaContext;
  if (pattern === undefined) return undefined;
  return pattern instanceof RegExp ? `/(${pattern.source})` : pattern;
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
      return context;
    };
  });
}
