/**
 * Where in the application a query was asked for: its nearest frame that is neither Node's, nor a
 * package's, nor ours.
 *
 * Stacks cost microseconds, so they are taken late and seldom. The first run of a statement in a
 * scope takes none; whether a run is a further one is told by a key over the head of its text,
 * and, where that says yes, by the statement's identity. A statement that repeats in scope after
 * scope spends its budget of stacks. From then on its text alone says that it takes none, until one
 * run in 1,024 gives it two more; or every scope takes two, where the statement was seen at several
 * sites. A statement that was slow, or that somebody looks at on the dashboard, takes one at its
 * next run. Only what becomes a finding, or is looked at, is formatted.
 */
import { isAbsolute, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { OTHER_ID } from '../engine/engine.ts';
import { PACKAGE_FOLDERS } from '../util/own-place.ts';

/** The nearest frame of the application. */
export interface CallSite {
  /** As the engine names it, such as `listOrders` or `Orders.list`; null at the top of a module. */
  readonly functionName: string | null;
  /** Relative to the working directory where it lies below it. */
  readonly file: string;
  /** For display: it is no part of the identity. */
  readonly line: number;
}

/** A stack that was captured and not formatted. */
export interface CapturedStack {
  readonly stack?: unknown;
}

/** What a scope keeps to tell a statement's further runs from its first. */
class SeenStatements {
  readonly keys: number[] = [];
  /** Of the texts whose statements take no further stack in this scope. */
  readonly settled: number[] = [];
  /** Statements whose key had been seen, and their runs: few, so that a look through is quick. */
  readonly repeated: number[] = [];
  readonly runs: number[] = [];
  /** Calls of builders by what they ask for. */
  named: Map<string, number> | undefined = undefined;
}

/** The part of a scope that call sites need. */
export interface SiteScope {
  /** Made with the first statement that is not known well. */
  seen: SeenStatements | undefined;
  readonly queries: readonly SitedQuery[];
}

interface SitedQuery {
  readonly statementId: number;
  readonly stack: CapturedStack | undefined;
  readonly ignoredBy?: object | undefined;
}

/** The runs of a statement that one place in the application asked for. */
export interface SiteGroup {
  readonly site: CallSite;
  /** Null where it is not known how the runs are shared out. */
  readonly count: number | null;
}

/** Beyond async frames of drivers and ORMs: the longest path met is 18 frames. */
const FRAMES_MAX = 25;
const KEYS_MAX = 256;
const STACKS_PER_SCOPE_MAX = 32;
/** Stacks that a statement may take before it is sampled. */
const BUDGET = 64;
/** Runs of statements whose budget is spent. */
const SAMPLE_EVERY = 1_024;
/** Stacks that a sample takes, and a scope of a statement with several sites. */
const SAMPLED_RUNS = 2;
/** Texts of statements whose budget is spent: each has one place, by its length. */
const SPENT_TEXTS_MAX = 16;
const STATEMENTS_MAX = 4_096;
const SITES_PER_STATEMENT_MAX = 8;
/** Statements whose call site somebody wants to know. */
const WANTED_MAX = 256;
/** Texts up to this length are kept until the next one is looked up. */
const TEXT_LENGTH_MAX = 8_192;
/** Queries after which nobody waits for those any more. */
const PATIENCE = 10_000;

interface Budget {
  left: number;
  /** Whether the statement was seen at several sites. */
  isAmbiguous: boolean;
}

/** The call sites of one recorder. */
export class CallSites {
  readonly #statementOf: (sql: string) => number;
  readonly #fingerprintOf: (statementId: number) => string | undefined;
  /** Identities of statements: see {@link CallSites.want}. */
  readonly #wanted = new Set<number>();
  /** Whether there are any: every query asks. */
  #isAnyWanted = false;
  #patience = 0;
  readonly #asked = new Set<number>();
  readonly #budgets = new Map<number | string, Budget>();
  readonly #spentTexts = Array<string>(SPENT_TEXTS_MAX).fill('');
  #untilSample = SAMPLE_EVERY;
  /** Sites by fingerprint, for the scopes that took no stack: they share what they get. */
  readonly #known = new Map<string, { readonly site: CallSite; readonly count: null }[]>();
  /** Of the statement that was looked up last: a busy route repeats it scope after scope. */
  #text = '';
  #statementId = OTHER_ID;
  readonly #formatted = new WeakMap<CapturedStack, CallSite | null>();

  constructor(
    statementOf: (sql: string) => number,
    fingerprintOf: (statementId: number) => string | undefined = () => undefined,
  ) {
    this.#statementOf = statementOf;
    this.#fingerprintOf = fingerprintOf;
  }

  /**
   * The next run of the statement takes a stack, be it the first of its scope: somebody looks at
   * it, or it was slow.
   */
  want(statementId: number): void {
    if (this.#wanted.size < WANTED_MAX) this.#wanted.add(statementId);
    this.#isAnyWanted = true;
    this.#patience = PATIENCE;
  }

  /** The same, once in the life of a statement: nobody may ever be able to take that stack. */
  wantOnce(statementId: number): void {
    if (this.#asked.has(statementId) || this.#asked.size === STATEMENTS_MAX) return;
    this.#asked.add(statementId);
    this.want(statementId);
  }

  /** Where the application asks for a statement, as far as stacks were taken. */
  sitesOf(fingerprint: string): readonly CallSite[] {
    return this.#known.get(fingerprint)?.map(({ site }) => site) ?? [];
  }

  /**
   * @param below the function of ours that the application called: its frame and those above it
   * are left out.
   * @returns undefined where this run of the statement takes no stack.
   */
  take(scope: SiteScope, sql: string, below: unknown): CapturedStack | undefined {
    if (this.#spentTexts[sql.length % SPENT_TEXTS_MAX] === sql && !this.#isAnyWanted) {
      this.#countSpent(sql);
      return undefined;
    }
    const isDue = this.isDue(scope, sql);
    if (this.#isAnyWanted) {
      const statementId = this.#statementOf(sql);
      if (this.#isWanted(statementId)) return this.#takeWanted(statementId, below);
    }
    return isDue ? captureStack(below) : undefined;
  }

  /** Whether this run takes a stack; asking counts as a run. */
  isDue(scope: SiteScope, sql: string): boolean {
    const seen = (scope.seen ??= new SeenStatements());
    const { keys, settled } = seen;
    const key = keyOf(sql);
    const textKey = key ^ (sql.length << 8);
    if (settled.length > 0 && settled.includes(textKey)) return false;
    if (!keys.includes(key)) {
      if (keys.length < KEYS_MAX) keys.push(key);
      return false;
    }
    const statementId = this.#statementIdOf(sql);
    let at = seen.repeated.indexOf(statementId);
    if (at < 0) {
      if (seen.repeated.length === KEYS_MAX) return false;
      at = seen.repeated.push(statementId) - 1;
      seen.runs[at] = scope.queries.some((query) => query.statementId === statementId) ? 1 : 0;
    }
    const before = seen.runs[at] ?? 0;
    seen.runs[at] = before + 1;
    if (before === 0) return false;
    const isTaken = before <= STACKS_PER_SCOPE_MAX && this.#spend(statementId, before);
    if (isTaken) return true;
    if (settled.length < KEYS_MAX) settled.push(textKey);
    this.#noteSpent(statementId, sql);
    return false;
  }

  /** The same for builders, which know what is asked for before there is a text. */
  takeNamed(scope: SiteScope, what: string, below: unknown): CapturedStack | undefined {
    return this.isNamedDue(scope, what) ? captureStack(below) : undefined;
  }

  /** Whether a call of this name takes a stack; asking counts as a call. */
  isNamedDue(scope: SiteScope, what: string): boolean {
    const seen = (scope.seen ??= new SeenStatements());
    seen.named ??= new Map();
    const before = seen.named.get(what) ?? 0;
    if (before === 0 && seen.named.size === KEYS_MAX) return false;
    seen.named.set(what, before + 1);
    return before > 0 && before <= STACKS_PER_SCOPE_MAX && this.#spend(what, before);
  }

  /** @returns undefined where no frame of the application is in the stack. */
  format(captured: CapturedStack): CallSite | undefined {
    let site = this.#formatted.get(captured);
    if (site === undefined) {
      site = siteOf(captured) ?? null;
      this.#formatted.set(captured, site);
    }
    return site ?? undefined;
  }

  /**
   * The runs of a statement in a scope by where they were asked for, the most runs first. The first
   * run took no stack, and joins the first site. Where more runs took none, only a statement of one
   * site has all its runs told; where none took any, it is the sites that the process knows.
   *
   * @param isWhole whether the scope kept all runs of the statement one by one.
   */
  groupsOf(
    scope: SiteScope,
    statementId: number,
    fingerprint: string,
    isWhole: boolean = true,
  ): readonly SiteGroup[] {
    if (!scope.queries.some(hasStack)) return this.#known.get(fingerprint) ?? NO_GROUPS;
    const groups: { site: CallSite; count: number }[] = [];
    let unsitedCount = 0;
    for (const { statementId: id, stack, ignoredBy } of scope.queries) {
      if (id !== statementId || ignoredBy !== undefined) continue;
      const site = stack === undefined ? undefined : this.format(stack);
      if (site === undefined) {
        unsitedCount += 1;
        continue;
      }
      const group = groups.find((other) => isSameSite(other.site, site));
      if (group !== undefined) group.count += 1;
      else groups.push({ site, count: 1 });
      if (group === undefined) this.#learn(statementId, fingerprint, site);
    }
    const [first] = groups;
    if (first === undefined) {
      return this.#known.get(fingerprint) ?? NO_GROUPS;
    }
    if (groups.length > 1 && (!isWhole || unsitedCount > 1)) {
      return groups.map(({ site }) => ({ site, count: null }));
    }
    first.count += unsitedCount;
    return groups.sort((a, b) => b.count - a.count);
  }

  #statementIdOf(sql: string): number {
    if (sql === this.#text) return this.#statementId;
    const statementId = this.#statementOf(sql);
    if (sql.length <= TEXT_LENGTH_MAX) {
      this.#text = sql;
      this.#statementId = statementId;
    }
    return statementId;
  }

  #isWanted(statementId: number): boolean {
    const isWanted = this.#wanted.delete(statementId);
    this.#patience -= 1;
    if (this.#patience <= 0) this.#wanted.clear();
    this.#isAnyWanted = this.#wanted.size > 0;
    return isWanted;
  }

  #takeWanted(statementId: number, below: unknown): CapturedStack {
    const stack = captureStack(below);
    const site = this.format(stack);
    const fingerprint = this.#fingerprintOf(statementId);
    if (site !== undefined && fingerprint !== undefined) {
      this.#learn(statementId, fingerprint, site);
    }
    return stack;
  }

  #spend(what: number | string, runsBefore: number): boolean {
    let budget = this.#budgets.get(what);
    if (budget === undefined) {
      if (this.#budgets.size === STATEMENTS_MAX) this.#budgets.clear();
      // Of a builder's calls it is never known how many sites they come from.
      budget = { left: BUDGET, isAmbiguous: typeof what === 'string' };
      this.#budgets.set(what, budget);
    }
    if (budget.left > 0) {
      budget.left -= 1;
      return true;
    }
    return budget.isAmbiguous && runsBefore <= SAMPLED_RUNS;
  }

  #noteSpent(statementId: number, sql: string): void {
    const budget = this.#budgets.get(statementId);
    if (budget === undefined || budget.left > 0 || budget.isAmbiguous) return;
    if (sql.length <= TEXT_LENGTH_MAX) this.#spentTexts[sql.length % SPENT_TEXTS_MAX] = sql;
    this.#countSpent(sql);
  }

  /** The statement may be asked for at another place by now: from time to time that is looked at. */
  #countSpent(sql: string): void {
    this.#untilSample -= 1;
    if (this.#untilSample > 0) return;
    this.#untilSample = SAMPLE_EVERY;
    this.#spentTexts[sql.length % SPENT_TEXTS_MAX] = '';
    const budget = this.#budgets.get(this.#statementIdOf(sql));
    if (budget !== undefined) budget.left += SAMPLED_RUNS;
  }

  #learn(statementId: number, fingerprint: string, site: CallSite): void {
    let known = this.#known.get(fingerprint);
    if (known === undefined) {
      if (this.#known.size === STATEMENTS_MAX) this.#known.clear();
      known = [];
      this.#known.set(fingerprint, known);
    }
    if (known.some((other) => isSameSite(other.site, site))) return;
    if (known.length < SITES_PER_STATEMENT_MAX) known.push({ site, count: null });
    const budget = this.#budgets.get(statementId);
    if (known.length < 2 || budget === undefined) return;
    budget.isAmbiguous = true;
    this.#spentTexts.fill('');
  }
}

const NO_GROUPS: readonly SiteGroup[] = [];

function hasStack({ stack }: SitedQuery): boolean {
  return stack !== undefined;
}

/** The line is for display. */
export function isSameSite(one: CallSite, other: CallSite): boolean {
  return one.file === other.file && one.functionName === other.functionName;
}

/** Such as `listOrders (src/orders.ts:12)`. */
export function describeCallSite({ functionName, file, line }: CallSite): string {
  return functionName === null ? `${file}:${line}` : `${functionName} (${file}:${line})`;
}

/** Sites that a text names. */
const DESCRIBED_MAX = 3;

/** Such as `list (src/a.ts:1)`, or `list (src/a.ts:1) × 8, show (src/b.ts:2) × 4`; null for none. */
export function describeSites(groups: readonly SiteGroup[]): string | null {
  const [only] = groups;
  if (only === undefined) return null;
  if (groups.length === 1) return describeCallSite(only.site);
  const texts = groups
    .slice(0, DESCRIBED_MAX)
    .map(({ site, count }) =>
      count === null ? describeCallSite(site) : `${describeCallSite(site)} × ${count}`,
    );
  const further = groups.length - texts.length;
  const separator = only.count === null ? ' or ' : ', ';
  return texts.join(separator) + (further > 0 ? `${separator}${further} more` : '');
}

/**
 * Captures the stack below a function, and formats nothing. Never throws: `Error` may be frozen, and
 * then the stack is as long as it says.
 */
export function captureStack(below: unknown): CapturedStack {
  const captured: CapturedStack = {};
  // An application that wants none has no number there.
  const { stackTraceLimit } = Error;
  const isRaised =
    typeof stackTraceLimit === 'number' && setProperty('stackTraceLimit', FRAMES_MAX);
  try {
    // oxlint-disable-next-line typescript/no-unsafe-function-type -- what captureStackTrace takes
    Error.captureStackTrace(captured, below as Function);
  } catch {
    // Somebody has replaced it.
  }
  if (isRaised) setProperty('stackTraceLimit', stackTraceLimit);
  return captured;
}

/** @returns whether `Error` took it. */
function setProperty(name: 'stackTraceLimit' | 'prepareStackTrace', value: unknown): boolean {
  try {
    (Error as unknown as Record<string, unknown>)[name] = value;
    return true;
  } catch {
    return false;
  }
}

/**
 * Formats a captured stack. What the application has set to format stacks is asked, as it may know
 * the lines of the sources; where it throws or gives no text, the frames themselves say enough.
 */
function textOfStack(captured: CapturedStack): string | undefined {
  const { prepareStackTrace: own } = Error as unknown as {
    readonly prepareStackTrace?: (
      this: void,
      error: unknown,
      frames: readonly unknown[],
    ) => unknown;
  };
  let frames: readonly unknown[] | undefined;
  const isKept =
    typeof own === 'function' &&
    setProperty('prepareStackTrace', (error: unknown, given: readonly unknown[]) => {
      frames = given;
      return own(error, given);
    });
  let stack: unknown;
  try {
    ({ stack } = captured);
  } catch {
    // Nothing of it is the application's to see.
  }
  if (isKept) setProperty('prepareStackTrace', own);
  if (typeof stack === 'string') return stack;
  return frames?.map((frame) => `    at ${String(frame)}`).join('\n');
}

/**
 * Over the characters that come after the verb and before the first literals: the texts of one
 * statement agree in it, and most statements differ.
 */
function keyOf(sql: string): number {
  const end = Math.min(sql.length, 25);
  let key = 0;
  for (let index = 7; index < end; index += 2)
    key = (Math.imul(key, 31) + sql.charCodeAt(index)) | 0;
  return key;
}

const NAMED_FRAME = /^\s*at (?:async )?(.+?) \((.+):(\d+):\d+\)$/;
const BARE_FRAME = /^\s*at (?:async )?(.+):(\d+):\d+$/;

/** What cannot be told of a stack must not cost what is told of its query. */
function siteOf(captured: CapturedStack): CallSite | undefined {
  try {
    return applicationFrame(textOfStack(captured) ?? '');
  } catch {
    return undefined;
  }
}

function applicationFrame(stack: string): CallSite | undefined {
  for (const line of stack.split('\n')) {
    const named = NAMED_FRAME.exec(line);
    const [name, location, row] =
      named === null ? [undefined, ...(BARE_FRAME.exec(line)?.slice(1) ?? [])] : named.slice(1);
    if (location === undefined || row === undefined || !isOfApplication(location)) continue;
    return { functionName: nameOf(name), file: displayed(location), line: Number(row) };
  }
  return undefined;
}

function nameOf(name: string | undefined): string | null {
  return name === undefined || name.endsWith('<anonymous>') ? null : name.replace(/^Object\./, '');
}

/** An application as any other, though it lies among ours. */
const DEMO_FOLDER =
  PACKAGE_FOLDERS === undefined ? undefined : join(PACKAGE_FOLDERS.code, 'cli', 'demo', sep);

function isOfApplication(location: string): boolean {
  if (DEMO_FOLDER !== undefined && pathOf(location).startsWith(DEMO_FOLDER)) return true;
  if (/^(?:node:|internal\/|native|wasm:|eval at )/.test(location)) return false;
  if (!/[\\/]/.test(location) || /[\\/]node_modules[\\/]/.test(location)) return false;
  return PACKAGE_FOLDERS === undefined || !pathOf(location).startsWith(PACKAGE_FOLDERS.code);
}

function pathOf(location: string): string {
  if (!location.startsWith('file://')) return location;
  try {
    return fileURLToPath(location);
  } catch {
    return location;
  }
}

function displayed(location: string): string {
  const path = pathOf(location);
  if (!isAbsolute(path)) return path;
  let folder: string;
  try {
    folder = process.cwd();
  } catch {
    // It is gone.
    return path;
  }
  const below = relative(folder, path);
  return below === '' || below === '..' || below.startsWith(`..${sep}`) ? path : below;
}
