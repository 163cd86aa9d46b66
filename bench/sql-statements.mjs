/**
 * Statements made from a seed: valid ones from a small grammar, mutated ones, and heaps of
 * fragments that only a scanner can take apart. Tests, the soak run and the benchmark share them.
 */

/** @param {number} seed */
export function createRandom(seed) {
  // sfc32: its period is far longer than any run.
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed >>> 0;
  let counter = 1;
  const next = () => {
    const mixed = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + mixed) | 0;
    return mixed >>> 0;
  };
  for (let round = 0; round < 16; round += 1) next();
  const below = (limit) => next() % limit;
  return { below, pick: (list) => list[below(list.length)], chance: (n) => below(n) === 0 };
}

const NAMES = [
  'id',
  'name',
  'users',
  'orders',
  'o',
  'created_at',
  'user_id',
  'total',
  'état',
  'x1',
];
const QUOTED = [
  '"id"',
  '"userId"',
  '"Users"',
  '"a b"',
  '"user"',
  '"say ""hi"""',
  '"é"',
  'U&"d\\0061t"',
];
const TYPES = [
  'int',
  'text',
  'numeric(10, 2)',
  'varchar(20)',
  'double precision',
  'int[]',
  'pg_catalog.int4',
];
const OPERATORS = [
  '=',
  '<>',
  '!=',
  '<',
  '>=',
  '+',
  '-',
  '*',
  '/',
  '||',
  '->',
  '->>',
  '@>',
  '?',
  '~*',
  '<->',
];
const COMMENTS = ['/* note */', '/* a /* b */ c */', "-- it's\n", '/*;*/', '--\r'];

const FRAGMENTS = [
  "'",
  "''",
  '"',
  '""',
  '\\',
  "\\'",
  '$$',
  '$a$',
  '$1',
  '$2',
  '$',
  '--',
  '-- x\n',
  '/*',
  '*/',
  '/* x */',
  '\n',
  ' ',
  '\t',
  "e'",
  "E'a\\'",
  "U&'",
  'u&"',
  "UESCAPE '!'",
  "N'x'",
  "b'1'",
  "x'f'",
  '-',
  '+',
  '- 1',
  '-1',
  '::int',
  '::',
  ':',
  '?',
  '??',
  '%s',
  '%(a)s',
  ':a',
  '%%',
  '@',
  '@-',
  '<>',
  '!=',
  '=',
  '=>',
  ':=',
  '..',
  '.',
  '.5',
  '1.',
  '1e5',
  '1e',
  '0x1',
  '1_0',
  '(',
  ')',
  '[',
  ']',
  ',',
  ';',
  'IN (',
  'VALUES (',
  'ARRAY[',
  'NULL',
  'TRUE',
  'IS NOT NULL',
  'NOT',
  'AS',
  'DEFAULT',
  'CAST(',
  "interval '1' day",
  "date 'x'",
  'BETWEEN',
  'AND',
  'a',
  '"A"',
  'é',
  '…',
  '😀',
  '\ud800',
  '\0',
  'SET x = ',
  'ALTER ROLE a SET',
  'FETCH -1',
  'OPERATOR(x.+)',
  'BY',
  'ORDER',
  'ON',
  '\v',
  '\f',
  '\r',
  '{',
  '}',
  '<',
  'SELECT ',
  ' FROM ',
  ' … <cut: 0123456789abcdef>',
  '<unparsed: SELECT 0123456789abcdef>',
];

/** A literal in one of PostgreSQL's spellings. */
export function literal(random, text = `v${random.below(1000)}`) {
  const number = random.below(100000);
  return random.pick([
    `'${text}'`,
    `'${text}''s'`,
    `E'${text}\\'s'`,
    `$$${text}$$`,
    `$t$${text} $$ $t$`,
    `N'${text}'`,
    `U&'${text}\\0041'`,
    `B'${number.toString(2)}'`,
    `X'${number.toString(16)}'`,
    String(number),
    `${number}.5`,
    `.${number}`,
    `${number}e3`,
    `0x${number.toString(16)}`,
    `${number}_000`,
    `-${number}`,
    'NULL',
    'TRUE',
    'FALSE',
    `$${1 + random.below(30)}`,
  ]);
}

