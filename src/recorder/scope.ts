/**
 * A scope is what queries are booked on: a request, a job or a test. It is carried by
 * AsyncLocalStorage and captured where a query is issued.
 */
import { NO_HANDLE, OTHER_ID, OUTCOME, type Outcome } from '../engine/engine.ts';
import { type CapturedStack, SeenStatements } from './call-site.ts';
import type { Ignore } from './ignores.ts';

export type ScopeKind = 'request' | 'job';

/** Queries of one scope that are kept one by one; the totals go on beyond it. */
export const SCOPE_DETAILS_MAX = 2_000;

// What is imported or exported is looked up anew at each use, and what is declared here is not.
const DETAILS_MAX = SCOPE_DETAILS_MAX;
const { ok: OK } = OUTCOME;
const NO_SLOT = NO_HANDLE;
const OTHER = OTHER_ID;

/** One query, from its issue to its last result. */
export class RecordedQuery {
  readonly scope: Scope | undefined;
  /** The pool, or the client outside a pool, that runs it: an identity, never called. */
  readonly source: object | undefined;
  /** The text as it was issued; emptied when the query has ended, as it may hold literals. */
  sql: string;
  /** The parameters as they were issued; undefined when the query has ended. */
  values: readonly unknown[] | undefined;
  /** Unformatted, see `Recorder.callSite`; undefined where this run took none. */
  stack: CapturedStack | undefined;
  statementId: number = OTHER;
  handle: number = NO_SLOT;
  startNs = 0;
  /** -1 while it runs. */
  durationNs = -1;
  poolWaitNs = 0;
  /** The part of `poolWaitNs` in which a connection was opened. */
  connectNs = 0;
  outcome: Outcome = OK;
  /** The error's SQLSTATE; undefined where it succeeded, and where the error carries none. */
  sqlState: string | undefined = undefined;
  /** Rows returned or affected; -1 where unknown. */
  rowCount = -1;
  /** The connection's setting when the query began; undefined where it is unknown. */
  standardConformingStrings: boolean | undefined = undefined;
  /** Nobody is called back at its end, who would have to be brought back into the scope. */
  isForPromise = false;
  /** What keeps it out of every verdict. */
  ignoredBy: Ignore | undefined = undefined;
  /** The model that the ORM ran it for; undefined where no ORM told. */
  model: string | undefined = undefined;

  constructor(
    scope: Scope | undefined,
    source: object | undefined,
    sql: string,
    values: readonly unknown[] | undefined,
    stack: CapturedStack | undefined,
  ) {
    this.scope = scope;
    this.source = source;
    this.sql = sql;
    this.values = values;
    this.stack = stack;
  }
}

/** How a scope came to its end. */
export interface ScopeEnd {
  /** HTTP status; 0 for what is no request. */
  readonly statusCode: number;
  /** The client went away before the response was complete. */
  readonly isAborted: boolean;
}

/** Hears of one scope's queries and of its end; a fault inside is caught, counted and logged once. */
export interface ScopeObserver {
  onQueryEnded?(query: RecordedQuery, scope: Scope): void;
  onScopeClosed?(scope: Scope, end: ScopeEnd): void;
}

/** Set on a scope whose response is to carry the `X-Profile` header. */
export interface ScopeProfile {
  /** Time spent in the handler; 0 before it has returned. */
  handlerNs: number;
  /** A profiled function may call another: only the outermost one is measured. */
  isMeasuring: boolean;
}

export class Scope {
  readonly kind: ScopeKind;
  /** Whether the request is in flight under another name than it has now. */
  isRenamed = false;
  readonly handle: number;
  readonly startNs: number;
  /** On the same clock; 0 until it is closed. */
  endNs = 0;
  readonly observers: ScopeObserver[] = [];
  /** The first {@link SCOPE_DETAILS_MAX} queries, in the order of their start. */
  readonly queries: RecordedQuery[] = [];
  /** Runs by statement of the queries that are not in `queries`; undefined where all are. */
  overflow: Map<number, number> | undefined = undefined;
  /** Whether a query is kept out of every verdict. */
  hasIgnored = false;
  /** Whether an ORM told the model of a query. */
  hasModels = false;
  /** Tells first runs, which take no stack, from further ones. */
  readonly seen: SeenStatements = new SeenStatements();
  queryCount = 0;
  errorCount = 0;
  poolWaitNs = 0;
  profile: ScopeProfile | undefined = undefined;
  /** Asked before each query, until it has named the scope and is let go. */
  namer: { askForRoute(): void } | undefined = undefined;
  /** What tells the scope's request from one inside it: an identity, let go at the end. */
  carrier: object | undefined = undefined;
  isClosed = false;

  #name: string;
  // Sums of times since `startNs`: sums of the clock itself would not fit a double.
  #endedNs = 0;
  #runningCount = 0;
  #runningSinceSumNs = 0;
  #busyNs = 0;
  #busySinceNs = 0;
  #busyUntilNs = 0;

  constructor(kind: ScopeKind, name: string, handle: number, startNs: number) {
    this.kind = kind;
    this.#name = name;
    this.handle = handle;
    this.startNs = startNs;
    this.#busySinceNs = startNs;
    this.#busyUntilNs = startNs;
  }

  /** `GET /users/:id` for a request, the job's name otherwise; known at its end at the latest. */
  get name(): string {
    return this.#name;
  }

  rename(name: string): void {
    if (name === this.#name) return;
    this.#name = name;
    this.isRenamed = true;
  }

  /** Books a query that starts now; `query.startNs` and `query.statementId` are set. */
  begin(query: RecordedQuery): void {
    this.queryCount += 1;
    this.poolWaitNs += query.poolWaitNs;
    if (this.queries.length < DETAILS_MAX) {
      this.queries.push(query);
    } else if (query.ignoredBy === undefined) {
      this.overflow ??= new Map();
      this.overflow.set(query.statementId, (this.overflow.get(query.statementId) ?? 0) + 1);
    }
    if (this.#runningCount === 0) this.#busySinceNs = Math.max(query.startNs, this.#busyUntilNs);
    this.#runningCount += 1;
    this.#runningSinceSumNs += query.startNs - this.startNs;
  }

  /** Books the end of a query that `begin` booked; `query.durationNs` is set. */
  end(query: RecordedQuery): void {
    this.#endedNs += query.durationNs;
    if (query.outcome !== OK) this.errorCount += 1;
    this.#runningCount -= 1;
    this.#runningSinceSumNs -= query.startNs - this.startNs;
    if (this.#runningCount > 0) return;
    this.#busyUntilNs = Math.max(this.#busyUntilNs, query.startNs + query.durationNs);
    this.#busyNs += this.#busyUntilNs - this.#busySinceNs;
  }

  /** Sum of all durations; a query still running counts with the time it has taken so far. */
  queryTimeNs(nowNs: number): number {
    return this.#endedNs + this.#runningCount * (nowNs - this.startNs) - this.#runningSinceSumNs;
  }

  /** The time in which at least one query ran: overlapping ones count once. */
  busyNs(nowNs: number): number {
    return this.#runningCount === 0 ? this.#busyNs : this.#busyNs + nowNs - this.#busySinceNs;
  }
}
