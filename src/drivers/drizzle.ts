/**
 * Call sites for Drizzle. Its queries run where they are awaited, and V8 does not follow
 * `await thenable` back to the caller (before Node 26). The builders are made in the caller's
 * frames: the stack is taken there, and travels on a session of the builder's own to the driver.
 * The queries themselves are seen by the driver's hook.
 */
import { type CapturedStack, getRecorder, NO_STACK, type Recorder } from '../recorder/index.ts';
import { patchOnce, replaceMethod, type Undo, unpatch } from './patch.ts';

type Method = (...args: readonly unknown[]) => unknown;

interface Prepared {
  execute: Method;
}

interface Session {
  prepareQuery(
    query: unknown,
    fields: unknown,
    name: unknown,
    ...rest: readonly unknown[]
  ): Prepared;
}

interface WithSession {
  session: Session;
}

/** `PgDatabase.prototype`, since 1.0 `BasePgAsyncDatabase.prototype`. */
export interface DrizzleDatabase extends WithSession {
  readonly insert: Method;
  readonly update: Method;
  readonly delete: Method;
  readonly select: Method;
  readonly execute: Method;
  readonly with: Method;
  readonly query?: Readonly<Record<string, object>>;
}

/** `PgSelectBuilder.prototype`. */
export interface DrizzleSelect extends WithSession {
  readonly from: Method;
}

/** `RelationalQueryBuilder.prototype`. */
export interface DrizzleRelation extends WithSession {
  /** With a `tsName` before 1.0. */
  readonly tableConfig: { readonly tsName?: string; readonly name?: string };
  readonly findMany: Method;
  readonly findFirst: Method;
}

/** Sessions that tell the driver that no stack is due. */
const quiet = new WeakMap<Session, Session>();

/** Hooks `insert`, `update`, `delete`, `execute` and what else a database starts with. */
export function instrumentDrizzleDatabase(databases: DrizzleDatabase): void {
  const recorder = getRecorder();
  patchOnce(databases, () => [
    ...patchBuilders(recorder, databases, ['insert', 'update', 'delete'], (_, [table]) =>
      nameOf(table),
    ),
    ...patchBuilders(recorder, databases, ['$count', 'refreshMaterializedView'], () => ''),
    patchExecute(databases, recorder),
    patchWith(databases, recorder),
  ]);
}

export function instrumentDrizzleSelect(builders: DrizzleSelect): void {
  const recorder = getRecorder();
  patchOnce(builders, () =>
    patchBuilders(recorder, builders, ['from'], (_, [table]) => nameOf(table)),
  );
}

export function instrumentDrizzleRelation(relations: DrizzleRelation): void {
  const recorder = getRecorder();
  patchOnce(relations, () =>
    patchBuilders(recorder, relations, ['findMany', 'findFirst'], (relation) => {
      const { tsName, name } = (relation as DrizzleRelation).tableConfig;
      return String(tsName ?? name);
    }),
  );
}

/** Puts Drizzle's own functions back. */
export function uninstrumentDrizzle(prototype: object): void {
  unpatch(prototype);
}

function patchBuilders(
  recorder: Recorder,
  target: object,
  names: readonly string[],
  describe: (self: unknown, args: readonly unknown[]) => string,
): Undo[] {
  const methods = target as Record<string, Method>;
  return names
    .filter((name) => typeof methods[name] === 'function')
    .map((name) =>
      replaceMethod(methods, name, (original) => {
        return function build(this: unknown, ...args: readonly unknown[]): unknown {
          const built = original.apply(this, args as unknown[]);
          carry(recorder, built, () => `${name} ${describe(this, args)}`, build);
          return built;
        };
      }),
    );
}

/** A table's name in SQL, as the table object keeps it. */
function nameOf(table: unknown): string {
  const named = table as Record<symbol, unknown> | undefined;
  const name = named?.[Symbol.for('drizzle:Name')];
  return typeof name === 'string' ? name : '';
}

function carry(recorder: Recorder, built: unknown, what: () => string, below: unknown): void {
  try {
    if (recorder.currentScope() === undefined) return;
    const builder = built as WithSession;
    if (typeof builder.session?.prepareQuery !== 'function') return;
    const stack = recorder.takeStackOf(what(), below) ?? NO_STACK;
    builder.session = sessionWith(recorder, builder.session, () => stack, stack === NO_STACK);
  } catch (error) {
    recorder.reportFault(error);
  }
}

/** `db.execute(query)` builds the text at once. */
function patchExecute(databases: DrizzleDatabase, recorder: Recorder): Undo {
  return replaceMethod(databases, 'execute', (original) => {
    return function execute(this: DrizzleDatabase, ...args: readonly unknown[]): unknown {
      if (recorder.currentScope() === undefined) return original.apply(this, args as unknown[]);
      const stackOf = (sql: string): CapturedStack => recorder.takeStack(sql, execute);
      return original.apply(deriveWith(recorder, this, stackOf), args as unknown[]);
    };
  });
}

/** `db.with(query).select()`: what follows has a session from here. */
function patchWith(databases: DrizzleDatabase, recorder: Recorder): Undo {
  return replaceMethod(databases, 'with', (original) => {
    return function withQueries(this: DrizzleDatabase, ...args: readonly unknown[]): unknown {
      if (recorder.currentScope() === undefined) return original.apply(this, args as unknown[]);
      const stack = recorder.takeStackOf('with', withQueries) ?? NO_STACK;
      return original.apply(
        deriveWith(recorder, this, () => stack),
        args as unknown[],
      );
    };
  });
}

function deriveWith(
  recorder: Recorder,
  database: DrizzleDatabase,
  stackOf: (sql: string) => CapturedStack,
): DrizzleDatabase {
  return Object.create(database, {
    session: { value: sessionWith(recorder, database.session, stackOf, false), writable: true },
  }) as DrizzleDatabase;
}

function sessionWith(
  recorder: Recorder,
  session: Session,
  stackOf: (sql: string) => CapturedStack,
  isQuiet: boolean,
): Session {
  const known = isQuiet ? quiet.get(session) : undefined;
  if (known !== undefined) return known;
  const prepareQuery: Session['prepareQuery'] = (query, fields, name, ...rest) => {
    const prepared = session.prepareQuery(query, fields, name, ...rest);
    // One that the application prepared is executed from elsewhere: it has a name, or since 1.0 is
    // to be given one by Drizzle (`true`).
    if (name !== undefined && name !== false) return prepared;
    const stack = stackOf((query as { readonly sql: string }).sql);
    const { execute } = prepared;
    prepared.execute = function (...args) {
      return recorder.runWithStack(stack, () => execute.apply(this, args as unknown[]));
    };
    return prepared;
  };
  const derived = Object.create(session, { prepareQuery: { value: prepareQuery } }) as Session;
  if (isQuiet) quiet.set(session, derived);
  return derived;
}
