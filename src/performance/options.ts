import { type Authorize, checkDashboardPath } from '../dashboard/index.ts';
import {
  booleanOption,
  functionOption,
  knownOptions,
  numberOption,
  stringOption,
} from '../util/options.ts';

/** Options of {@link PerformanceMiddleware}. */
export interface PerformanceOptions {
  /**
   * Queries that take at least this long are slow, in milliseconds. 0 to 86,400,000.
   *
   * @defaultValue 100
   */
  readonly slowQueryThresholdMs?: number;
  /**
   * One statement that runs at least this often in one request is an N+1. 2 to 1,000,000.
   *
   * @defaultValue 5
   */
  readonly nPlusOneThreshold?: number;
  /**
   * Requests that the history keeps, 1 to 100,000.
   *
   * @defaultValue 1000
   */
  readonly maxHistory?: number;
  /**
   * Where the dashboard is; its JSON is at `{dashboardPath}/json`. False turns it off.
   *
   * @defaultValue '/debug/performance'
   */
  readonly dashboardPath?: string | false;
  /**
   * Whether responses carry `X-Query-Count` and `X-Query-Time`.
   *
   * @defaultValue true
   */
  readonly headers?: boolean;
  /**
   * Who may see the dashboard.
   *
   * @defaultValue undefined: loopback clients in development, nobody in production.
   */
  readonly authorize?: Authorize;
  /**
   * The name of the application: what its figures are found under, and on the dashboard.
   * `HYPERDJANGO_APP` comes before it.
   *
   * @defaultValue undefined: that of the `HyperApp`, or of PM2, or of the package and the script.
   */
  readonly appName?: string;
}

/** {@link PerformanceOptions} with its defaults filled in. */
export type ResolvedPerformanceOptions = Readonly<
  Required<Omit<PerformanceOptions, 'authorize' | 'appName'>> & {
    authorize: Authorize | undefined;
    appName: string | undefined;
  }
>;

const OWNER = 'PerformanceMiddleware';

/** @throws {OptionError} where an option is unknown or out of its range. */
export function resolvePerformanceOptions(options: PerformanceOptions): ResolvedPerformanceOptions {
  knownOptions(OWNER, options, [
    'slowQueryThresholdMs',
    'nPlusOneThreshold',
    'maxHistory',
    'dashboardPath',
    'headers',
    'authorize',
    'appName',
  ]);
  const {
    slowQueryThresholdMs = 100,
    nPlusOneThreshold = 5,
    maxHistory = 1_000,
    dashboardPath = '/debug/performance',
    headers = true,
    authorize,
    appName,
  } = options;
  checkDashboardPath(dashboardPath);
  return Object.freeze({
    slowQueryThresholdMs: numberOption(`${OWNER}.slowQueryThresholdMs`, slowQueryThresholdMs, {
      min: 0,
      max: 86_400_000,
    }),
    nPlusOneThreshold: numberOption(`${OWNER}.nPlusOneThreshold`, nPlusOneThreshold, {
      min: 2,
      max: 1_000_000,
      integer: true,
    }),
    maxHistory: numberOption(`${OWNER}.maxHistory`, maxHistory, {
      min: 1,
      max: 100_000,
      integer: true,
    }),
    dashboardPath,
    headers: booleanOption(`${OWNER}.headers`, headers),
    authorize:
      authorize === undefined ? undefined : functionOption(`${OWNER}.authorize`, authorize),
    appName: appName === undefined ? undefined : stringOption(`${OWNER}.appName`, appName),
  });
}
