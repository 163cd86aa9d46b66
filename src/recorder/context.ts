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
  readonly stack: CapturedStack | undefined;
  /** What keeps them out of every verdict. */
  readonly ignore: Ignore | undefined;
  /** The model that an ORM asks for. */
  readonly model: string | undefined;

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

export type Context = Scope | ScopePart | typeof UNRECORDED | undefined;

/** Says that it was settled further up whether a query takes a stack, and that it takes none. */
export const NO_STACK: CapturedStack = {};

/** Writes on a query what the part of the scope that issued it says of its queries. */
export function notePart(query: RecordedQuery, { scope, ignore, model }: ScopePart): void {
  if (ignore !== undefined) {
    query.ignoredBy = ignore;
    scope.hasIgnored = true;
  }
  if (model !== undefined) {
    query.model = model;
    scope.hasModels = true;
  }
}
