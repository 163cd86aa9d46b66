/** `db.query.summary` of OpenTelemetry's semantic conventions for databases. */

const SUMMARY_CHARACTERS_MAX = 255;
/** Names and parentheses beyond are not told apart: a summary is short. */
const DEPTH_MAX = 64;

/** What a normalised text is made of: names (quoted or not, dots between), or one character. */
const TOKEN =
  /(?:"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)(?:\.(?:"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*))*|\$\d+|\S/g;

/** A name behind these is what the operation works on. */
const TARGET_WORDS = new Set(['from', 'into', 'join', 'table', 'update', 'using']);
/** What may stand between such a word and the name. */
const FILLERS = new Set(['only', 'lateral', 'if', 'not', 'exists', 'concurrently']);
/** A name is told with the kind of object that these create, change or remove. */
const OBJECT_KINDS = new Set(
  'database extension function index procedure role schema sequence table trigger type user view'.split(
    ' ',
  ),
);
const DEFINITIONS = new Set(['create', 'alter', 'drop', 'truncate', 'lock', 'comment', 'reindex']);
/** Operations inside another one: behind a parenthesis, or where a statement may begin. */
const NESTED_OPERATIONS = new Set(['select', 'insert', 'update', 'delete', 'merge']);
/** Words that end the list of a FROM. */
const CLAUSES = new Set(
  'where group order limit offset having union except intersect window returning set values on when for fetch select'.split(
    ' ',
  ),
);

interface Level {
  /** Whether a FROM here belongs to a SELECT or DELETE, and not to a function's arguments. */
  takesFrom: boolean;
  /** Whether a comma here is followed by another table. */
  isInFrom: boolean;
}

/**
 * The operations of a statement and what they work on, in their order: a name for spans and
 * metrics of low cardinality, after OpenTelemetry's rules for `db.query.summary`.
 *
 * Names keep their spelling, without quotes where they need none. At most 255 characters, cut
 * between names.
 *
 * @param text a normalised statement: a raw one may hold values that look like names.
 *
 * @example
 * ```ts
 * import { summarizeSql } from 'hyperdjango/sql';
 *
 * summarizeSql('INSERT INTO a SELECT id FROM b WHERE id = $1'); // 'INSERT a SELECT b'
 * ```
 */
export function summarizeSql(text: string): string {
  return join(partsOf(text).map(({ name }) => name));
}

/** The name of a query within its statement: `WITH name AS (`, or `, name AS (`. */
const LOCAL_NAME =
  /(?:\bwith(?: recursive)?|,) ("(?:[^"]|"")*"|[\w$\u0080-\uffff]+)(?: ?\([^()]*\))? as (?:(?:not )?materialized )?\(/gi;

/**
 * The tables and views that a query reads or writes, each once, in the order of their first
 * mention, with their schema where the query names it. As far as the text tells: it knows no
 * views' tables and no triggers.
 *
 * @param text a normalised statement.
 */
export function tablesOf(text: string): string[] {
  const local = new Set(Array.from(text.matchAll(LOCAL_NAME), ([, name = '']) => unquoted(name)));
  const tables = partsOf(text).flatMap(({ name, isTable }) => (isTable ? [name] : []));
  return [...new Set(tables)].filter((name) => !local.has(name));
}

interface Part {
  readonly name: string;
  readonly isTable: boolean;
}

/** Operations, what they work on, and the semicolons between them. */
function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  const push = (name: string, isTable = false): number => parts.push({ name, isTable });
  const levels: Level[] = [{ takesFrom: false, isInFrom: false }];
  let isStart = true;
  let isDefinition = false;
  let isMerge = false;
  let expectsTarget = false;
  let last = '';
  for (const [token] of text.matchAll(TOKEN)) {
    const level = levels.at(-1) ?? { takesFrom: false, isInFrom: false };
    const word = token.toLowerCase();
    const isName = token.length > 1 || /[\w"]/.test(token);
    if (!isName || token.startsWith('$')) {
      if (token === '(') {
        // A function in a FROM is no table.
        if (level.isInFrom && isTableOf(last, parts)) parts.pop();
        expectsTarget = false;
        if (levels.length < DEPTH_MAX) levels.push({ takesFrom: false, isInFrom: false });
      } else if (token === ')') {
        if (levels.length > 1) levels.pop();
      } else if (token === ';') {
        levels.length = 1;
        levels[0] = { takesFrom: false, isInFrom: false };
        isStart = true;
        if (parts.length > 0) push(';');
      } else {
        expectsTarget = token === ',' && level.isInFrom;
      }
      last = token;
      continue;
    }
    const mayNest = last === '(' || last === 'as' || last === ')' || word === 'select';
    if (isStart && word === 'with') {
      isStart = false;
    } else if (isStart) {
      isStart = false;
      push(token);
      isDefinition = DEFINITIONS.has(word);
      isMerge = word === 'merge';
      level.takesFrom = word === 'select' || word === 'delete';
      expectsTarget = word === 'update' || word === 'truncate' || word === 'call';
    } else if (NESTED_OPERATIONS.has(word) && mayNest && !isMerge && last !== 'for') {
      push(token);
      level.takesFrom = word === 'select' || word === 'delete';
      level.isInFrom = false;
      expectsTarget = word === 'update';
    } else if (isDefinition && OBJECT_KINDS.has(word) && (!expectsTarget || last === 'truncate')) {
      push(token);
      expectsTarget = true;
    } else if (TARGET_WORDS.has(word) && isTargetWord(word, last, level, isMerge)) {
      expectsTarget = true;
      level.isInFrom = word === 'from' || word === 'join' || level.isInFrom;
    } else if (CLAUSES.has(word)) {
      level.isInFrom = level.isInFrom && word === 'on';
      expectsTarget = false;
    } else if (expectsTarget && !FILLERS.has(word)) {
      push(unquoted(token), !isDefinition);
      expectsTarget = false;
      if (isDefinition) isDefinition = false;
    }
    last = word;
  }
  return parts;
}

function isTargetWord(word: string, last: string, level: Level, isMerge: boolean): boolean {
  switch (word) {
    case 'from':
      return level.takesFrom && last !== 'distinct';
    case 'into':
      return last === 'insert' || last === 'merge';
    case 'join':
      return true;
    case 'using':
      return isMerge;
    default:
      return false;
  }
}

function isTableOf(last: string, parts: readonly Part[]): boolean {
  return unquoted(last) === parts.at(-1)?.name.toLowerCase();
}

function unquoted(name: string): string {
  return name.replace(/"([^"\s.]+)"/g, '$1');
}

function join(parts: readonly string[]): string {
  let summary = '';
  for (const part of parts) {
    const next = part === ';' ? `${summary};` : summary === '' ? part : `${summary} ${part}`;
    if (next.length > SUMMARY_CHARACTERS_MAX) break;
    summary = next;
  }
  return summary.endsWith(';') ? summary.slice(0, -1) : summary;
}
