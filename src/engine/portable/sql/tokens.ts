/** What a statement is made of to PostgreSQL's scanner; `native/src/sql/token.zig` holds the same. */

export const TOKEN = {
  end: 0,
  /** Keyword or identifier without quotes. */
  word: 1,
  quoted: 2,
  number: 3,
  string: 4,
  parameter: 5,
  operator: 6,
  open: 7,
  close: 8,
  openBracket: 9,
  closeBracket: 10,
  comma: 11,
  semicolon: 12,
  dot: 13,
  colon: 14,
  /** `::` */
  cast: 15,
  other: 16,
  /** A quoted identifier without its end; a string without its end is a string. */
  unterminated: 17,
} as const;

/** What stands between a token and the one before it. */
export const GAP = { none: 0, oneSpace: 1, other: 2 } as const;

/** The server's `standard_conforming_strings`. */
export const BACKSLASH = { unknown: 0, ordinary: 1, escapes: 2 } as const;

/** 1 for the kinds that run into each other without a space between: names and placeholders. */
export const IS_NAME_LIKE: Uint8Array = new Uint8Array(256);
for (const kind of [TOKEN.word, TOKEN.number, TOKEN.string, TOKEN.parameter, TOKEN.other]) {
  IS_NAME_LIKE[kind] = 1;
}

/** `<>` as an operator is hashed; `!=` is the same. */
export const NOT_EQUALS_CODE = 0x3e3c;
