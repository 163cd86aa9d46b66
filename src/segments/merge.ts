import {
  type DroppedCounts,
  type FindingSnapshot,
  type HistogramSnapshot,
  NOTHING_DROPPED,
  type PoolSnapshot,
  type RecorderSnapshot,
  type RouteSnapshot,
} from '../engine/engine.ts';
import { EMPTY_HISTOGRAM, mergeHistograms } from '../engine/histogram.ts';
import { statementTableOf } from '../engine/statement-table.ts';
import { type MergedStatement, StatementSums } from './statement-sums.ts';

export type { MergedStatement };

/** Sums since the start; none of them ever goes down. */
export interface Totals {
  readonly queryCount: number;
  readonly errorCount: number;
  readonly rowCount: number;
  readonly totalNs: number;
  readonly poolWaitNs: number;
  /** Waits for a pool client that ended without one. */
  readonly poolTimeoutCount: number;
  readonly requestCount: number;
  readonly requestErrorCount: number;
  readonly requestTotalNs: number;
  /** Statements that gave their place to others; their sums are in the row `<other>`. */
  readonly evictedStatements: number;
  /** Faults of the tool's own that were caught; the application saw none of them. */
  readonly faultCount: number;
}

export type MergedRoute = Omit<RouteSnapshot, 'id'>;

export interface MergedPool extends Omit<PoolSnapshot, 'updatedNs'> {
  /** How many threads have a pool of that name. */
  readonly poolCount: number;
}

export interface MergedFinding extends Omit<FindingSnapshot, 'statementId' | 'routeId'> {
  /** Empty where the statement has no row any more. */
  readonly text: string;
  readonly route: string;
}

/** Several recorders' content, as if one had recorded it all. */
export interface MergedSnapshot {
  readonly totals: Totals;
  /** Of all queries. */
  readonly durations: HistogramSnapshot;
  /** By fingerprint; the longest total first. */
  readonly statements: readonly MergedStatement[];
  /** By name; the longest total first. */
  readonly routes: readonly MergedRoute[];
  /** By name. */
  readonly pools: readonly MergedPool[];
  /** By verdict, statement and route; the latest first. */
  readonly findings: readonly MergedFinding[];
  readonly dropped: DroppedCounts;
}

/** What outlives the recorders that it came from. */
export type MergedHistory = Omit<MergedSnapshot, 'pools'>;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const NO_TOTALS: Totals = {
  queryCount: 0,
  errorCount: 0,
  rowCount: 0,
  totalNs: 0,
  poolWaitNs: 0,
  poolTimeoutCount: 0,
  requestCount: 0,
  requestErrorCount: 0,
  requestTotalNs: 0,
  evictedStatements: 0,
  faultCount: 0,
};

/** Adds recorders up, exactly: counts, sums and histograms bucket by bucket. */
export class Merger {
  readonly #totals: Writable<Totals> = { ...NO_TOTALS };
  readonly #dropped: Writable<DroppedCounts> = { ...NOTHING_DROPPED };
  /** Of most tables; what those do not take is added row by row. */
  #statementSums = new StatementSums();
  readonly #statements = new Map<string, Writable<MergedStatement>>();
  readonly #routes = new Map<string, Writable<MergedRoute>>();
  readonly #pools = new Map<string, Writable<MergedPool>>();
  readonly #findings = new Map<string, Writable<MergedFinding>>();
  #durations: HistogramSnapshot = EMPTY_HISTOGRAM;

