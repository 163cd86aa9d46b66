import { types } from 'node:util';

import { OptionError } from '../errors/index.ts';
import { getRecorder, isDisabled } from '../recorder/index.ts';
import { describeValue } from '../util/options.ts';
import { measureHandler } from './x-profile.ts';

/** Any function: `never` takes every kind of parameter. */
type AnyFunction = (...args: never[]) => unknown;

/** Own properties that belong to the function itself and not to what it does. */
const NOT_COPIED: ReadonlySet<string | symbol> = new Set(['prototype', 'arguments', 'caller']);

/** The part of `reflect-metadata` that decorators of NestJS and others keep their notes with. */
interface ReflectMetadata {
  getOwnMetadataKeys?(target: object): unknown[];
  getOwnMetadata?(key: unknown, target: object): unknown;
  defineMetadata?(key: unknown, value: unknown, target: object): void;
}

/**
 * Measures a handler, and lets the response of its request carry the `X-Profile` header:
 * `total=12.345ms, handler=11.201ms, db=4.512ms, pool=0.120ms, queries=5`.
 *
 * It is a wrapper for functions, and a decorator for methods: the standard one, and that of
 * TypeScript's `experimentalDecorators`. What it returns has the name, length, properties and
 * metadata of the original, passes on `this`, arguments, result and errors, and is an async
 * function where the original is one. Outside a scope it only calls it.
 *
 * @throws {OptionError} where it is given anything but a function, or decorates anything but a
 * method.
 * @example
 * ```ts
 * import { HyperApp } from 'hyperdjango';
 * import { profileHandler } from 'hyperdjango/profiling';
 *
 * const app = new HyperApp('myapp');
 * app.get('/hello', profileHandler((c) => c.text('hello')));
 * const response = await app.fetch(new Request('http://localhost/hello'));
 * response.headers.get('X-Profile')?.startsWith('total='); // true
 * ```
 */
export function profileHandler<F extends AnyFunction>(fn: F): F;
export function profileHandler<F extends AnyFunction>(
  method: F,
  context: ClassMethodDecoratorContext,
): F;
export function profileHandler<F extends AnyFunction>(
  target: object,
  name: string | symbol,
  descriptor: TypedPropertyDescriptor<F>,
): void;
export function profileHandler(
  target: object,
  nameOrContext?: string | symbol | ClassMethodDecoratorContext,
  descriptor?: PropertyDescriptor,
): AnyFunction | void {
  if (typeof nameOrContext === 'string' || typeof nameOrContext === 'symbol') {
    const method: unknown = descriptor?.value;
    if (descriptor === undefined || !isFunction(method)) throw notAMethod(method);
    descriptor.value = wrap(method);
    return;
  }
  if (nameOrContext !== undefined && nameOrContext.kind !== 'method') throw notAMethod(target);
  if (!isFunction(target)) {
    throw new OptionError('profileHandler(fn)', 'a function', describeValue(target));
  }
  return wrap(target);
}

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === 'function';
}

function notAMethod(value: unknown): OptionError {
  return new OptionError('@profileHandler', 'to decorate a method', describeValue(value));
}

function wrap(fn: AnyFunction): AnyFunction {
  const call = fn as (this: unknown, ...args: unknown[]) => unknown;
  // Frameworks tell handlers that take callbacks from async ones by the kind of function.
  const wrapper: AnyFunction = types.isAsyncFunction(fn)
    ? async function (this: unknown, ...args: unknown[]): Promise<unknown> {
        return profiled(() => call.apply(this, args));
      }
    : function (this: unknown, ...args: unknown[]): unknown {
        return profiled(() => call.apply(this, args));
      };
  for (const key of Reflect.ownKeys(fn)) {
    const own = Object.getOwnPropertyDescriptor(fn, key);
    if (own !== undefined && !NOT_COPIED.has(key)) Object.defineProperty(wrapper, key, own);
  }
  copyMetadata(fn, wrapper);
  return wrapper;
}

function copyMetadata(from: object, to: object): void {
  const reflect = Reflect as ReflectMetadata;
  for (const key of reflect.getOwnMetadataKeys?.(from) ?? []) {
    reflect.defineMetadata?.(key, reflect.getOwnMetadata?.(key, from), to);
  }
}

function profiled<T>(handler: () => T): T {
  const scope = isDisabled() ? undefined : getRecorder().currentScope();
  if (scope !== undefined) scope.profile ??= { handlerNs: 0, isMeasuring: false };
  return measureHandler(handler);
}
