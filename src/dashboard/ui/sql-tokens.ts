/** Just enough of SQL to read it with ease; what is not known is plain. */

export type SqlTokenKind = 'plain' | 'keyword' | 'parameter' | 'string';

export interface SqlToken {
  readonly kind: SqlTokenKind;
  readonly text: string;
}

const KEYWORDS: ReadonlySet<string> = new Set(
  `all alter analyze and any array as asc begin between by case cast coalesce commit conflict
  copy create cross current delete desc distinct do drop else end except exists explain false
  fetch filter for from full group having if ilike in index inner insert intersect interval
  into is join lateral left like limit lock materialized merge natural not nothing null nulls
  offset on only or order outer over partition release returning right rollback row rows
  savepoint select set share show similar skip table then to true truncate union unique update
  using vacuum values view when where window with`.split(/\s+/),
);

// Strings and quoted names may lack their end: texts are cut at a bound.
const TOKEN = /'[^']*(?:'|$)|"[^"]*(?:"|$)|\$\d+|[A-Za-z_][\w$]*/g;

/** The pieces of a text, in order; put together they are the text. */
export function tokenizeSql(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  let end = 0;

  function push(kind: SqlTokenKind, text: string): void {
    const last = tokens.at(-1);
    if (last?.kind === 'plain' && kind === 'plain') {
      tokens[tokens.length - 1] = { kind, text: last.text + text };
    } else if (text !== '') {
      tokens.push({ kind, text });
    }
  }

  for (const match of sql.matchAll(TOKEN)) {
    push('plain', sql.slice(end, match.index));
    push(kindOf(match[0]), match[0]);
    end = match.index + match[0].length;
  }
  push('plain', sql.slice(end));
  return tokens;
}

function kindOf(word: string): SqlTokenKind {
  if (word.startsWith("'")) return 'string';
  if (word.startsWith('$')) return 'parameter';
  return KEYWORDS.has(word.toLowerCase()) ? 'keyword' : 'plain';
}
