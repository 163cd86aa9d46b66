/** What is carried from where the application asks for a query to where it is issued. */
import type { CapturedStack } from './call-site.ts';
import type { Ignore } from './ignores.ts';
import type { RecordedQuery, Scope } from './scope.ts';

/** Marks a piece of work whose queries are the tool's own: never recorded, counted or logged. */
export const UNRECORDED: unique symbol = Symbol('unrecorded');

/** A part of a scope's work, whose queries have something of their own. */
export class ScopePart {
  /** Tells it from a whole {@link Scope} in less time than their classes do, which each query asks. */
  readonly isPart = true;
  readonly scope: Scope;
  /** The stack that they go by, for libraries that lose it; undefined where they take theirs. */
  stack: CapturedStack | undefined;
  /** What keeps them out of every verdict. */
  readonly ignore: Ignore | undefined;
  /** The model that an ORM asks for. */
  model: string | undefined;
  /** Scopes that each of its queries serves, of which this one has them. */
  readonly servedCount: number;

  constructor(
    scope: Scope,
    stack: CapturedStack | undefined,
    ignore: Ignore | undefined,
    model: string | undefined,
    servedCount: number = 1,
  ) {
    this.scope = scope;
    this.stack = stack;
    this.ignore = ignore;
    this.model = model;
    this.servedCount = servedCount;
  }
}

/**
 * What is sent on the way from who asked for a query to the connection, by what lies between: a
 * tenant's settings, then the query itself, perhaps with another text. Whose callbacks go on in it
 * too, until it is over.
 */
export class Detour extends ScopePart {
  /** @returns undefined outside every scope. */
  static for(query: RecordedQuery): Detour | undefined {
    const { scope, stack, ignoredBy, model, servedCount } = query;
    return scope && new Detour(scope, stack ?? NO_STACK, ignoredBy, model, servedCount);
  }

  /** The query is answered: what is asked for from now on, by who asked for it, is something else. */
  end(): void {
    this.stack = undefined;
    this.model = undefined;
  }
}

export type Context = Scope | ScopePart | typeof UNRECORDED | undefined;

/** Says that it was settled further up whether a query takes a stack, and that it takes none. */
export const NO_STACK: CapturedStack = {};

/** It goes with the work of any model. */
const TRANSACTION_CONTROL = /^\s*(?:begin|start|commit|end|rollback|abort|savepoint|release)\b/i;

/** Writes on a query what the part of the scope that issued it says of its queries. */
export function notePart(query: RecordedQuery, part: ScopePart): void {
  const { scope, ignore, model, servedCount } = part;
  if (part instanceof Detour) query.detour = part;
  if (ignore !== undefined) {
    query.ignoredBy = ignore;
    scope.hasIgnored = true;
  }
  if (model !== undefined && !TRANSACTION_CONTROL.test(query.sql)) {
    query.model = model;
    scope.hasModels = true;
  }
  if (servedCount > 1) query.servedCount = servedCount;
}

/**
 * The context of work that is done at once for several: in the first of their scopes, each query
 * marked with how many they are. A new one each time.
 */
export function sharedContext(contexts: readonly Context[]): Context {
  const parts = contexts.filter((context) => typeof context === 'object');
  const [first] = parts;
  if (first === undefined) return contexts[0];
  const scopes = new Set(parts.map((part) => (part.isPart ? part.scope : part)));
  const servedCount = scopes.size + (parts.length < contexts.length ? 1 : 0);
  return first.isPart
    ? new ScopePart(first.scope, first.stack, first.ignore, first.model, servedCount)
    : new ScopePart(first, undefined, undefined, undefined, servedCount);
}
