import { describe, expect, test } from 'vitest';
import type { SqlSpans } from '../../src/types/sql.ts';
import {
  announceCorpus,
  corpusStatements,
  hasCorpus,
  hostileRows,
  referenceRows,
  ruleRows,
} from '../sql/support/corpus.ts';
import { bothEngines } from './support/engines.ts';

announceCorpus();

const KNOWN = { standardConformingStrings: true } as const;
const OPTIONS = [
  {},
  KNOWN,
  { standardConformingStrings: false },
  { placeholders: 'question' },
  { placeholders: 'named' },
  { placeholders: 'format' },
] as const;
const CANARY = /ZQX|98765[\d_]*431/;
const QUERIES = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

/** Groups of the rules whose members SPEC merges, and those members it does not. */
const MERGED_GROUPS: readonly (readonly [group: string, except: RegExp])[] = [
  ['IN-list length / consts vs params', /ANY|lower|,c\)|\(c,/],
  ['VALUES rows', /t\(b,a\)|VALUES \(1,2,3\)/],
  ['ARRAY[...]', /\[\[|'/],
  ['negative in WHERE', /never/],
  ['case/whitespace/quotes/comments', /"A"/],
  ['constants kinds', /never/],
];

describe.runIf(hasCorpus).each(bothEngines().map((engine) => [engine.kind, engine] as const))(
  'the corpus on the %s engine',
  (_kind, engine) => {
    test('literals, parameters and comments are where PostgreSQL sees them', () => {
      const flat = (spans: SqlSpans) =>
        [spans.literals, spans.parameters, spans.comments].map((list) => list.flat());
      for (const row of referenceRows()) {
        const expected = [row.lits ?? [], row.params ?? [], row.comments ?? []];
        expect(flat(engine.scanSql(row.sql)), row.sql).toEqual(expected);
      }
    });

    test('normalising a normalised text gives the same', () => {
      for (const sql of corpusStatements()) {
        for (const options of OPTIONS) {
          const { text, fingerprint } = engine.normalizeSql(sql, options);
          expect(engine.normalizeSql(text, options), sql).toMatchObject({ text, fingerprint });
        }
      }
    });

    test('no hostile statement leaves its canary in a text', () => {
      for (const { cls, sql } of hostileRows()) {
        // The canary of these two is a name.
        if (/^(set|concat-pii)-ident$/.test(cls)) continue;
        expect(engine.normalizeSql(sql).text, sql).not.toMatch(CANARY);
        expect(engine.normalizeSql(sql, KNOWN).text, sql).not.toMatch(CANARY);
      }
    });

    test('a canary in the place of each literal leaves nothing in a text', () => {
      for (const { sql, lits = [] } of referenceRows()) {
        const planted = plantCanaries(sql, lits);
        expect(engine.normalizeSql(planted).text, planted).not.toMatch(CANARY);
        expect(engine.normalizeSql(planted, KNOWN).text, planted).not.toMatch(CANARY);
      }
    });

    test('no queries that the reference tells apart share a fingerprint', () => {
      const seen = new Map<string, { readonly reference: string; readonly sql: string }>();
      for (const row of referenceRows()) {
        if (!QUERIES.has(row.kind)) continue;
        const { fingerprint } = engine.normalizeSql(row.sql, KNOWN);
        const first = seen.get(fingerprint);
        seen.set(fingerprint, first ?? { reference: row.fingerprint, sql: row.sql });
        if (first !== undefined)
          expect(row.fingerprint, `${first.sql}\n${row.sql}`).toBe(first.reference);
      }
    });

    test('what differs in values and spelling only has one fingerprint', () => {
      for (const [group, except] of MERGED_GROUPS) {
        const fingerprints = new Map<number | string, string>();
        for (const row of ruleRows()) {
          if (row.group !== group || except.test(row.sql)) continue;
          const { fingerprint } = engine.normalizeSql(row.sql);
          const ours = fingerprints.get(row.class) ?? fingerprint;
          fingerprints.set(row.class, ours);
          expect(fingerprint, row.sql).toBe(ours);
        }
        expect(fingerprints.size, group).toBeGreaterThan(0);
        expect(new Set(fingerprints.values()).size, group).toBe(fingerprints.size);
      }
    });

    test("the reference's own normalised text has the statement's fingerprint", () => {
      for (const row of referenceRows()) {
        // The reference takes EXTRACT's field, NFC and LIMIT ALL for values; a scanner does not.
        if (row.normalized === null || !QUERIES.has(row.kind)) continue;
        if (/extract\s*\(|limit\s+all|normalize|\[-|:-/i.test(row.sql)) continue;
        // It lets a placeholder run into the keyword before it.
        if (/[A-Za-z]\$\d/.test(row.normalized)) continue;
        const expected = engine.normalizeSql(row.sql, KNOWN).fingerprint;
        expect(engine.normalizeSql(row.normalized, KNOWN).fingerprint, row.sql).toBe(expected);
      }
    });
  },
);

function plantCanaries(sql: string, literals: readonly number[]): string {
  const bytes = Buffer.from(sql);
  const parts: string[] = [];
  let end = 0;
  for (let index = 0; index < literals.length; index += 2) {
    const start = literals[index] ?? 0;
    const literal = bytes.toString('utf8', start, start + (literals[index + 1] ?? 0));
    parts.push(bytes.toString('utf8', end, start), canaryFor(literal, index));
    end = start + Buffer.byteLength(literal);
  }
  return [...parts, bytes.toString('utf8', end)].join('');
}

function canaryFor(literal: string, index: number): string {
  if (/^[\d.]/.test(literal)) return `98765${index}431`;
  const tag = /^\$[^$]*\$/.exec(literal)?.[0];
  if (tag !== undefined) return `${tag}ZQX${index}${tag}`;
  return `${literal.slice(0, literal.indexOf("'"))}'ZQX${index}'`;
}