function column(random) {
  const name = random.chance(3) ? random.pick(QUOTED) : random.pick(NAMES);
  return random.chance(4) ? `${random.pick(NAMES)}.${name}` : name;
}

function listElement(random) {
  const value = literal(random);
  switch (random.below(12)) {
    case 0:
      return `${value}::${random.pick(TYPES)}`;
    case 1:
      return `(${value})`;
    case 2:
      return `CAST(${value} AS ${random.pick(TYPES)})`;
    case 3:
      return random.chance(3) ? `+${value}` : value;
    case 4:
      return random.chance(4) ? column(random) : value;
    default:
      return value;
  }
}

function list(random, longest = 6) {
  return Array.from({ length: 1 + random.below(longest) }, () => listElement(random)).join(', ');
}

function expression(random, depth = 0) {
  switch (random.below(depth > 3 ? 4 : 13)) {
    case 0:
    case 1:
      return column(random);
    case 2:
    case 3:
      return literal(random);
    case 4:
      return `${expression(random, depth + 1)} ${random.pick(OPERATORS)} ${expression(random, depth + 1)}`;
    case 5:
      return `${random.pick(['lower', 'count', 'coalesce', 'f'])}(${expression(random, depth + 1)})`;
    case 6:
      return `${column(random)}::${random.pick(TYPES)}`;
    case 7:
      return `${column(random)} ${random.chance(3) ? 'NOT ' : ''}IN (${list(random)})`;
    case 8:
      return `ARRAY[${list(random)}]`;
    case 9:
      return `CASE WHEN ${expression(random, depth + 1)} THEN ${literal(random)} ELSE ${column(random)} END`;
    case 10:
      return `${column(random)} ${random.pick(['IS NULL', 'IS NOT NULL', 'IS NOT TRUE', 'ISNULL'])}`;
    case 11:
      return `${column(random)} BETWEEN ${literal(random)} AND ${literal(random)}`;
    default:
      return `(${select(random, depth + 2)})`;
  }
}

function select(random, depth = 0) {
  const columns = Array.from({ length: 1 + random.below(4) }, () => expression(random, depth + 1));
  let sql = `SELECT ${columns.join(', ')} FROM ${random.pick(NAMES)}`;
  if (random.chance(3)) sql += ` JOIN ${random.pick(NAMES)} ON ${expression(random, depth + 1)}`;
  if (random.chance(2)) sql += ` WHERE ${expression(random, depth + 1)}`;
  if (random.chance(4)) sql += ` ORDER BY ${random.pick(['1', column(random)])}`;
  if (random.chance(4)) sql += ` LIMIT ${1 + random.below(50)} OFFSET ${random.below(100)}`;
  return sql;
}

/** A statement that PostgreSQL's grammar takes, nearly always. */
export function validStatement(random) {
  const table = random.pick(NAMES);
  switch (random.below(10)) {
    case 0: {
      const rows = Array.from({ length: 1 + random.below(5) }, () => `(${list(random, 4)})`);
      return `INSERT INTO ${table} (${column(random)}) VALUES ${rows.join(', ')} RETURNING id`;
    }
    case 1:
      return `UPDATE ${table} SET name = ${expression(random)} WHERE ${expression(random)}`;
    case 2:
      return `DELETE FROM ${table} WHERE ${expression(random)}`;
    case 3:
      return `WITH c AS (${select(random)}) ${select(random)}`;
    case 4:
      return random.pick([
        `SET app.token = ${literal(random)}`,
        `ALTER ROLE r PASSWORD ${literal(random)}`,
        `COPY t FROM ${literal(random)}`,
        `COMMENT ON TABLE t IS ${literal(random)}`,
        'BEGIN',
        `FETCH -${random.below(9)} FROM c`,
        `EXPLAIN ${select(random)}`,
        `CALL f(${list(random)})`,
      ]);
    default:
      return select(random);
  }
}

function heap(random) {
  let sql = '';
  for (let count = 1 + random.below(12); count > 0; count -= 1) {
    sql += random.pick(FRAGMENTS);
    if (random.chance(3)) sql += ' ';
  }
  return random.chance(500) ? sql.repeat(100 + random.below(900)) : sql;
}

