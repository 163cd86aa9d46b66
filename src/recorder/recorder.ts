/**
 * Writes every query and request down once, where it happens: into the engine's fixed memory,
 * and on the scope that issued it. Everything else reads.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

import {
  type Engine,
  type EngineRecorder,
  NO_HANDLE,
  OTHER_ID,
  OUTCOME,
  type Outcome,
  REGISTER,
  type RecorderCapacities,
  type Segment,
  type StatementIdentity,
} from '../engine/engine.ts';
import { OptionError } from '../errors/index.ts';
import { cutName } from '../segments/index.ts';
import { type AppIdentity, appIdentityOf, processFacts } from './app-identity.ts';
import { type CallSite, CallSites, type CapturedStack } from './call-site.ts';
import { type Context, type Detour, NO_STACK, notePart, ScopePart, UNRECORDED } from './context.ts';
import { type Ignore, Ignores } from './ignores.ts';
import { Models } from './models.ts';
import { OverheadMeter } from './overhead-meter.ts';
import { hashParameters } from './parameter-hash.ts';
import { PoolRegistry } from './pool-registry.ts';
import { type PoolWait, PoolWaits } from './pool-waits.ts';
import {
  RecordedQuery,
  Scope,
  type ScopeEnd,
  type ScopeKind,
  type ScopeObserver,
} from './scope.ts';
import { Unseen } from './unseen.ts';

// What is imported is looked up anew at each use, and what is declared here is not.
const { startNs: START_NS, statementId: STATEMENT_ID } = REGISTER;
const { ok: OK, error: FAILED, aborted: ABORTED } = OUTCOME;
const NO_REQUEST = NO_HANDLE;
/** A duration that the engine measures. */
const ENDS_NOW = -1;

/** About 7 MB. */
const MAIN_CAPACITIES: RecorderCapacities = {
  inFlightQueriesMax: 1_024,
  inFlightRequestsMax: 1_024,
  recentQueriesMax: 4_096,
  recentRequestsMax: 1_024,
  statementsMax: 2_048,
  routesMax: 256,
};

/** Less than 1 MB. */
const WORKER_CAPACITIES: RecorderCapacities = {
  inFlightQueriesMax: 256,
  inFlightRequestsMax: 256,
  recentQueriesMax: 512,
  recentRequestsMax: 128,
  statementsMax: 256,
  routesMax: 32,
};

/** Statements that are known by heart. */
const STATEMENTS_MAX = 1_024;

/** What is asked for this long after the end of a scope is no longer its own, but left running by it. */
const LATE_NS_MAX = 5e9;

/** Hears of every query of the process, whatever its scope; faults inside are caught. */
export interface QueryListener {
  onQueryBegan?(query: RecordedQuery): void;
  onQueryEnded?(query: RecordedQuery): void;
}

export class Recorder {
  readonly engine: Engine;
  /** Why this engine and not the other one. */
  readonly engineReason: string;
  /** The memory of this process, with this thread's arena in it. */
  readonly segment: Segment;
  readonly core: EngineRecorder;
  readonly app: AppIdentity;
  readonly pools: PoolRegistry;
  readonly callSites: CallSites;
  readonly ignores: Ignores = new Ignores();
  readonly models: Models = new Models();
  readonly unseen: Unseen;

  /** Queries that a driver ran outside every scope. */
  unscopedQueryCount = 0;
  /** Faults of our own that were caught; the application saw none of them. */
  faultCount = 0;

  readonly #contexts = new AsyncLocalStorage<Context>();
  readonly #meter: OverheadMeter;
  readonly #waits: PoolWaits;
  readonly #statements = new Map<number, StatementIdentity>();
  #listeners: readonly QueryListener[] = [];
  /** The least of all observers: what took less is told to nobody. */
  #slowThresholdNs = Infinity;
  /** For the next query that is issued before the function that it was given to returns. */
  #givenStack: CapturedStack | undefined;

