/**
 * Both engines read millions of distinct inputs, half of them mutated statements, and must agree
 * byte for byte; what they give must be stable. `node bench/soak-sql.mjs [COUNT] [SEED]`.
 */
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { engineOfKind } from '../dist/engine/load.js';
import { Lexer } from '../dist/engine/portable/sql/lexer.js';
import { SqlSource } from '../dist/engine/portable/sql/source.js';
import { TOKEN } from '../dist/engine/portable/sql/tokens.js';
import { anyStatement, createRandom } from './sql-statements.mjs';

const OPTIONS = [
  {},
  { standardConformingStrings: true },
  { standardConformingStrings: false },
  { placeholders: 'question' },
  { placeholders: 'named' },
  { placeholders: 'format', standardConformingStrings: true },
];

/** Spans and coverage are looked at for one input in so many. */
const SAMPLED = 8;

/** Remembers texts by 53 bits of a hash; a full table forgets nothing but stops to be sure. */
function createSeen(count) {
  let slots = 1024;
  while (slots < 2 * count) slots *= 2;
  const table = new Float64Array(slots);
  return {
    /** @returns whether the text is new. */
    add(text) {
      let high = 0x9e3779b9;
      let low = text.length;
      for (let index = 0; index < text.length; index += 1) {
        const unit = text.charCodeAt(index);
        high = Math.imul(((high << 5) | (high >>> 27)) ^ unit, 0x9e3779b1);
        low = Math.imul(((low << 7) | (low >>> 25)) ^ unit, 0x85ebca77);
      }
      const key = (high >>> 11) * 2 ** 32 + (low >>> 0) + 1;
      let slot = (high ^ (low >>> 7)) & (slots - 1);
      while (table[slot] !== 0) {
        if (table[slot] === key) return false;
        slot = (slot + 1) & (slots - 1);
      }
      table[slot] = key;
      return true;
    },
  };
}

/**
 * @param {{ count?: number, seed?: number, log?: (line: string) => void }} options
 * @returns {{ count: number, seed: number, bytes: number, kinds: Record<string, number> }}
 * @throws Error with the input on the first difference.
 */
export function soakSql({
  count = 10_000_000,
  seed = Date.now() % 2 ** 31,
  log = console.log,
} = {}) {
  const native = engineOfKind('native');
  const portable = engineOfKind('portable');
  const random = createRandom(seed);
  const seen = createSeen(count);
  const kinds = Object.fromEntries(Object.keys(TOKEN).map((name) => [name, 0]));
  let distinct = 0;
  let bytes = 0;
  while (distinct < count) {
    const sql = anyStatement(random);
    if (!seen.add(sql)) continue;
    distinct += 1;
    bytes += sql.length;
    const options = OPTIONS[distinct % OPTIONS.length];
    const ours = native.normalizeSql(sql, options);
    const theirs = portable.normalizeSql(sql, options);
    check(sql, options, ours, theirs, 'the engines differ');
    const again = portable.normalizeSql(ours.text, options);
    check(sql, options, { ...ours, listLengths: [] }, { ...again, listLengths: [] }, 'not stable');
    if (distinct % SAMPLED === 0) {
      const spans = native.scanSql(sql, options);
      if (JSON.stringify(spans) !== JSON.stringify(portable.scanSql(sql, options))) {
        throw new Error(`spans differ with ${JSON.stringify(options)}: ${JSON.stringify(sql)}`);
      }
      countKinds(sql, kinds);
    }
    if (distinct % 1_000_000 === 0) log(`soak sql: ${distinct} distinct inputs, seed ${seed}`);
  }
  log(`soak sql: ${count} distinct inputs, ${bytes} characters, seed ${seed}: no difference`);
  log(`token kinds in one input of ${SAMPLED}: ${JSON.stringify(kinds)}`);
  return { count, seed, bytes, kinds };
}

function check(sql, options, a, b, what) {
  if (a.text === b.text && a.fingerprint === b.fingerprint) {
    if (a.listLengths.length === b.listLengths.length) {
      if (a.listLengths.every((length, index) => length === b.listLengths[index])) return;
    }
  }
  throw new Error(
    `${what} with ${JSON.stringify(options)}: ${JSON.stringify(sql)}\n` +
      `${JSON.stringify(a)}\n${JSON.stringify(b)}`,
  );
}

const source = new SqlSource();
const lexer = new Lexer();
const NAMES = Object.keys(TOKEN);

function countKinds(sql, kinds) {
  source.load(sql);
  lexer.reset(source, 'dollar', 1);
  do {
    lexer.next();
    kinds[NAMES[lexer.kind]] += 1;
  } while (lexer.kind !== TOKEN.end);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , count, seed] = process.argv;
  soakSql({
    ...(count === undefined ? {} : { count: Number(count) }),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  });
}
