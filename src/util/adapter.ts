/**
 * What every adapter is marked with, so that it harms no application that it is given to by mistake:
 * that of another framework.
 */
import { OptionError } from '../errors/index.ts';

/** The adapters, by the end of the import that each comes from. */
export type AdapterKind = 'express' | 'fastify' | 'hono' | 'koa' | 'nest' | 'next' | 'node';

const KIND: unique symbol = Symbol.for('hyperdjango.adapter@0') as never;

interface Framework {
  readonly name: string;
  /** What it takes. */
  readonly takes: AdapterKind;
}

const EXPRESS: Framework = { name: 'Express', takes: 'express' };
const KOA: Framework = { name: 'Koa', takes: 'koa' };

/** By what each reads off a middleware when it is given one. */
const READ_BY: Readonly<Record<string, Framework>> = { handle: EXPRESS, _name: KOA };

/** These take `(request, response, next)`, as Express does. */
const AS_EXPRESS: ReadonlySet<AdapterKind> = new Set(['express', 'nest', 'node']);

/** @returns which adapter the value comes from; undefined where it is none of ours. */
export function kindOf(value: unknown): AdapterKind | undefined {
  return typeof value === 'function' ? (value as { [KIND]?: AdapterKind })[KIND] : undefined;
}

/** What is ours, such as `performance() of hyperdjango/koa`. */
export function describeAdapter(kind: AdapterKind | 'performance'): string {
  return kind === 'performance'
    ? 'a PerformanceMiddleware'
    : `performance() of hyperdjango/${kind}`;
}

/**
 * Marks a function as an adapter's. Express and Koa are noticed when they are given one that is not
 * for them: each reads a property off it that nobody else asks for.
 */
export function adapter<F extends object>(kind: AdapterKind, fn: F): F {
  Object.defineProperty(fn, KIND, { value: kind });
  for (const [property, framework] of Object.entries(READ_BY)) {
    const isForIt = kind === framework.takes || (framework === EXPRESS && AS_EXPRESS.has(kind));
    if (!isForIt) refuseOnRead(fn, property, kind, framework);
  }
  return fn;
}

function refuseOnRead(
  target: object,
  property: string,
  kind: AdapterKind | 'performance',
  { name, takes }: Framework,
): void {
  Object.defineProperty(target, property, {
    configurable: true,
    get() {
      // A tool that looks at functions in general is none of our business.
      if (!isCalledByUse()) return undefined;
      throw new OptionError(`app.use() of ${name}`, describeAdapter(takes), describeAdapter(kind));
    },
  });
}

function isCalledByUse(): boolean {
  return /\n\s+at (?:\S+\.)?use (?:\[as \S+\] )?\(/.test(String(new Error('use').stack));
}

interface Called {
  readonly addHook?: unknown;
  readonly register?: unknown;
  readonly finalized?: unknown;
  readonly raw?: unknown;
  readonly app?: unknown;
  readonly respond?: unknown;
  readonly writeHead?: unknown;
}

/** Who calls with such arguments; undefined where that is not known. */
function callerOf([first, second]: readonly unknown[]): Framework | undefined {
  const one = (first ?? {}) as Called;
  if (typeof one.addHook === 'function') return { name: 'Fastify', takes: 'fastify' };
  if (one.finalized !== undefined) return { name: 'Hono', takes: 'hono' };
  if (one.raw !== undefined) return { name: 'Fastify', takes: 'fastify' };
  if (typeof (second as Called | undefined)?.writeHead === 'function') return EXPRESS;
  if (one.app !== undefined && typeof second === 'function') return KOA;
  return undefined;
}

/** The same for `(request, response, next)`, which are stubs unless they are known to be something else. */
export function passOn(kind: AdapterKind, args: readonly [unknown, unknown, () => void]): void {
  const caller = callerOf(args);
  if (caller === undefined || caller === EXPRESS) args[2]();
  else stepAside(kind, args);
}

const warned = new Set<string>();

/**
 * For a call that is not as the adapter's framework makes it: passes the request on as if nothing
 * stood there, and says once what to use. Where the application is still being put together, such as
 * by Fastify's plugins, it fails.
 *
 * @throws {OptionError} where it is called with a route handler.
 */
export function stepAside(kind: AdapterKind | 'performance', args: readonly unknown[]): unknown {
  const caller = callerOf(args);
  const own = describeAdapter(kind);
  const next = args.findLast((arg) => typeof arg === 'function') as
    | ((error?: Error) => unknown)
    | undefined;
  if (typeof (args[0] as Called | undefined)?.addHook === 'function') {
    const right = describeAdapter('fastify');
    const error = new OptionError('app.register() of Fastify', right, own);
    // Fastify waits in vain for a plugin that throws.
    if (next === undefined) throw error;
    return void next(error);
  }
  if (typeof args[0] === 'function') {
    throw new OptionError('a route handler', describeAdapter('next'), own);
  }
  warnOnce(kind, own, caller, next !== undefined);
  return next?.();
}

function warnOnce(
  kind: AdapterKind | 'performance',
  own: string,
  caller: Framework | undefined,
  isPassedOn: boolean,
): void {
  const key = `${kind} ${caller?.name}`;
  if (warned.has(key)) return;
  warned.add(key);
  const where = caller === undefined ? 'something that is not its framework' : caller.name;
  const right =
    caller === undefined || caller.takes === kind
      ? 'it is to be used as docs/frameworks.md says'
      : `${caller.name} takes ${describeAdapter(caller.takes)}`;
  const effect = isPassedOn ? 'requests pass it by, unwatched' : 'there is no next() to call';
  process.emitWarning(`${where} calls ${own}: ${right}; ${effect}`, {
    type: 'HyperDjangoWarning',
    code: 'HYPERDJANGO_ADAPTER',
  });
}

/** An object that frameworks take for middleware, and that says so: it is to be given to an adapter. */
// oxlint-disable-next-line typescript/no-extraneous-class -- only a class can be extended
export class NoMiddleware {
  constructor() {
    const target: object = new.target.prototype;
    const self = (...args: unknown[]): unknown => stepAside('performance', args);
    return Object.setPrototypeOf(self, target) as NoMiddleware;
  }
}

Object.setPrototypeOf(NoMiddleware.prototype, Function.prototype);
for (const [property, framework] of Object.entries(READ_BY)) {
  refuseOnRead(NoMiddleware.prototype, property, 'performance', framework);
}
