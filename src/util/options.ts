/** Checks of what users pass in, all with one kind of message; they run at construction only. */
import { OptionError } from '../errors/index.ts';
import { closest } from './closest.ts';

/** What came, short and without contents: an option may hold a password. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'bigint':
      return `${value}n`;
    case 'string':
      return value === '' ? 'an empty string' : `a string of ${value.length} characters`;
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? 'an array' : `an object`;
    default:
      return `a ${typeof value}`;
  }
}

/** A text that is no secret, such as a path, as somebody typed it. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly integer?: boolean;
}

/** @throws {OptionError} unless `value` is a finite number in the range. */
export function numberOption(option: string, value: unknown, range: NumberRange): number {
  const { min, max, integer = false } = range;
  const fits =
    typeof value === 'number' &&
    value >= min &&
    value <= max &&
    (!integer || Number.isInteger(value));
  if (fits) return value;
  throw new OptionError(
    option,
    `${integer ? 'an integer' : 'a number'} from ${min} to ${max}`,
    describeValue(value),
  );
}

/** @throws {OptionError} unless `value` is a boolean. */
export function booleanOption(option: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new OptionError(option, 'true or false', describeValue(value));
}

/** @throws {OptionError} unless `value` is a string with something in it. */
export function stringOption(option: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new OptionError(option, 'a string that is not empty', describeValue(value));
}

/** @throws {OptionError} unless `value` is one of these words; what came is no secret. */
export function oneOfOption(option: string, value: unknown, words: readonly string[]): void {
  if (typeof value === 'string' && words.includes(value)) return;
  const came = typeof value === 'string' ? quoted(value) : describeValue(value);
  throw new OptionError(option, `one of ${words.join(', ')}`, came);
}

/** @throws {OptionError} unless `value` is a function. */
export function functionOption<F>(option: string, value: F): F {
  if (typeof value === 'function') return value;
  throw new OptionError(option, 'a function', describeValue(value));
}

/**
 * Misspelt options are an error: silently ignored ones would look as if they worked.
 *
 * @throws {OptionError} if `options` is not an object or holds a key that is not `known`.
 */
export function knownOptions(owner: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new OptionError(owner, 'an options object', describeValue(options));
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      const near = closest(key, known);
      const hint = near === undefined ? '' : `; did you mean ${near}?`;
      throw new OptionError(
        `${owner}.${key}`,
        `one of ${known.join(', ')}`,
        `an unknown option${hint}`,
      );
    }
  }
}
