/** The options of `hyperdjango/register`: there is no call that could take them. */
import { OptionError } from '../errors/index.ts';
import { PerformanceMiddleware } from './middleware.ts';
import { type PerformanceOptions, resolvePerformanceOptions } from './options.ts';
import { type Environment, FLAG_EXPECTED, flagIn, tellUnusable } from '../util/environment.ts';

type Read = (text: string) => unknown;

/**
 * A middleware with the options that are set; an empty variable counts as unset. An application
 * is not kept from its start by what is of no use: one line says so, and the default holds.
 */
export function middlewareFrom(env: Environment): PerformanceMiddleware {
  let options: PerformanceOptions = {};
  const take = (
    option: keyof PerformanceOptions,
    variable: string,
    text: string | undefined,
    read: Read,
  ): void => {
    if (text === undefined || text === '') return;
    try {
      const next = { ...options, [option]: read(text) };
      resolvePerformanceOptions(next);
      options = next;
    } catch (error) {
      if (!(error instanceof OptionError)) throw error;
      tellUnusable(variable, error.expected, text, 'the default holds');
    }
  };
  take(
    'slowQueryThresholdMs',
    'HYPERDJANGO_SLOW_QUERY_THRESHOLD_MS',
    env['HYPERDJANGO_SLOW_QUERY_THRESHOLD_MS'],
    numberOf,
  );
  take(
    'nPlusOneThreshold',
    'HYPERDJANGO_N_PLUS_ONE_THRESHOLD',
    env['HYPERDJANGO_N_PLUS_ONE_THRESHOLD'],
    numberOf,
  );
  take('maxHistory', 'HYPERDJANGO_MAX_HISTORY', env['HYPERDJANGO_MAX_HISTORY'], numberOf);
  take(
    'dashboardPath',
    'HYPERDJANGO_DASHBOARD_PATH',
    env['HYPERDJANGO_DASHBOARD_PATH'],
    (text) => flagIn(text) !== false && text,
  );
  take('headers', 'HYPERDJANGO_HEADERS', env['HYPERDJANGO_HEADERS'], (text) => flagIn(text));
  return new PerformanceMiddleware(options);
}

/** Whether the line at the start is not wanted. */
export function isQuiet(env: Environment): boolean {
  const text = env['HYPERDJANGO_QUIET'];
  const flag = flagIn(text);
  if (flag !== 'unclear') return flag ?? false;
  tellUnusable('HYPERDJANGO_QUIET', FLAG_EXPECTED, text, 'it is not quiet');
  return false;
}

function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}
