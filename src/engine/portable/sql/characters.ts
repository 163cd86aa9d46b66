/** What PostgreSQL's scanner sees in a byte; `native/src/sql/token.zig` holds the same. */

export const CHARACTER = {
  other: 0,
  space: 1,
  letter: 2,
  digit: 3,
  quote: 4,
  doubleQuote: 5,
  dollar: 6,
  operator: 7,
  punctuation: 8,
  dot: 9,
  colon: 10,
} as const;

/** Class of each byte; all above ASCII are letters. */
export const CHARACTER_CLASS: Uint8Array = new Uint8Array(256).fill(2, 128);
/** 1 for the bytes that may go on a name. */
export const CONTINUES_NAME: Uint8Array = new Uint8Array(256).fill(1, 128);
/** 1 for what a name that needs no quotes may hold: `[a-z0-9_$]`. */
export const UNQUOTABLE: Uint8Array = new Uint8Array(256);

function classify(characters: string, characterClass: number): void {
  for (const character of characters) CHARACTER_CLASS[character.charCodeAt(0)] = characterClass;
}

const LOWER_LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const LETTERS = `${LOWER_LETTERS}${LOWER_LETTERS.toUpperCase()}_`;
const DIGITS = '0123456789';

classify(' \t\n\r\f\v', CHARACTER.space);
classify(LETTERS, CHARACTER.letter);
classify(DIGITS, CHARACTER.digit);
classify("'", CHARACTER.quote);
classify('"', CHARACTER.doubleQuote);
classify('$', CHARACTER.dollar);
classify('~!@#^&|`?+-*/%<>=', CHARACTER.operator);
classify('()[],;', CHARACTER.punctuation);
classify('.', CHARACTER.dot);
classify(':', CHARACTER.colon);

for (const character of `${LETTERS}${DIGITS}$`) CONTINUES_NAME[character.charCodeAt(0)] = 1;
for (const character of `${LOWER_LETTERS}${DIGITS}_$`) UNQUOTABLE[character.charCodeAt(0)] = 1;
