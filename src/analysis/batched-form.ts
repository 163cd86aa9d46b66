/** One statement that does the work of many runs of another. */
export interface BatchedForm {
  readonly sql: string;
  /** What else has to change, in a sentence or two. */
  readonly advice: string;
}

const NAME = String.raw`(?:"[^"]+"|[A-Za-z_]\w*)`;
/** A column that has to equal a value: `o.id = $1`, `"id" = $1::uuid`. */
const KEY_CONDITION = new RegExp(
  String.raw`(?<=\b(?:WHERE|AND) ?\(* ?)(${NAME}(?:\.${NAME})*) ?= ?(\$\d+)(?:(::[a-z]\w*))?(?=\)*(?: (?:AND|ORDER|GROUP|LIMIT)\b|$))`,
  'gi',
);
const ANY_EQUALITY = /= ?\$\d+/g;
/** With these, rows of several keys are no longer the rows of each, or there is more than one query. */
const NOT_BY_KEY = /\b(?:OR|NOT|UNION|INTERSECT|EXCEPT|OFFSET|OVER|FOR|WITH|HAVING|FETCH)\b/i;
const AGGREGATE =
  /\b(?:count|sum|avg|min|max|array_agg|jsonb?_agg|string_agg|bool_and|bool_or) ?\(/i;
const LIMIT_AT_END = / LIMIT \$\d+$/i;
const ROWS_OF_INSERT = /^INSERT INTO .+? VALUES ?(\([^()]*\))(?! ?,)/i;

/**
 * The form of a statement that takes all keys at once: `id = $1` becomes `id = ANY($1)`.
 *
 * A proposal for people, read off the normalised text: it is given only where the text leaves no
 * doubt which column the key is compared with.
 *
 * @param text normalised SQL.
 * @returns undefined where there is doubt.
 * @example
 * ```ts
 * batchedForm('SELECT name FROM customers WHERE id = $1')?.sql;
 * // 'SELECT name FROM customers WHERE id = ANY($1)'
 * ```
 */
export function batchedForm(text: string): BatchedForm | undefined {
  return /^INSERT\b/i.test(text) ? batchedInsert(text) : batchedSelect(text);
}

function batchedInsert(text: string): BatchedForm | undefined {
  const row = ROWS_OF_INSERT.exec(text);
  if (row === null) return undefined;
  const end = row[0].length;
  return {
    sql: `${text.slice(0, end)}, …${text.slice(end)}`,
    advice: 'Give it all the rows at once.',
  };
}

function batchedSelect(text: string): BatchedForm | undefined {
  if (!/^SELECT\b/i.test(text) || NOT_BY_KEY.test(text)) return undefined;
  if (text.match(/\bSELECT\b/gi)?.length !== 1) return undefined;
  const [condition, ...others] = text.matchAll(KEY_CONDITION);
  if (condition === undefined || others.length > 0) return undefined;
  // Of several keys nobody knows here which ones differ from run to run.
  if (text.match(ANY_EQUALITY)?.length !== 1) return undefined;
  const [found, key = '', parameter = '', cast] = condition;
  const array = cast === undefined ? parameter : `${parameter}${cast}[]`;
  const { index } = condition;
  const sql = `${text.slice(0, index)}${key} = ANY(${array})${text.slice(index + found.length)}`;
  return AGGREGATE.test(text) || /\bGROUP BY\b/i.test(text)
    ? groupedBy(key, sql)
    : handedOutBy(key, sql);
}

/** One figure for each key. */
function groupedBy(key: string, sql: string): BatchedForm | undefined {
  if (/\b(?:GROUP BY|ORDER BY|LIMIT|DISTINCT)\b/i.test(sql)) return undefined;
  return {
    sql: `${sql.replace(/^SELECT /i, (select) => `${select}${key}, `)} GROUP BY ${key}`,
    advice: 'Give it all the keys in one array. A key without rows gets none here.',
  };
}

function handedOutBy(key: string, sql: string): BatchedForm | undefined {
  const isLimited = LIMIT_AT_END.test(sql);
  // The first few rows of each key are another query.
  if (isLimited && /\bORDER BY\b/i.test(sql)) return undefined;
  const unlimited = sql.replace(LIMIT_AT_END, '');
  if (/\bLIMIT\b/i.test(unlimited)) return undefined;
  const advice = [`Give it all the keys in one array, and tell the rows apart by ${key}`];
  if (!isSelected(key, sql)) advice.push(', which has to be among the columns');
  advice.push('.');
  if (isLimited) advice.push(' Its LIMIT was for one key, and is left out.');
  return { sql: unlimited, advice: advice.join('') };
}

function isSelected(key: string, sql: string): boolean {
  const columns = /^SELECT (.*?) FROM /i.exec(sql)?.[1] ?? '';
  const name = key.split('.').at(-1)?.replaceAll('"', '') ?? '';
  return columns.includes('*') || columns.split(/[^\w$]+/).includes(name);
}
