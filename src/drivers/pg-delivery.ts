/**
 * Rows are those that the caller got. The driver's own `Query` keeps its results; what else an
 * application may submit (a cursor, a stream, a COPY) is watched while it runs.
 */
import { replaceMethod, type Undo } from './patch.ts';
import type { PgCursor, PgQuery, PgResult } from './pg-types.ts';

interface Delivery {
  rowCount: number;
  /** As the server's command tags say; -1 where they say nothing. */
  tagCount: number;
  /** A cursor that nobody has read from is parsed and described, and not run. */
  isUnread: boolean;
  isSubmitted: boolean;
}

/** What is done with a query that is watched. */
export interface Watcher {
  /** Runs what calls the application back. */
  enter<T>(query: PgQuery, fn: () => T): T;
  /** The cursor is read from for the first time, its statement being described already. */
  run(query: PgQuery): void;
}

const deliveries = new WeakMap<PgQuery, Delivery>();

/** @returns nothing where it is watched already. */
export function watchDelivery(query: PgQuery, watcher: Watcher): Undo[] {
  if (deliveries.has(query)) return [];
  const cursor = cursorOf(query);
  const delivery: Delivery = {
    rowCount: 0,
    tagCount: -1,
    isUnread: cursor !== undefined,
    isSubmitted: false,
  };
  deliveries.set(query, delivery);
  return [
    () => deliveries.delete(query),
    replace(query, 'handleDataRow', (original) => {
      return function handleDataRow(this: PgQuery, ...args): unknown {
        delivery.rowCount += 1;
        if (!this.listenerCount?.('row')) return original.apply(this, args);
        return watcher.enter(this, () => original.apply(this, args));
      };
    }),
    ...(['handlePortalSuspended', 'handleCopyInResponse'] as const).map((name) =>
      replace(query, name, (original) => {
        return function handle(this: PgQuery, ...args): unknown {
          return watcher.enter(this, () => original.apply(this, args));
        };
      }),
    ),
    replace(query, 'handleCommandComplete', (original) => {
      return function handleCommandComplete(this: PgQuery, ...args): unknown {
        const count = countOf(args[0]);
        if (count >= 0) delivery.tagCount = Math.max(0, delivery.tagCount) + count;
        return original.apply(this, args);
      };
    }),
    cursor === undefined
      ? (): void => {}
      : replace(cursor, 'read', (original) => {
          return function read(this: PgCursor, ...args): unknown {
            if (delivery.isUnread) {
              delivery.isUnread = false;
              if (delivery.isSubmitted) watcher.run(query);
            }
            return original.apply(this, args);
          };
        }),
  ];
}

/** Whether what is submitted waits for its first `read()`. */
export function isUnreadAtSubmit(query: PgQuery): boolean {
  const delivery = deliveries.get(query);
  if (delivery === undefined) return false;
  delivery.isSubmitted = true;
  return delivery.isUnread;
}

/** Of all statements of the text; -1 where nothing says. */
export function rowCountOf(query: PgQuery, isWatched: boolean): number {
  const { _results: results } = query;
  const resultCount = rowCountOfResults(results);
  if (!isWatched) return resultCount;
  const delivery = deliveries.get(query);
  if (delivery === undefined) return resultCount;
  // Of a portal that is run in steps the tag speaks of the last one.
  const count = Math.max(
    delivery.rowCount,
    results === undefined ? delivery.tagCount : resultCount,
  );
  return count === 0 && delivery.tagCount < 0 && resultCount < 0 ? -1 : count;
}

/** @param results one, or a list where the text had several statements. */
export function rowCountOfResults(results: PgResult | readonly PgResult[] | undefined): number {
  if (results === undefined) return -1;
  if (!Array.isArray(results)) return rowCountOfResult(results as PgResult);
  return (results as readonly PgResult[]).reduce((sum, result) => {
    const count = rowCountOfResult(result);
    return count < 0 ? sum : Math.max(0, sum) + count;
  }, -1);
}

/** SHOW, EXPLAIN and CALL give rows without a number of them. */
function rowCountOfResult({ rowCount, rows, fields }: PgResult): number {
  if (rows !== undefined && rows.length > 0) return rows.length;
  return rowCount ?? (fields !== undefined && fields.length > 0 ? 0 : -1);
}

function countOf(message: unknown): number {
  const tag = (message as { readonly text?: unknown } | undefined)?.text;
  const count = typeof tag === 'string' ? / (\d+)$/.exec(tag)?.[1] : undefined;
  return count === undefined ? -1 : Number(count);
}

/** A stream that reads from a cursor has it as `cursor`; a Readable's own `read()` is something else. */
function cursorOf(query: PgQuery): PgCursor | undefined {
  const cursor = query.cursor ?? (query as Partial<PgCursor>);
  const { read, close, pipe } = cursor as Record<string, unknown>;
  const isCursor =
    typeof read === 'function' && typeof close === 'function' && typeof pipe !== 'function';
  return isCursor ? (cursor as PgCursor) : undefined;
}

// oxlint-disable-next-line typescript/no-explicit-any -- of whatever the driver gives
type Method = (this: any, ...args: any[]) => unknown;

function replace<T extends object>(
  target: T,
  name: keyof T & string,
  make: (original: Method) => Method,
): Undo {
  if (typeof target[name] !== 'function') return () => {};
  return replaceMethod(target as Record<string, Method>, name, make);
}
