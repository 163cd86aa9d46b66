/**
 * What a few words say of the tokens behind them: SET that its value is to be dropped whole,
 * SAVEPOINT and its kin that a name is as good as a value, being new in each transaction,
 * UESCAPE that a string is no literal of its own, CREATE and its kin that a number may be signed.
 */
import { CHARACTER, CHARACTER_CLASS } from './characters.ts';
import { OTHER_CODE } from './fingerprint.ts';
import { WORD, WORD_BEFORE_OPERAND, WORD_MASK } from './keywords.ts';
import { LIST } from './list.ts';
import type { Machine } from './machine.ts';
import { AFTER, SETTING, UNICODE } from './states.ts';
import { TOKEN } from './tokens.ts';

const DOLLAR = 0x24;
const AMPERSAND = 0x26;
const QUOTE = 0x27;
const SEMICOLON = 0x3b;

// V8 knows the value of a constant of this module only, not that of an imported object.
const {
  alter: WORD_ALTER,
  configured: WORD_CONFIGURED,
  counting: WORD_COUNTING,
  default: WORD_DEFAULT,
  moving: WORD_MOVING,
  namedFirst: WORD_NAMED_FIRST,
  namedLast: WORD_NAMED_LAST,
  rollback: WORD_ROLLBACK,
  set: WORD_SET,
  time: WORD_TIME,
  to: WORD_TO,
  uescape: WORD_UESCAPE,
} = WORD;
const { none: LIST_NONE } = LIST;
const { quoted: TOKEN_QUOTED, string: TOKEN_STRING, word: TOKEN_WORD } = TOKEN;
const {
  alter: SETTING_ALTER,
  configured: SETTING_CONFIGURED,
  name: SETTING_NAME,
  namedFirst: SETTING_NAMED_FIRST,
  namedLast: SETTING_NAMED_LAST,
  none: SETTING_NONE,
  rolledBack: SETTING_ROLLED_BACK,
  set: SETTING_SET,
  start: SETTING_START,
  value: SETTING_VALUE,
} = SETTING;
const {
  name: UNICODE_NAME,
  nameEscape: UNICODE_NAME_ESCAPE,
  none: UNICODE_NONE,
  string: UNICODE_STRING,
  stringEscape: UNICODE_STRING_ESCAPE,
} = UNICODE;
const { operand: AFTER_OPERAND } = AFTER;

/** Looks at the words that begin a statement for the few whose values are not literals. */
export function steer(machine: Machine, entry: number): void {
  const word = entry & WORD_MASK;
  if (machine.isStatementStart) {
    machine.isStatementStart = false;
    machine.setting = settingAfter(word);
    machine.isCounting = word === WORD_ALTER || word === WORD_COUNTING || word === WORD_MOVING;
    return;
  }
  switch (machine.setting) {
    case SETTING_ALTER:
      machine.setting = word === WORD_CONFIGURED ? SETTING_CONFIGURED : SETTING_NONE;
      break;
    case SETTING_CONFIGURED:
      if (word === WORD_SET) machine.setting = SETTING_SET;
      break;
    case SETTING_SET:
      machine.setting = word === WORD_TIME ? SETTING_NONE : SETTING_NAME;
      break;
    case SETTING_NAME:
      if (word === WORD_TO) machine.setting = SETTING_START;
      break;
    case SETTING_ROLLED_BACK:
      if (word === WORD_TO) machine.setting = SETTING_NAMED_LAST;
      break;
    default:
  }
}

function settingAfter(firstWord: number): number {
  switch (firstWord) {
    case WORD_SET:
      return SETTING_SET;
    case WORD_ALTER:
      return SETTING_ALTER;
    case WORD_NAMED_FIRST:
      return SETTING_NAMED_FIRST;
    case WORD_MOVING:
    case WORD_NAMED_LAST:
      return SETTING_NAMED_LAST;
    case WORD_ROLLBACK:
      return SETTING_ROLLED_BACK;
    default:
      return SETTING_NONE;
  }
}

/** A name that applications make anew is a value: a placeholder stands for it. */
function skipsName(machine: Machine, kind: number): boolean {
  const isFirst = machine.setting === SETTING_NAMED_FIRST;
  if (isFirst) machine.setting = SETTING_NONE;
  if (kind !== TOKEN_QUOTED && (kind !== TOKEN_WORD || !isName(machine, isFirst))) return false;
  if (machine.list.kind !== LIST_NONE) machine.take(machine.list.operand());
  machine.writePlaceholder();
  if (kind === TOKEN_QUOTED && machine.lexer.isUnicode) machine.unicode = UNICODE_STRING;
  return true;
}

/** Whether this word is the name rather than a keyword before it: ALL, TRANSACTION, SAVEPOINT. */
function isName(machine: Machine, isFirst: boolean): boolean {
  const lexer = machine.lexer;
  if ((lexer.keyword & WORD_BEFORE_OPERAND) !== 0) return false;
  const following = lexer.followingStart();
  const byte = lexer.byteAt(following);
  if (byte === 0) return !machine.isCutSource;
  if (!isFirst) return byte === SEMICOLON;
  // `PREPARE TRANSACTION 'x'`, whatever the spelling of the string.
  if (byte === QUOTE || byte === DOLLAR) return false;
  const second = lexer.byteAt(following + 1);
  return CHARACTER_CLASS[byte] !== CHARACTER.letter || (second !== QUOTE && second !== AMPERSAND);
}

/** One placeholder stands for everything that a setting is set to. */
export function skipsSetting(machine: Machine, kind: number): boolean {
  if (machine.setting >= SETTING_NAMED_FIRST) return skipsName(machine, kind);
  if (machine.setting === SETTING_VALUE) return true;
  const isDefault = kind === TOKEN_WORD && (machine.lexer.keyword & WORD_MASK) === WORD_DEFAULT;
  machine.setting = isDefault ? SETTING_NONE : SETTING_VALUE;
  if (isDefault) return false;
  machine.writePlaceholder();
  return true;
}

/** UESCAPE goes with its string, and belongs to the spelling of a name. */
export function skipsEscape(machine: Machine, kind: number): boolean {
  const lexer = machine.lexer;
  const unicode = machine.unicode;
  machine.unicode = UNICODE_NONE;
  if (unicode === UNICODE_STRING || unicode === UNICODE_NAME) {
    if (kind !== TOKEN_WORD || (lexer.keyword & WORD_MASK) !== WORD_UESCAPE) return false;
    machine.unicode = unicode === UNICODE_STRING ? UNICODE_STRING_ESCAPE : UNICODE_NAME_ESCAPE;
    return unicode === UNICODE_STRING;
  }
  if (kind !== TOKEN_STRING) return false;
  if (unicode === UNICODE_STRING_ESCAPE) return true;
  if (lexer.end - lexer.start !== 3) return false;
  const escape = lexer.byteAt(lexer.start + 1);
  if (escape <= 0x20 || escape >= 0x7f || lexer.byteAt(lexer.start) !== QUOTE) return false;
  machine.text.copy(lexer.start, lexer.end, lexer.gap);
  machine.hash.addCode(escape | OTHER_CODE);
  machine.after = AFTER_OPERAND;
  machine.lastKind = TOKEN_QUOTED;
  return true;
}