function mutate(random, base, other) {
  let sql = base;
  for (let count = 1 + random.below(4); count > 0; count -= 1) {
    const index = random.below(sql.length + 1);
    switch (random.below(6)) {
      case 0:
        sql = sql.slice(0, index) + random.pick(FRAGMENTS) + sql.slice(index);
        break;
      case 1:
        sql = sql.slice(0, index) + sql.slice(index + 1 + random.below(5));
        break;
      case 2:
        sql = sql.slice(0, index);
        break;
      case 3:
        sql = sql.slice(0, index) + other.slice(random.below(other.length + 1));
        break;
      case 4:
        sql = `${sql.slice(0, index)} ${random.pick(COMMENTS)} ${sql.slice(index)}`;
        break;
      default:
        sql = sql.slice(0, index) + literal(random) + sql.slice(index);
    }
  }
  return sql;
}

/**
 * Any input at all: every second one a mutated statement of the grammar, or of `examples`.
 *
 * @param {ReturnType<typeof createRandom>} random
 * @param {readonly string[]} examples
 */
export function anyStatement(random, examples = []) {
  const valid = () =>
    examples.length > 0 && random.chance(2) ? random.pick(examples) : validStatement(random);
  if (random.chance(2)) return mutate(random, valid(), valid());
  return random.chance(4) ? valid() : heap(random);
}

/** Inputs that take some scanners quadratic time or a deep stack, about `bytes` long each. */
export const ADVERSARIES = {
  'open comments': (bytes) => '/*'.repeat(bytes / 2),
  'closed comments': (bytes) => `SELECT ${'/**/'.repeat(bytes / 4)}1`,
  'line comments': (bytes) => `SELECT ${'--\n'.repeat(bytes / 3)}1`,
  quotes: (bytes) => "'".repeat(bytes),
  'backslashes and quotes': (bytes) => `SELECT ${"'\\'".repeat(bytes / 3)}`,
  'doubtful strings': (bytes) => `SELECT ${"'a\\', ".repeat(bytes / 6)}`,
  'strings on lines': (bytes) => `SELECT ${"'a'\n".repeat(bytes / 4)}`,
  'spaces after a string': (bytes) => `SELECT 'a'${' \n'.repeat(bytes / 2)}`,
  'dollar tags': (bytes) => `SELECT ${'$a$b'.repeat(bytes / 4)}`,
  'dollars in a dollar string': (bytes) => `SELECT $aaaaaaaa$${'$aaaaaaa'.repeat(bytes / 8)}`,
  'failed tags': (bytes) => '$a '.repeat(bytes / 3),
  'double quotes': (bytes) => '"'.repeat(bytes),
  operators: (bytes) => '+-'.repeat(bytes / 2),
  'minus signs': (bytes) => `SELECT ${'- '.repeat(bytes / 2)}1`,
  'minus signs before a comment': (bytes) => `SELECT ${'-1 /**/'.repeat(bytes / 7)}`,
  'list items': (bytes) => `SELECT a FROM t WHERE b IN (${'1,'.repeat(bytes / 2)}1)`,
  'list items and a column': (bytes) => `SELECT a FROM t WHERE b IN (${'1,'.repeat(bytes / 2)}c)`,
  rows: (bytes) => `INSERT INTO t VALUES ${'(1,2),'.repeat(bytes / 6)}(1,2)`,
  lists: (bytes) => `SELECT ${'a IN (1,2) or '.repeat(bytes / 14)}true`,
  'arrays in arrays': (bytes) => `SELECT ${'ARRAY['.repeat(bytes / 6)}`,
  parentheses: (bytes) => `SELECT ${'('.repeat(bytes / 2)}1${')'.repeat(bytes / 2)}`,
  'parentheses in a list': (bytes) =>
    `SELECT a IN (${'('.repeat(bytes / 2)}1${')'.repeat(bytes / 2)})`,
  semicolons: (bytes) => `SELECT 1${';'.repeat(bytes)}`,
  'one long name': (bytes) => `SELECT ${'a'.repeat(bytes)}`,
  'one long number': (bytes) => `SELECT ${'1_'.repeat(bytes / 2)}1`,
  'one long string': (bytes) => `SELECT '${'a'.repeat(bytes)}'`,
  'percent signs': (bytes) => `SELECT ${'%('.repeat(bytes / 2)}`,
};
