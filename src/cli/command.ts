import type { WriteStream } from 'node:tty';
import { parseArgs, type ParseArgsConfig } from 'node:util';

/** What a command works with; never `process`, so that tests can run it in their own. */
export interface CommandIo {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Keys, for a command that is used by them. */
  readonly stdin?: InputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C, SIGTERM and SIGHUP: time to stop everything and return. */
  readonly signal: AbortSignal;
}

/** A stream that may be a terminal. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly hasColors?: WriteStream['hasColors'];
  /** Of a terminal, which says `resize` when they change. */
  readonly columns?: number;
  readonly rows?: number;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/** A stream that may be a keyboard. */
export interface InputStream {
  readonly isTTY?: boolean;
  setRawMode?(isRaw: boolean): unknown;
  on(event: 'data', listener: (bytes: Buffer) => void): unknown;
  off(event: 'data', listener: (bytes: Buffer) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

export interface Command {
  /** All of what `--help` prints. */
  readonly help: string;
  /**
   * @throws {UsageError} where the arguments cannot be used; anything else it throws is a failure.
   */
  run(args: readonly string[], io: CommandIo): Promise<void>;
}

/** Arguments that cannot be used: one line for the user, and exit code 2. */
export class UsageError extends Error {}

/**
 * Parses the arguments of a command that takes options only.
 *
 * @throws {UsageError}
 */
export function parseOptions<T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ options: T }>>['values'] {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const [sentence = error.message] = error.message.split(/[.\n]/, 1);
    throw new UsageError(sentence.charAt(0).toLowerCase() + sentence.slice(1));
  }
}

/**
 * Reads an option as a number.
 *
 * @throws {UsageError} unless it is one in the range.
 */
export function numericOption(
  name: string,
  text: string,
  { min, max, integer = false }: { min: number; max: number; integer?: boolean },
): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= min && value <= max && (!integer || Number.isInteger(value))) return value;
  const kind = integer ? 'an integer' : 'a number';
  throw new UsageError(`--${name}: expected ${kind} from ${min} to ${max}, got "${text}"`);
}
