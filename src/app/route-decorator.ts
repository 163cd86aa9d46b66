import type { Context } from 'hono';

import { OptionError } from '../errors/index.ts';
import { describeValue } from '../util/options.ts';

/** Answers one request; gets Hono's context. */
export type Handler = (c: Context) => Response | Promise<Response>;

interface RoutePlace {
  readonly method: string;
  readonly path: string;
}

interface DecoratedRoute extends RoutePlace {
  readonly handler: Handler;
}

interface DecoratedMethod extends RoutePlace {
  readonly name: string | symbol;
}

/**
 * A method decorator, both the standard one and TypeScript's `experimentalDecorators`. A static
 * method becomes a route at once, an instance's one with `app.register(instance)`.
 */
export interface RouteDecorator {
  (method: Handler, context: ClassMethodDecoratorContext): void;
  (target: object, name: string | symbol, descriptor: PropertyDescriptor): void;
}

/** By application: the methods of an instance (standard) or of a prototype (legacy). */
const decorated = new WeakMap<object, WeakMap<object, DecoratedMethod[]>>();

export function routeDecorator(
  app: object,
  place: RoutePlace,
  addRoute: (handler: Handler) => void,
): RouteDecorator {
  return (target: object, nameOrContext: unknown): void => {
    if (isMethodContext(nameOrContext)) {
      const { name, static: isStatic } = nameOrContext;
      // With `this` the class or the instance, when every decorator has done its work.
      nameOrContext.addInitializer(function initialize(this: unknown) {
        const owner = this as object;
        if (isStatic) addRoute(boundMethod(owner, name));
        else remember(app, owner, { ...place, name });
      });
    } else if (typeof nameOrContext === 'string' || typeof nameOrContext === 'symbol') {
      // Legacy decorators get the class for a static method, the prototype for another.
      if (typeof target === 'function') addRoute((c) => boundMethod(target, nameOrContext)(c));
      else remember(app, target, { ...place, name: nameOrContext });
    } else {
      throw new OptionError('@app.route(…)', 'to decorate a method', describeValue(nameOrContext));
    }
  };
}

/** The decorated methods of an object, its class and its ancestors, bound to the object. */
export function routesOf(app: object, instance: object): DecoratedRoute[] {
  const routes: DecoratedRoute[] = [];
  const byOwner = decorated.get(app);
  for (let owner: object | null = instance; owner !== null; owner = Object.getPrototypeOf(owner)) {
    for (const { method, path, name } of byOwner?.get(owner) ?? []) {
      routes.push({ method, path, handler: boundMethod(instance, name) });
    }
  }
  return routes;
}

function isMethodContext(value: unknown): value is ClassMethodDecoratorContext {
  return typeof value === 'object' && value !== null && Reflect.get(value, 'kind') === 'method';
}

function boundMethod(owner: object, name: string | symbol): Handler {
  return (Reflect.get(owner, name) as Handler).bind(owner);
}

function remember(app: object, owner: object, method: DecoratedMethod): void {
  let byOwner = decorated.get(app);
  if (byOwner === undefined) {
    byOwner = new WeakMap();
    decorated.set(app, byOwner);
  }
  const methods = byOwner.get(owner) ?? [];
  byOwner.set(owner, [...methods, method]);
}
