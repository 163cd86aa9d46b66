/**
 * Every error this package throws carries a stable `code`; the page `docs/errors.md` lists them.
 *
 * @module
 */

export type ErrorCode =
  | 'ERR_HYPERDJANGO_OPTION'
  | 'ERR_HYPERDJANGO_ENGINE'
  | 'ERR_HYPERDJANGO_CONNECT'
  | 'ERR_HYPERDJANGO_ROLLED_BACK'
  | 'ERR_HYPERDJANGO_STATE';

/** An error of this package's own; errors of the driver and the server pass through untouched. */
export class HyperDjangoError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HyperDjangoError';
    this.code = code;
  }
}

/** An option that cannot be used: the message names it, what was expected and what came. */
export class OptionError extends TypeError {
  readonly code: ErrorCode = 'ERR_HYPERDJANGO_OPTION';
  readonly option: string;

  constructor(option: string, expected: string, received: string) {
    super(`${option}: expected ${expected}, got ${received}`);
    this.name = 'OptionError';
    this.option = option;
  }
}
