/** The options of `hyperdjango/register`: there is no call that could take them. */
import { OptionError } from '../errors/index.ts';
import type { PerformanceOptions } from '../performance/index.ts';
import { describeValue } from '../util/options.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @returns those that are set; an empty variable counts as unset.
 * @throws {OptionError} where a variable is no number, or neither `true` nor `false`.
 */
export function optionsFrom(env: Environment): PerformanceOptions {
  const options = {
    slowQueryThresholdMs: numberIn(
      'HYPERDJANGO_SLOW_QUERY_THRESHOLD_MS',
      env['HYPERDJANGO_SLOW_QUERY_THRESHOLD_MS'],
    ),
    nPlusOneThreshold: numberIn(
      'HYPERDJANGO_N_PLUS_ONE_THRESHOLD',
      env['HYPERDJANGO_N_PLUS_ONE_THRESHOLD'],
    ),
    maxHistory: numberIn('HYPERDJANGO_MAX_HISTORY', env['HYPERDJANGO_MAX_HISTORY']),
    dashboardPath: env['HYPERDJANGO_DASHBOARD_PATH'],
    headers: booleanIn('HYPERDJANGO_HEADERS', env['HYPERDJANGO_HEADERS']),
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(given);
}

/** Whether the line at the start is not wanted. */
export function isQuiet(env: Environment): boolean {
  return booleanIn('HYPERDJANGO_QUIET', env['HYPERDJANGO_QUIET']) ?? false;
}

function numberIn(variable: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (text.trim() !== '' && !Number.isNaN(value)) return value;
  throw new OptionError(variable, 'a number', describeValue(text));
}

function booleanIn(variable: string, text: string | undefined): boolean | undefined {
  if (text === undefined || text === '') return undefined;
  if (text === '1' || text === 'true') return true;
  if (text === '0' || text === 'false') return false;
  throw new OptionError(variable, 'true or false', describeValue(text));
}
