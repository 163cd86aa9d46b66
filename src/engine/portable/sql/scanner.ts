/** Byte spans of the literals, parameters and comments of a statement. */
import type { ByteSpans, NormalizeOptions, SqlSpans } from '../../../types/sql.ts';
import { BACKSLASH, Lexer, STRING, TOKEN } from './lexer.ts';
import { toByteOffsets } from './utf8.ts';

/** See `scanSql` of `hyperdjango/sql`. */
export function scanSql(sql: string, options?: NormalizeOptions): SqlSpans {
  const lexer = new Lexer();
  const backslash =
    options?.standardConformingStrings === false ? BACKSLASH.escapes : BACKSLASH.ordinary;
  const comments: number[] = [];
  lexer.reset(sql, options?.placeholders ?? 'dollar', backslash);
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
      const isNational = lexer.stringKind === STRING.plain && (lexer.unitAt(lexer.start) | 32) === 110;
      literals.push(isNational ? lexer.start + 1 : lexer.start, lexer.end);
    }
  }
  return {
    literals: toSpans(sql, literals),
    parameters: toSpans(sql, parameters),
    comments: toSpans(sql, comments),
  };
}

function toSpans(sql: string, offsets: number[]): ByteSpans {
  toByteOffsets(sql, offsets);
  const spans: [number, number][] = [];
  for (let index = 0; index < offsets.length; index += 2) {
    const start = offsets[index] as number;
    spans.push([start, (offsets[index + 1] as number) - start]);
  }
  return spans;
}
