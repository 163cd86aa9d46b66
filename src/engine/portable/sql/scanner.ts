/** Byte spans of the literals, parameters and comments of a statement. */
import type { ByteSpans, NormalizeOptions, SqlSpans } from '../../../types/sql.ts';
import { Lexer } from './lexer.ts';
import { SqlSource } from './source.ts';
import { STRING } from './strings.ts';
import { BACKSLASH, TOKEN } from './tokens.ts';

const LOWER_N = 0x6e;

/** See `scanSql` of `hyperdjango/sql`. */
export function scanSql(sql: string, options?: NormalizeOptions): SqlSpans {
  const source = new SqlSource();
  const lexer = new Lexer();
  const backslash =
    options?.standardConformingStrings === false ? BACKSLASH.escapes : BACKSLASH.ordinary;
  const comments: number[] = [];
  source.load(sql);
  lexer.reset(source, options?.placeholders ?? 'dollar', backslash);
  lexer.isSingleReading = true;
  lexer.comments = comments;
  const literals: number[] = [];
  const parameters: number[] = [];
  for (let kind = lexer.next(); kind !== TOKEN.end; kind = lexer.next()) {
    if (kind === TOKEN.parameter) {
      parameters.push(lexer.start, lexer.end);
    } else if (kind === TOKEN.number) {
      literals.push(lexer.start, lexer.end);
    } else if (kind === TOKEN.string) {
      // PostgreSQL takes the N of N'…' for a keyword of its own.
      const isNational =
        lexer.stringKind === STRING.plain && (lexer.byteAt(lexer.start) | 0x20) === LOWER_N;
      literals.push(isNational ? lexer.start + 1 : lexer.start, lexer.end);
    }
  }
  return {
    literals: toSpans(literals),
    parameters: toSpans(parameters),
    comments: toSpans(comments),
  };
}

function toSpans(offsets: readonly number[]): ByteSpans {
  const spans: [number, number][] = [];
  for (let index = 0; index < offsets.length; index += 2) {
    const start = offsets[index] as number;
    spans.push([start, (offsets[index + 1] as number) - start]);
  }
  return spans;
}
