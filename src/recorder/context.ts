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

  constructor(
    scope: Scope,
    stack: CapturedStack | undefined,
    ignore: Ignore | undefined,
    model: string | undefined,
  ) {
    this.scope = scope;
    this.stack = stack;
    this.ignore = ignore;
    this.model = model;
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
    const { scope, stack, ignoredBy, model } = query;
    return scope && new Detour(scope, stack ?? NO_STACK, ignoredBy, model);
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

/** Writes on a query what the part of the scope that issued it says of its queries. */
export function notePart(query: RecordedQuery, part: ScopePart): void {
  const { scope, ignore, model } = part;
  if (part instanceof Detour) query.detour = part;
  if (ignore !== undefined) {
    query.ignoredBy = ignore;
    scope.hasIgnored = true;
  }
  if (model !== undefined) {
    query.model = model;
    scope.hasModels = true;
  }
}
