/**
 * A scope is what queries are booked on: a request, a job or a test. It is carried by
 * AsyncLocalStorage and captured where a query is issued.
 */
import { type Engine, NO_HANDLE, OTHER_ID, OUTCOME, type Outcome } from '../engine/engine.ts';
import type { CapturedStack, SiteScope } from './call-site.ts';
import type { Ignore } from './ignores.ts';
import { QueryTimes } from './query-times.ts';

export type ScopeKind = 'request' | 'job';

/** Queries of one scope that are kept one by one; the totals go on beyond it. */
export const SCOPE_DETAILS_MAX = 2_000;

// What is imported or exported is looked up anew at each use, and what is declared here is not.
const DETAILS_MAX = SCOPE_DETAILS_MAX;
const { ok: OK } = OUTCOME;
const NO_SLOT = NO_HANDLE;
const OTHER = OTHER_ID;

/**
 * One query, from its issue to its last result.
 *
 * Other work has filled the processor's caches each time that something happens to it, so that
 * every line of memory which it takes is waited for again: what most queries have none of is made
 * only for those that do.
 */
export class RecordedQuery {
  // What its end reads and writes stands first, in the line that begins with the object itself.
  /** What the driver knows it by, until it has ended: an identity. */
  subject: object | undefined = undefined;
  handle: number = NO_SLOT;
  /** -1 while it runs. */
  durationNs = -1;
  outcome: Outcome = OK;
  /** Rows returned or affected; -1 where unknown. */
  rowCount = -1;
  /** The text as it was issued; emptied when the query has ended, as it may hold literals. */
  sql: string;
  /** The parameters as they were issued; undefined when the query has ended. */
  values: readonly unknown[] | undefined;
  /** Nobody is called back at its end, who would have to be brought back into the scope. */
  isForPromise = false;
  readonly scope: Scope | undefined;
  statementId: number = OTHER;
  startNs = 0;
  poolWaitNs = 0;
  /** Unformatted, see `Recorder.callSite`; undefined where this run took none. */
  stack: CapturedStack | undefined;
  /** The connection's setting when the query began; undefined where it is unknown. */
  standardConformingStrings: boolean | undefined = undefined;
  /** The pool, or the client outside a pool, that runs it: an identity, never called. */
  readonly source: object | undefined;

  /** The part of `poolWaitNs` in which a connection was opened; undefined for none. */
  declare connectNs: number | undefined;
  /** The error's SQLSTATE; undefined where it succeeded, and where the error carries none. */
  declare sqlState: string | undefined;
  /** What keeps it out of every verdict. */
  declare ignoredBy: Ignore | undefined;
  /** The model that the ORM ran it for; undefined where no ORM told. */
  declare model: string | undefined;
  /** The `Detour` that it is sent on: its callbacks go on there. */
  declare detour: object | undefined;
  /** Scopes that the one statement serves, where it is more than this one: an ORM made it of theirs. */
  declare servedCount: number | undefined;
  /** Of a run that took a stack: see `hashParameters`. */
  declare parameterHash: number | undefined;
  /** Its end is told to its scope and the scope's observers, however short it was. */
  declare isFollowed: boolean | undefined;

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

/** Hears of one scope; a fault inside is caught, counted and logged once. */
export interface ScopeObserver {
  /** Queries that took this long at least are told of. */
  readonly slowThresholdNs: number;
  /** Of others too that end after the scope was closed. */
  onQueryEnded(query: RecordedQuery, scope: Scope): void;
  onScopeClosed(scope: Scope, end: ScopeEnd): void;
  /** A query is about to begin in a scope that was closed. */
  onLateQuery(): void;
}

/** Set on a scope whose response is to carry the `X-Profile` header. */
export interface ScopeProfile {
  /** Time spent in the handler; 0 before it has returned. */
  handlerNs: number;
  /** A profiled function may call another: only the outermost one is measured. */
  isMeasuring: boolean;
}

/** Queries beyond {@link SCOPE_DETAILS_MAX}, in figures. */
interface FurtherQueries {
  count: number;
  poolWaitNs: number;
  /** Of all queries of the scope. */
  readonly times: QueryTimes;
  /** By statement. */
  readonly runs: Map<number, number>;
}

const NO_OBSERVERS: readonly ScopeObserver[] = [];

export class Scope {
  // What each query asks for stands together, for the reason that is given at `RecordedQuery`: with
  // a value each, as fields come in the order in which they get one.
  readonly handle: number = NO_SLOT;
  /** See `ScopePart`. */
  readonly isPart = false;
  /** Asked before each query, until it has named the scope and is let go. */
  namer: { askForRoute(): void } | undefined = undefined;
  /** Whether the request is in flight under another name than it has now. */
  isRenamed = false;
  isClosed = false;
  /** The first {@link SCOPE_DETAILS_MAX} queries, in the order of their start. */
  readonly queries: RecordedQuery[] = [];

