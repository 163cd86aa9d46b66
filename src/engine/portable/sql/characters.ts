/** What PostgreSQL's scanner sees in a character; `native/src/sql/token.zig` holds the same. */

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

/** Class of each ASCII character; everything above is a letter. */
export const CHARACTER_CLASS: Uint8Array = new Uint8Array(128);
/** An ASCII character of an identifier in lower case, 0 for what cannot go on an identifier. */
export const FOLDED: Uint8Array = new Uint8Array(128);
/** 1 for what an identifier that needs no quotes may hold: `[a-z0-9_$]`. */
export const UNQUOTABLE: Uint8Array = new Uint8Array(128);

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

for (const character of `${LETTERS}${DIGITS}$`) {
  FOLDED[character.charCodeAt(0)] = character.toLowerCase().charCodeAt(0);
}
for (const character of `${LOWER_LETTERS}${DIGITS}_$`) UNQUOTABLE[character.charCodeAt(0)] = 1;