  constructor(engine: Engine, engineReason: string) {
    this.engine = engine;
    this.engineReason = engineReason;
    this.app = appIdentityOf(processFacts());
    this.segment = engine.openSegment({
      appName: this.app.name,
      scriptName: this.app.scriptName,
      place: this.app.place,
      directory: process.env['HYPERDJANGO_DIR'],
      mainCapacities: MAIN_CAPACITIES,
      workerCapacities: WORKER_CAPACITIES,
    });
    this.core = this.segment.recorder;
    this.#meter = new OverheadMeter(
      () => engine.nowNs(),
      (ns) => this.segment.recordOverhead(1, ns),
    );
    this.#waits = new PoolWaits(this.core, engine, {
      beforeShown: (scope) => this.#askForRoute(scope),
      reportFault: (error) => this.reportFault(error),
    });
    this.pools = new PoolRegistry(this.core, () => engine.nowNs());
    this.callSites = new CallSites(
      (sql) => this.core.internStatement(sql),
      (id) => this.statement(id)?.fingerprint,
      (name) => this.unseen.noteOrm(name),
    );
    this.unseen = new Unseen((libraries) => this.segment.setUnseen(libraries));
  }

  /** The application says its name; that of the environment holds all the same. */
  nameApp(name: string): void {
    if (!this.app.isFixed) this.segment.setAppName(cutName(name));
  }

  /** The scope that a query issued here and now belongs to. */
  currentScope(): Scope | undefined {
    const store = this.#store();
    if (store === undefined || store === UNRECORDED) return undefined;
    return store.isPart ? store.scope : store;
  }

  openScope(kind: ScopeKind, name: string): Scope {
    const handle = kind === 'request' ? this.core.beginRequest(name) : NO_HANDLE;
    const startNs =
      kind === 'request' ? Number(this.core.registers[REGISTER.startNs]) : this.engine.nowNs();
    return new Scope(kind, name, handle, startNs);
  }

  /** The observer hears of the scope from now on. */
  observe(scope: Scope, observer: ScopeObserver): void {
    // Most often the only one: a list that grows takes room for sixteen more.
    scope.observers = scope.observers.length === 0 ? [observer] : [...scope.observers, observer];
    this.#slowThresholdNs = Math.min(this.#slowThresholdNs, observer.slowThresholdNs);
  }

  /** Whether the work here and now is the tool's own. */
  isUnrecorded(): boolean {
    return this.#contexts.getStore() === UNRECORDED;
  }

  /** What a query issued here and now would be booked on, for {@link Recorder.runIn} later. */
  captureContext(): Context {
    return this.#contexts.getStore();
  }

  /** Runs `fn`, and all that it starts, in the context; undefined leaves every scope. */
  runIn<A extends unknown[], T>(context: Context, fn: (...args: A) => T, ...args: A): T {
    // Entering a context is dear, and most callers are in it already.
    return this.#contexts.getStore() === context
      ? fn(...args)
      : this.#contexts.run(context, fn, ...args);
  }

  /** The work that goes on from here, until it ends, goes on in the context: for who cannot run it. */
  enter(context: Context): void {
    this.#contexts.enterWith(context);
  }

  /** Runs `fn` with the queries that it issues left out of everything. */
  runUnrecorded<T>(fn: () => T): T {
    return this.#contexts.run(UNRECORDED, fn);
  }

  /** Runs `fn` with this stack for the one query that it issues before it returns. */
  runWithStack<T>(stack: CapturedStack | undefined, fn: () => T): T {
    const outer = this.#givenStack;
    this.#givenStack = stack;
    try {
      return fn();
    } finally {
      this.#givenStack = outer;
    }
  }

  /** Runs `fn` with this stack for every query that it, or what it starts, issues in this scope. */
  runFrom<T>(stack: CapturedStack, fn: () => T): T {
    return this.#runAsPart(
      ({ scope, ignore, model }) => new ScopePart(scope, stack, ignore, model),
      fn,
    );
  }

  /** Runs `fn` with the queries that it, or what it starts, issues in this scope told as a model's. */
  runForModel<T>(model: string, fn: () => T): T {
    return this.#runAsPart(
      ({ scope, stack, ignore }) => new ScopePart(scope, stack, ignore, model),
      fn,
    );
  }

  /** Runs `fn` with the queries that it, or what it starts, issues in this scope kept out of verdicts. */
  runIgnored<T>(ignore: Ignore, fn: () => T): T {
    return this.#runAsPart(({ scope }) => new ScopePart(scope, undefined, ignore, undefined), fn);
  }

  /** Where what a query calls back goes on: where it was issued, but for the stack that it went by. */
  contextOf({ scope, ignoredBy, detour }: RecordedQuery): Context {
    if (detour !== undefined) return detour as Detour;
    return scope === undefined || ignoredBy === undefined
      ? scope
      : new ScopePart(scope, undefined, ignoredBy, undefined);
  }

  /**
   * The stack of a query that is about to be asked for, for a driver that issues it only after the
   * caller's frames are gone: give it to {@link Recorder.runWithStack}.
   */
  takeStack(sql: string, below: unknown): CapturedStack {
    const store = this.#store();
    if (store === undefined || store === UNRECORDED) return NO_STACK;
    return this.#stackFor(store, sql, below) ?? NO_STACK;
  }

  /**
   * Whether the current scope has come by `what` before, captured as {@link Recorder.takeStack}
   * does: for builders, which know what is asked for before there is a text.
   *
   * @param what stands for the statement, such as `select users`; holds no value.
   */
  takeStackOf(what: string, below: unknown): CapturedStack | undefined {
    const scope = this.currentScope();
    return scope === undefined ? undefined : this.callSites.takeNamed(scope, what, below);
  }

  /** Whether a query that goes by this text takes a stack, for a driver that has one at hand. */
  isStackDue(what: string): boolean {
    const scope = this.currentScope();
    return scope !== undefined && this.callSites.isNamedDue(scope, what);
  }

  /** Where the application asked for the query; undefined where that is not known. */
  callSite({ stack }: RecordedQuery): CallSite | undefined {
    return stack === undefined ? undefined : this.callSites.format(stack);
  }

  /** Whoever looks from outside sees the name that the scope has now, without waiting for a query. */
  nameInFlight(scope: Scope): void {
    if (scope.isRenamed && !scope.isClosed) this.#nameRequest(scope);
  }

  /** Closes the scope and tells its observers; a second call does nothing. */
  closeScope(scope: Scope, end: ScopeEnd): void {
    if (scope.isClosed) return;
    scope.isClosed = true;
    scope.carrier = undefined;
    scope.namer = undefined;
    scope.seen = undefined;
    scope.hasRunning = scope.followRunning();
    // Not before its start, whatever goes wrong.
    scope.endNs = scope.startNs;
    try {
      scope.endNs = scope.startNs + Math.max(0, this.#endScope(scope, end));
      if (scope.hasModels) this.models.learn(scope.queries, this);
    } catch (error) {
      this.reportFault(error);
    }
    this.#tell(scope.observers, (observer) => observer.onScopeClosed(scope, end));
  }

  /**
   * Notes that a query is issued, with the scope it belongs to. Nothing is counted before
   * {@link Recorder.begin}.
   *
   * @param below the hook that the application called; its stack is looked at below it. Without
   * one the query goes without a call site.
   * @returns undefined where the query is the tool's own.
   */
  issue(
    sql: string,
    values: readonly unknown[] | undefined,
    source: object | undefined,
    below?: unknown,
  ): RecordedQuery | undefined {
    const store = this.#store();
    if (store === UNRECORDED) return undefined;
    let stack: CapturedStack | undefined;
    if (store !== undefined && below !== undefined) {
      stack = this.#stackFor(store, sql, below);
      if (stack === NO_STACK) stack = undefined;
    }
    if (store?.isPart !== true) return new RecordedQuery(store, source, sql, values, stack);
    const query = new RecordedQuery(store.scope, source, sql, values, stack);
    notePart(query, store);
    return query;
  }

  /**
   * Whoever is here waits for a client of a pool from now on.
   *
   * @param sql what it is to be asked for; empty where that is not known.
   */
  beginWait(sql: string): PoolWait {
    const store = this.#store();
    if (typeof store !== 'object') return this.#waits.begin(store, sql);
    return this.#waits.begin(store.isPart ? store.scope : store, sql);
  }

  /**
   * @param isInVain it got no client. Otherwise the wait counts with the query that the client is
   * asked for.
   * @returns how long it took, in nanoseconds.
   */
  endWait(wait: PoolWait, isInVain: boolean): number {
    return this.#waits.end(wait, isInVain);
  }

  /** The query is handed over to the connection now. */
  begin(query: RecordedQuery): void {
    const meter = this.#meter;
    if (!meter.isDue()) {
      this.#begin(query);
      return;
    }
    const startNs = meter.start();
    this.#begin(query);
    meter.stopBegin(query, startNs);
  }

  /** The query's last result, or its error, has arrived. */
  end(query: RecordedQuery, outcome: Outcome, rowCount: number): void {
    const meter = this.#meter;
    if (!meter.isSampled(query)) {
      this.#end(query, outcome, rowCount);
      return;
    }
    const startNs = meter.start();
    this.#end(query, outcome, rowCount);
    meter.stopEnd(startNs);
  }

  /**
   * Records a query that has ended already, in the current scope.
   *
   * @returns undefined where the current work is the tool's own.
   */
  record(sql: string, durationNs: number): RecordedQuery | undefined {
    const query = this.issue(sql, undefined, undefined);
    if (query === undefined) return undefined;
    query.statementId = this.core.internStatement(sql);
    query.startNs = this.engine.nowNs() - durationNs;
    query.durationNs = durationNs;
    this.#recordEnded(query);
    this.#book(query);
    this.#tellEnded(query);
    forgetValues(query);
    return query;
  }

  /** @returns a function that ends the subscription. */
  subscribe(listener: QueryListener): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  /**
   * As that of `core`, whose memory is looked at once for each: a number comes back only when its
   * row has changed hands 65,536 times.
   */
  statement(id: number): StatementIdentity | undefined {
    let known = this.#statements.get(id);
    if (known !== undefined) return known;
    known = this.core.statement(id);
    if (known === undefined) return undefined;
    if (this.#statements.size === STATEMENTS_MAX) this.#statements.clear();
    this.#statements.set(id, known);
    return known;
  }

  /** @param sql the text as it was issued, for where the statement table was full. */
  statementText(query: RecordedQuery, sql: string = query.sql): string {
    const { statementId, standardConformingStrings } = query;
    const known = statementId === OTHER_ID ? undefined : this.statement(statementId);
    if (known !== undefined) return known.text;
    const options = standardConformingStrings === undefined ? {} : { standardConformingStrings };
    return this.engine.normalizeSql(sql, options).text;
  }

  /** Mean cost of a recorded query in nanoseconds, from a sample; 0 before the first one. */
  overheadNs(): number {
    return this.#meter.meanNs();
  }

  /** When a query or request last began: the time to within a moment, without a look at the clock. */
  lastBeginNs(): number {
    return this.core.registers[START_NS] ?? 0;
  }

  /** Counts a fault of our own and logs the first one; the application goes on. Never throws. */
  reportFault(error: unknown): void {
    this.faultCount += 1;
    this.core.recordFault();
    if (this.faultCount > 1) return;
    try {
      process.emitWarning(
        `a fault inside was caught, the application is unaffected: ${describeFault(error)}`,
        { type: 'HyperDjangoWarning', code: 'HYPERDJANGO_FAULT' },
      );
    } catch {
      // It is counted, and shown where the count is.
    }
  }

  /**
   * The context here and now, as far as queries go. Timers, workers and connections that a request
   * has started carry its scope for as long as they live: they are let go of some time after its end.
   */
  #store(): Context {
    const store = this.#contexts.getStore();
    if (store === undefined || store === UNRECORDED) return store;
    const scope = store.isPart ? store.scope : store;
    return scope.isClosed && this.engine.nowNs() - scope.endNs >= LATE_NS_MAX ? undefined : store;
  }

  #begin(query: RecordedQuery): void {
    const { core } = this;
    const { scope } = query;
    if (scope !== undefined) this.#askForRoute(scope);
    query.handle = core.beginQuery(
      query.sql,
      scope === undefined ? NO_REQUEST : scope.handle,
      query.poolWaitNs,
      query.standardConformingStrings,
    );
    query.startNs = core.registers[START_NS] as number;
    query.statementId = core.registers[STATEMENT_ID] as number;
    if (scope === undefined) this.unscopedQueryCount += 1;
    this.#book(query);
  }

  #end(query: RecordedQuery, outcome: Outcome, rowCount: number): void {
    query.outcome = outcome;
    query.rowCount = rowCount;
    const { core } = this;
    let durationNs: number;
    if (outcome === OK) {
      durationNs = core.endQuery(query.handle, OK, rowCount);
    } else {
      durationNs = core.endQuery(query.handle, outcome, rowCount, query.sqlState);
      query.scope?.noteFailure(query);
    }
    if (durationNs >= 0) {
      query.durationNs = durationNs;
    } else {
      durationNs = Math.max(0, this.engine.nowNs() - query.startNs);
      query.durationNs = durationNs;
      this.#recordEnded(query);
    }
    // Like a stack, of some further runs alone: they are enough to tell whether they ask the same.
    if (query.stack !== undefined) query.parameterHash = hashParameters(query.sql, query.values);
    if (query.isFollowed === true) {
      query.scope?.end(query);
      this.#tellEnded(query);
    } else if (durationNs >= this.#slowThresholdNs || this.#listeners.length > 0) {
      this.#tellEnded(query);
    }
    forgetValues(query);
  }

  /** @returns its duration in nanoseconds. */
  #endScope({ kind, handle, name, startNs, queryCount }: Scope, end: ScopeEnd): number {
    if (kind === 'job') return Math.max(0, this.engine.nowNs() - startNs);
    const { core } = this;
    const { statusCode, isAborted } = end;
    const outcome = isAborted ? ABORTED : statusCode >= 500 ? FAILED : OK;
    return core.endRequest(handle, name, startNs, ENDS_NOW, statusCode, queryCount, outcome);
  }

  /** What is in flight says the route as it is known now. */
  #askForRoute(scope: Scope): void {
    scope.namer?.askForRoute();
    if (scope.isRenamed) this.#nameRequest(scope);
  }

  /** The route became known after the request had begun. */
  #nameRequest(scope: Scope): void {
    scope.isRenamed = false;
    if (scope.kind === 'request') this.core.nameRequest(scope.handle, scope.name);
  }

  /** Outside every scope, and in the tool's own work, there is no part. */
  #runAsPart<T>(partOf: (outer: ScopePart) => ScopePart, fn: () => T): T {
    const store = this.#contexts.getStore();
    if (store === undefined || store === UNRECORDED) return fn();
    const outer = store.isPart ? store : new ScopePart(store, undefined, undefined, undefined);
    return this.#contexts.run(partOf(outer), fn);
  }

  #stackFor(store: Scope | ScopePart, sql: string, below: unknown): CapturedStack | undefined {
    const given = this.#givenStack;
    if (given !== undefined) {
      this.#givenStack = undefined;
      return given;
    }
    if (!store.isPart) return this.callSites.take(store, sql, below);
    return store.stack ?? this.callSites.take(store.scope, sql, below);
  }

  #recordEnded(query: RecordedQuery): void {
    this.core.recordQuery(
      query.statementId,
      query.scope?.handle ?? NO_HANDLE,
      query.startNs,
      query.durationNs,
      query.poolWaitNs,
      query.outcome,
      query.rowCount,
      query.sqlState,
    );
  }

  #book(query: RecordedQuery): void {
    const { scope } = query;
    if (scope?.isClosed === true) this.#tellLate(scope);
    scope?.begin(query);
    if (this.#listeners.length > 0) this.#tellBegan(query);
  }

  // Apart from what each query runs: a closure makes its surroundings, whether it is made or not.

  #tellLate({ observers }: Scope): void {
    this.#tell(observers, (observer) => observer.onLateQuery());
  }

  #tellBegan(query: RecordedQuery): void {
    this.#tell(this.#listeners, (listener) => listener.onQueryBegan?.(query));
  }

  #tellEnded(query: RecordedQuery): void {
    const { scope, durationNs, isFollowed } = query;
    if (scope !== undefined) {
      this.#tell(scope.observers, (observer) => {
        if (durationNs < observer.slowThresholdNs && isFollowed !== true) return;
        observer.onQueryEnded(query, scope);
      });
    }
    this.#tell(this.#listeners, (listener) => listener.onQueryEnded?.(query));
  }

  /** Who throws must not keep the others from hearing. */
  #tell<T>(hearers: readonly T[], tell: (hearer: T) => void): void {
    for (const hearer of hearers) {
      try {
        tell(hearer);
      } catch (error) {
        this.reportFault(error);
      }
    }
  }
}

/**
 * The message of a foreign error may quote a value: its name, code and place say enough. An error of
 * another realm (Jest's, `node:vm`'s) is no instance of ours.
 */
function describeFault(error: unknown): string {
  if (error instanceof OptionError) return error.message;
  try {
    const { name, code, stack } = (error ?? {}) as Readonly<Record<string, unknown>>;
    const place = typeof stack === 'string' ? /^ +at .+$/m.exec(stack)?.[0].trim() : undefined;
    const isWord = (word: unknown): boolean => typeof word === 'string' && /^\w{1,64}$/.test(word);
    const words = [...[name, code].filter(isWord), ...(place === undefined ? [] : [place])];
    return words.length === 0 ? `a thrown ${typeof error}` : words.join(' ');
  } catch {
    return 'an error that cannot be read';
  }
}

/** What is kept with the scope must hold no value of the user's. */
function forgetValues(query: RecordedQuery): void {
  query.sql = '';
  query.values = undefined;
}