  readonly kind: ScopeKind;
  readonly startNs: number;
  /** On the same clock; 0 until it is closed. */
  endNs = 0;
  observers: readonly ScopeObserver[] = NO_OBSERVERS;
  /** Whether a query is kept out of every verdict. */
  hasIgnored = false;
  /** Whether an ORM told the model of a query. */
  hasModels = false;
  /** How many of its queries failed, and the last of them. */
  failedCount = 0;
  failedQuery: RecordedQuery | undefined = undefined;
  /** Whether some of `queries` were still running at its end. */
  hasRunning = false;
  /** Tells first runs, which take no stack, from further ones. */
  seen: SiteScope['seen'] = undefined;
  profile: ScopeProfile | undefined = undefined;
  /** Waits for a client of a pool that ended without one. */
  vainWaitNs = 0;
  /** What tells the scope's request from one inside it: an identity, let go at the end. */
  carrier: object | undefined = undefined;

  #name: string;
  #further: FurtherQueries | undefined;

  constructor(kind: ScopeKind, name: string, handle: number, startNs: number) {
    this.kind = kind;
    this.#name = name;
    this.handle = handle;
    this.startNs = startNs;
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

  get queryCount(): number {
    return this.queries.length + (this.#further?.count ?? 0);
  }

  get poolWaitNs(): number {
    return this.queries.reduce(
      (sumNs, query) => sumNs + query.poolWaitNs,
      this.vainWaitNs + (this.#further?.poolWaitNs ?? 0),
    );
  }

  /** Runs by statement of the queries that are not in `queries`; undefined where all are. */
  get overflow(): ReadonlyMap<number, number> | undefined {
    return this.#further?.runs;
  }

  /** Books a query that starts now; `query.startNs` and `query.statementId` are set. */
  begin(query: RecordedQuery): void {
    if (this.isClosed) query.isFollowed = true;
    if (this.queries.length < DETAILS_MAX) this.queries.push(query);
    else this.#addFurther(query);
  }

  noteFailure(query: RecordedQuery): void {
    this.failedCount += 1;
    this.failedQuery = query;
  }

  /** Books the end of a query that is followed; `query.durationNs` is set. */
  end(query: RecordedQuery): void {
    this.#further?.times.end(query);
  }

  /**
   * From now on the end of each of its queries is told.
   *
   * @returns whether any of `queries` is running; those beyond are followed from their start.
   */
  followRunning(): boolean {
    let isAnyRunning = false;
    for (const query of this.queries) {
      if (query.durationNs >= 0) continue;
      query.isFollowed = true;
      isAnyRunning = true;
    }
    return isAnyRunning;
  }

  /**
   * Sum of all durations; a query still running counts with the time it has taken so far, or until
   * the scope's end.
   *
   * @param clock looked at where one runs: seldom, and each look costs.
   */
  queryTimeNs(clock: Pick<Engine, 'nowNs'>): number {
    if (this.#further !== undefined) return this.#further.times.totalNs(this.#nowNs(clock));
    let totalNs = 0;
    let nowNs: number | undefined;
    for (const { startNs, durationNs } of this.queries) {
      totalNs += durationNs < 0 ? (nowNs ??= this.#nowNs(clock)) - startNs : durationNs;
    }
    return totalNs;
  }

  /** The time in which at least one query ran: overlapping ones count once. */
  busyNs(nowNs: number): number {
    return this.#times().busyNs(nowNs);
  }

  #nowNs(clock: Pick<Engine, 'nowNs'>): number {
    return this.isClosed ? this.endNs : clock.nowNs();
  }

  /** Asked for seldom: to keep sums would cost each query more. */
  #times(): QueryTimes {
    if (this.#further !== undefined) return this.#further.times;
    const times = new QueryTimes(this.startNs);
    for (const query of this.queries) times.add(query);
    return times;
  }

  #addFurther(query: RecordedQuery): void {
    if (this.#further === undefined) {
      this.#further = { count: 0, poolWaitNs: 0, times: this.#times(), runs: new Map() };
      this.followRunning();
    }
    const { times, runs } = this.#further;
    this.#further.count += 1;
    this.#further.poolWaitNs += query.poolWaitNs;
    times.add(query);
    query.isFollowed = true;
    if (query.ignoredBy !== undefined) return;
    runs.set(query.statementId, (runs.get(query.statementId) ?? 0) + 1);
  }
}
