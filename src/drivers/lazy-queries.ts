/**
 * Call sites for queries that an ORM runs by a chain of `then()`, which no stack follows: the lazy
 * relations of TypeORM, and all of Orchid ORM. The stack is taken where the application's frames
 * are, and goes with the context to the driver.
 */
/* oxlint-disable unicorn/no-thenable -- there is one already */
import { getRecorder, NO_STACK } from '../recorder/index.ts';
import { patchOnce, replaceMethod, type Undo, unpatch } from './patch.ts';

type Method = (...args: unknown[]) => unknown;

/** `RelationLoader.prototype` of TypeORM. */
export interface RelationLoader {
  load(relation: Relation, ...rest: unknown[]): unknown;
}

interface Relation {
  readonly propertyName: string;
  readonly entityMetadata: { readonly name: string };
}

/** `Db.prototype` of Orchid ORM. */
export interface OrchidQueries {
  readonly then: Method;
  readonly table?: string;
  readonly q?: { readonly type?: string };
}

/** Hooks the lazy relations of TypeORM; a second call does nothing. */
export function instrumentRelationLoader(loaders: RelationLoader): void {
  const recorder = getRecorder();
  patchOnce(loaders, () => [
    replaceMethod(loaders, 'load', (original) => {
      return function load(this: RelationLoader, relation, ...rest): unknown {
        const what = `load ${relation?.entityMetadata?.name}.${relation?.propertyName}`;
        const stack = recorder.takeStackOf(what, load) ?? NO_STACK;
        return recorder.runFrom(stack, () => original.call(this, relation, ...rest));
      };
    }),
  ]);
}

/** Hooks the queries of Orchid ORM; a second call does nothing. */
export function instrumentOrchid(queries: OrchidQueries): void {
  patchOnce(queries, () => [patchThen(queries)]);
}

/** Puts the ORM's own functions back. */
export function uninstrumentLazyQueries(prototype: object): void {
  unpatch(prototype);
}

/** `await` calls `then` later, and looks it up in the caller's frames. */
function patchThen(queries: OrchidQueries): Undo {
  const recorder = getRecorder();
  const own = Object.getOwnPropertyDescriptor(queries, 'then') as PropertyDescriptor;
  Object.defineProperty(queries, 'then', {
    configurable: true,
    enumerable: own.enumerable ?? false,
    get: function look(this: OrchidQueries): Method {
      const then = (own.get === undefined ? own.value : own.get.call(this)) as Method;
      if (recorder.currentScope() === undefined) return then;
      const stack = recorder.takeStackOf(`${this.q?.type} ${this.table}`, look) ?? NO_STACK;
      return function (this: unknown, ...args) {
        return recorder.runFrom(stack, () => then.apply(this, args));
      };
    },
    // Queries that give nothing, or were answered, get one of their own.
    set(this: OrchidQueries, value: unknown) {
      Object.defineProperty(this, 'then', {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    },
  });
  return () => Object.defineProperty(queries, 'then', own);
}
