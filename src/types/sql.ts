/** How placeholders other than `$1` are read; see {@link NormalizeOptions}. */
export type PlaceholderStyle = 'dollar' | 'question' | 'named' | 'format';

/** How a statement is to be read. */
export interface NormalizeOptions {
  /**
   * Which of the drivers' own placeholders count as parameters beside `$1`: `?` (`question`),
   * `:name` (`named`), `%s` and `%(name)s` (`format`).
   *
   * @defaultValue `'dollar'`: `?` is an operator, `:` a slice, `%` modulo, as in PostgreSQL.
   */
  readonly placeholders?: PlaceholderStyle;
  /**
   * The server's `standard_conforming_strings`, where it is known.
   *
   * @defaultValue undefined: unknown; where the two readings differ, the union is dropped.
   */
  readonly standardConformingStrings?: boolean;
}

/** What {@link normalizeSql} gives. */
export interface NormalizedSql {
  /** The statement with literals as `$n`, without comments, white space collapsed. */
  readonly text: string;
  /** 16 hex digits; equal for statements that differ only in values and spelling. */
  readonly fingerprint: string;
  /** The number of items of each list that was folded, in order of appearance. */
  readonly listLengths: readonly number[];
}

/** A list of `[byteStart, byteLength]` in UTF-8. */
export type ByteSpans = readonly (readonly [byteStart: number, byteLength: number])[];

/** What {@link scanSql} gives. */
export interface SqlSpans {
  readonly literals: ByteSpans;
  readonly parameters: ByteSpans;
  readonly comments: ByteSpans;
}
