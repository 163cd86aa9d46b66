/**
 * Every error this package throws carries a stable `code`; the page `docs/errors.md` lists them.
 *
 * @module
 */

/** What `code` of this package's errors may be. */
export type ErrorCode =
  | 'ERR_HYPERDJANGO_OPTION'
  | 'ERR_HYPERDJANGO_ENGINE'
  | 'ERR_HYPERDJANGO_CONNECT'
  | 'ERR_HYPERDJANGO_ROLLED_BACK'
  | 'ERR_HYPERDJANGO_STATE';

/**
 * An error of this package's own; errors of the driver and the server pass through untouched.
 *
 * @example
 * ```ts
 * import { HyperApp, HyperDjangoError } from 'hyperdjango';
 *
 * const app = new HyperApp('myapp');
 * try {
 *   console.log(app.db.poolStats());
 * } catch (error) {
 *   if (!(error instanceof HyperDjangoError)) throw error;
 *   error.code; // 'ERR_HYPERDJANGO_STATE'
 * }
 * ```
 */
export class HyperDjangoError extends Error {
  /** Never changes, whatever the message says. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HyperDjangoError';
    this.code = code;
  }
}

/**
 * An option that cannot be used: the message names it, what was expected and what came.
 *
 * @example
 * ```ts
 * import { OptionError, PerformanceMiddleware } from 'hyperdjango';
 *
 * try {
 *   new PerformanceMiddleware({ nPlusOneThreshold: 1 });
 * } catch (error) {
 *   if (!(error instanceof OptionError)) throw error;
 *   error.option; // 'PerformanceMiddleware.nPlusOneThreshold'
 * }
 * ```
 */
export class OptionError extends TypeError {
  /** As of every error of this package. */
  readonly code: ErrorCode = 'ERR_HYPERDJANGO_OPTION';
  /** Such as `PerformanceMiddleware.nPlusOneThreshold`. */
  readonly option: string;
  /** What it has to be, such as `an integer from 2 to 1000000`. */
  readonly expected: string;

  constructor(option: string, expected: string, received: string) {
    super(`${option}: expected ${expected}, got ${received}`);
    this.name = 'OptionError';
    this.option = option;
    this.expected = expected;
  }
}