  /** @param isInUse whether a thread still uses the arena: pools end with their thread. */
  add(records: RecorderSnapshot, isInUse: boolean): this {
    addAll(this.#totals, totalsOf(records));
    addAll(this.#dropped, records.dropped);
    this.#durations = mergeHistograms(this.#durations, records.totals.durations);
    const table = statementTableOf(records);
    if (table === undefined || !this.#statementSums.add(table)) {
      for (const statement of records.statements) this.#addStatement(statement);
    }
    for (const route of records.routes) this.#addRoute(route);
    if (isInUse) for (const pool of records.pools) this.#addPool(pool);
    this.#addFindings(records);
    return this;
  }

  addHistory(history: MergedHistory): this {
    addAll(this.#totals, history.totals);
    addAll(this.#dropped, history.dropped);
    this.#durations = mergeHistograms(this.#durations, history.durations);
    for (const finding of history.findings) this.#addFinding(finding);
    return this.addRows(history.statements, history.routes);
  }

  /** Rows alone, which are in no totals but their own. */
  addRows(statements: readonly MergedStatement[], routes: readonly MergedRoute[]): this {
    for (const statement of statements) this.#addStatement(statement);
    for (const route of routes) this.#addRoute(route);
    return this;
  }

  result(): MergedSnapshot {
    for (const statement of this.#statementSums.rows()) this.#addStatement(statement);
    this.#statementSums = new StatementSums();
    return {
      totals: { ...this.#totals },
      durations: this.#durations,
      statements: [...this.#statements.values()].sort((a, b) => b.totalNs - a.totalNs),
      routes: [...this.#routes.values()].sort((a, b) => b.totalNs - a.totalNs),
      pools: [...this.#pools.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      findings: [...this.#findings.values()].sort((a, b) => b.lastNs - a.lastNs),
      dropped: { ...this.#dropped },
    };
  }

  #addStatement(statement: MergedStatement): void {
    const sum = this.#statements.get(statement.fingerprint);
    if (sum === undefined) {
      const { fingerprint, text, callCount, errorCount, rowCount } = statement;
      const { totalNs, minNs, maxNs, poolWaitNs, durations } = statement;
      this.#statements.set(fingerprint, {
        fingerprint,
        text,
        callCount,
        errorCount,
        rowCount,
        totalNs,
        minNs,
        maxNs,
        poolWaitNs,
        durations,
      });
      return;
    }
    // A row that nothing was recorded in has no least duration.
    if (statement.callCount > 0) {
      sum.minNs = sum.callCount > 0 ? Math.min(sum.minNs, statement.minNs) : statement.minNs;
    }
    sum.callCount += statement.callCount;
    sum.errorCount += statement.errorCount;
    sum.rowCount += statement.rowCount;
    sum.totalNs += statement.totalNs;
    sum.poolWaitNs += statement.poolWaitNs;
    sum.maxNs = Math.max(sum.maxNs, statement.maxNs);
    sum.durations = joined(sum.durations, statement.durations);
  }

  #addRoute(route: MergedRoute): void {
    const sum = this.#routes.get(route.route);
    if (sum === undefined) {
      const {
        route: name,
        requestCount,
        errorCount,
        queryCount,
        totalNs,
        maxNs,
        durations,
      } = route;
      this.#routes.set(name, {
        route: name,
        requestCount,
        errorCount,
        queryCount,
        totalNs,
        maxNs,
        durations,
      });
      return;
    }
    sum.requestCount += route.requestCount;
    sum.errorCount += route.errorCount;
    sum.queryCount += route.queryCount;
    sum.totalNs += route.totalNs;
    sum.maxNs = Math.max(sum.maxNs, route.maxNs);
    sum.durations = joined(sum.durations, route.durations);
  }

  #addPool({ name, total, idle, waiting, max }: PoolSnapshot): void {
    const sum = this.#pools.get(name);
    if (sum === undefined) {
      this.#pools.set(name, { name, total, idle, waiting, max, poolCount: 1 });
      return;
    }
    sum.poolCount += 1;
    sum.total += total;
    sum.idle += idle;
    sum.waiting += waiting;
    sum.max += max;
  }

  #addFindings(records: RecorderSnapshot): void {
    if (records.findings.length === 0) return;
    const texts = new Map(records.statements.map((row) => [row.fingerprint, row.text]));
    const names = new Map(records.routes.map((row) => [row.id, row.route]));
    for (const { statementId: _id, routeId, ...finding } of records.findings) {
      const text = texts.get(finding.fingerprint) ?? '';
      this.#addFinding({ ...finding, text, route: names.get(routeId) ?? '' });
    }
  }

  #addFinding(finding: MergedFinding): void {
    const key = `${finding.verdict} ${finding.fingerprint} ${finding.route}`;
    const sum = this.#findings.get(key);
    if (sum === undefined) {
      this.#findings.set(key, { ...finding });
      return;
    }
    if (sum.text === '') sum.text = finding.text;
    sum.count += finding.count;
    sum.queryCount += finding.queryCount;
    sum.totalNs += finding.totalNs;
    sum.firstNs = Math.min(sum.firstNs, finding.firstNs);
    sum.lastNs = Math.max(sum.lastNs, finding.lastNs);
  }
}

/** Most often histograms were left out: then there is nothing to be made. */
function joined(a: HistogramSnapshot, b: HistogramSnapshot): HistogramSnapshot {
  return b === EMPTY_HISTOGRAM ? a : mergeHistograms(a, b);
}

function totalsOf({
  queryCount,
  requestCount,
  totals,
  evictedStatementCount,
}: RecorderSnapshot): Totals {
  return {
    queryCount,
    errorCount: totals.errorCount,
    rowCount: totals.rowCount,
    totalNs: totals.totalNs,
    poolWaitNs: totals.poolWaitNs,
    poolTimeoutCount: totals.poolTimeoutCount,
    requestCount,
    requestErrorCount: totals.requestErrorCount,
    requestTotalNs: totals.requestTotalNs,
    evictedStatements: evictedStatementCount,
    faultCount: totals.faultCount,
  };
}

function addAll<T extends Record<keyof T, number>>(sums: Writable<T>, amounts: T): void {
  for (const name of Object.keys(sums) as (keyof T)[]) {
    sums[name] = (sums[name] + amounts[name]) as Writable<T>[keyof T];
  }
}
