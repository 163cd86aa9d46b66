/** PostgreSQL 18's keywords of every class, and what the normaliser knows of some of them. */
import { mix1, mix2, WORD_SEED_1, WORD_SEED_2 } from './fingerprint.ts';

const KEYWORDS = `
  abort absent absolute access action add admin after aggregate all also alter always analyse
  analyze and any array as asc asensitive assertion assignment asymmetric at atomic attach
  attribute authorization backward before begin between bigint binary bit boolean both breadth
  by cache call called cascade cascaded case cast catalog chain char character characteristics
  check checkpoint class close cluster coalesce collate collation column columns comment
  comments commit committed compression concurrently conditional configuration conflict
  connection constraint constraints content continue conversion copy cost create cross csv cube
  current current_catalog current_date current_role current_schema current_time
  current_timestamp current_user cursor cycle data database day deallocate dec decimal declare
  default defaults deferrable deferred definer delete delimiter delimiters depends depth desc
  detach dictionary disable discard distinct do document domain double drop each else empty
  enable encoding encrypted end enforced enum error escape event except exclude excluding
  exclusive execute exists explain expression extension external extract false family fetch
  filter finalize first float following for force foreign format forward freeze from full
  function functions generated global grant granted greatest group grouping groups handler
  having header hold hour identity if ilike immediate immutable implicit import in include
  including increment indent index indexes inherit inherits initially inline inner inout input
  insensitive insert instead int integer intersect interval into invoker is isnull isolation
  join json json_array json_arrayagg json_exists json_object json_objectagg json_query
  json_scalar json_serialize json_table json_value keep key keys label language large last
  lateral leading leakproof least left level like limit listen load local localtime
  localtimestamp location lock locked logged mapping match matched materialized maxvalue merge
  merge_action method minute minvalue mode month move name names national natural nchar nested
  new next nfc nfd nfkc nfkd no none normalize normalized not nothing notify notnull nowait null
  nullif nulls numeric object objects of off offset oids old omit on only operator option
  options or order ordinality others out outer over overlaps overlay overriding owned owner
  parallel parameter parser partial partition passing password path period placing plan plans
  policy position preceding precision prepare prepared preserve primary prior privileges
  procedural procedure procedures program publication quote quotes range read real reassign
  recursive ref references referencing refresh reindex relative release rename repeatable
  replace replica reset restart restrict return returning returns revoke right role rollback
  rollup routine routines row rows rule savepoint scalar schema schemas scroll search second
  security select sequence sequences serializable server session session_user set setof sets
  share show similar simple skip smallint snapshot some source sql stable standalone start
  statement statistics stdin stdout storage stored strict string strip subscription substring
  support symmetric sysid system system_user table tables tablesample tablespace target temp
  template temporary text then ties time timestamp to trailing transaction transform treat
  trigger trim true truncate trusted type types uescape unbounded uncommitted unconditional
  unencrypted union unique unknown unlisten unlogged until update user using vacuum valid
  validate validator value values varchar variadic varying verbose version view views virtual
  volatile when where whitespace window with within without work wrapper write xml xmlattributes
  xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize
  xmltable year yes zone
`;

/** Keywords that steer the normaliser. */
export const WORD = {
  none: 0,
  array: 1,
  as: 2,
  by: 3,
  /** ABSENT, CALLED: an `ON NULL` after them is no value. */
  onNull: 4,
  cast: 5,
  default: 6,
  in: 7,
  is: 8,
  not: 9,
  /** NULL, TRUE, FALSE: a literal where an operand may stand. */
  constant: 10,
  on: 11,
  operator: 12,
  /** ORDER, GROUP, PARTITION: a BY after them is followed by an operand. */
  sorted: 13,
  uescape: 14,
  values: 15,
  /** BETWEEN, ESCAPE, PASSING, VALUE: an operator after an operand, a name elsewhere. */
  infix: 16,
  set: 17,
  alter: 18,
  /** ROLE, USER, DATABASE, SYSTEM: after ALTER, their SET takes a value. */
  configured: 19,
  /** CREATE: as behind FETCH and MOVE, a signed number may follow a {@link WORD_SIGNED} word. */
  counting: 20,
  to: 21,
  time: 22,
  /** FETCH, MOVE: {@link WORD.counting}, and the last word names a cursor. */
  moving: 23,
  /** SAVEPOINT and its kin: a name follows. */
  namedFirst: 24,
  /** RELEASE and its kin: the last word is a name. */
  namedLast: 25,
  rollback: 26,
} as const;

/** Any keyword. */
export const WORD_KEYWORD = 0x100;
/** Cannot end an expression: what follows is an operand, so a minus is a sign. */
export const WORD_BEFORE_OPERAND = 0x200;
/** Goes on the name of a type: `double precision`, `timestamp with time zone`. */
export const WORD_TYPE_TAIL = 0x400;
/** Takes a number, perhaps signed, in CREATE, ALTER, FETCH and MOVE. */
export const WORD_SIGNED = 0x800;
/** The part of an entry that holds one of {@link WORD}. */
export const WORD_MASK = 0xff;

const STEERING: readonly (readonly [id: number, words: string])[] = [
  [WORD.array, 'array'],
  [WORD.as, 'as'],
  [WORD.by, 'by'],
  [WORD.onNull, 'absent called'],
  [WORD.cast, 'cast'],
  [WORD.default, 'default'],
  [WORD.in, 'in'],
  [WORD.is, 'is'],
  [WORD.not, 'not'],
  [WORD.constant, 'null true false'],
  [WORD.on, 'on'],
  [WORD.operator, 'operator'],
  [WORD.sorted, 'order group partition'],
  [WORD.uescape, 'uescape'],
  [WORD.values, 'values'],
  [WORD.infix, 'between escape passing value'],
  [WORD.set, 'set'],
  [WORD.alter, 'alter'],
  [WORD.configured, 'role user database system'],
  [WORD.counting, 'create'],
  [WORD.to, 'to'],
  [WORD.time, 'time'],
  [WORD.moving, 'fetch move'],
  [WORD.namedFirst, 'declare execute listen notify prepare savepoint unlisten'],
  [WORD.namedLast, 'close deallocate release'],
  [WORD.rollback, 'rollback'],
];

const FLAGGED: readonly (readonly [flag: number, words: string])[] = [
  [
    WORD_BEFORE_OPERAND,
    `all and any asymmetric both case default distinct do else except fetch for from group having
     ilike in intersect into lateral leading like limit offset on only or order placing returning
     select similar some symmetric then to trailing union using variadic when where window with`,
  ],
  [
    WORD_TYPE_TAIL,
    `array character char day hour minute month precision second time to varying with without year
     zone`,
  ],
  [
    WORD_SIGNED,
    `absolute backward by cache fetch forward increment maxvalue minvalue move relative restart
     start with`,
  ],
];

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

function entries(): Map<string, number> {
  const entryOf = new Map<string, number>(words(KEYWORDS).map((word) => [word, WORD_KEYWORD]));
  for (const [id, list] of STEERING) {
    for (const word of words(list)) entryOf.set(word, (entryOf.get(word) ?? 0) | id);
  }
  for (const [flag, list] of FLAGGED) {
    for (const word of words(list)) entryOf.set(word, (entryOf.get(word) ?? 0) | flag);
  }
  return entryOf;
}

function hashLane(word: string, seed: number, mix: (hash: number, word: number) => number): number {
  let hash = seed;
  for (let index = 0; index < word.length; index += 4) {
    let group = 0;
    for (let offset = 0; offset < 4 && index + offset < word.length; offset += 1) {
      group |= word.charCodeAt(index + offset) << (8 * offset);
    }
    hash = mix(hash, group);
  }
  return hash;
}

/** A keyword, or the lack of one where the class is 0. */
interface Keyword {
  readonly word1: number;
  readonly word2: number;
  readonly wordClass: number;
}

const entryOfKeyword = entries();
/** The entries of the classes: keywords of one class are the same to the normaliser. */
export const ENTRY_OF_CLASS: readonly number[] = [0, ...new Set(entryOfKeyword.values())];

// Hash and displace: the upper bits of one hash name a bucket, those of the other a slot, which
// the bucket's displacement moves to where no other keyword is. So one look tells, without a
// branch on what no branch predictor knows, and in little memory.
const BUCKET_BITS = 8;
const SLOT_BITS = 10;
// A product is random in its upper bits only.
const BUCKET_SHIFT = 32 - BUCKET_BITS;
const SLOT_SHIFT = 32 - SLOT_BITS;
const SLOT_COUNT = 1 << SLOT_BITS;
const displacementOfBucket = new Uint16Array(1 << BUCKET_BITS);
/** Both hashes of the keyword in each slot, side by side. */
const wordsOfSlot = new Int32Array(2 * SLOT_COUNT);
const classOfSlot = new Uint8Array(SLOT_COUNT);

function slotBefore(word2: number, multiplier: number): number {
  return Math.imul(word2, multiplier) >>> SLOT_SHIFT;
}

/** @returns false where a bucket finds no place. */
function placeBucket(bucket: number, keywords: readonly Keyword[], multiplier: number): boolean {
  const slots = keywords.map(({ word2 }) => slotBefore(word2, multiplier));
  if (new Set(slots).size < slots.length) return false;
  let displacement = 0;
  while (slots.some((slot) => classOfSlot[slot ^ displacement] !== 0)) {
    displacement += 1;
    if (displacement === SLOT_COUNT) return false;
  }
  displacementOfBucket[bucket] = displacement;
  for (const [index, { word1, word2, wordClass }] of keywords.entries()) {
    const slot = (slots[index] as number) ^ displacement;
    wordsOfSlot[2 * slot] = word1;
    wordsOfSlot[2 * slot + 1] = word2;
    classOfSlot[slot] = wordClass;
  }
  return true;
}

/** @returns the first multiplier with which every keyword finds a slot. */
function placeKeywords(): number {
  const buckets = new Map<number, Keyword[]>();
  for (const [word, entry] of entryOfKeyword) {
    const word1 = hashLane(word, WORD_SEED_1, mix1);
    const word2 = hashLane(word, WORD_SEED_2, mix2);
    const bucket = word1 >>> BUCKET_SHIFT;
    const keyword = { word1, word2, wordClass: ENTRY_OF_CLASS.indexOf(entry) };
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), keyword]);
  }
  // The fullest first, while there is most room.
  const ordered = [...buckets].toSorted(([, a], [, b]) => b.length - a.length);
  let multiplier = 1;
  while (!ordered.every(([bucket, keywords]) => placeBucket(bucket, keywords, multiplier))) {
    classOfSlot.fill(0);
    multiplier += 2;
  }
  return multiplier;
}

const SLOT_MULTIPLIER = placeKeywords();

/**
 * The class of the word with these two hashes; 0 for no keyword. The hashes stand for the text:
 * 64 bits over fewer than 500 keywords.
 */
export function keywordClass(word1: number, word2: number): number {
  const displacement = displacementOfBucket[word1 >>> BUCKET_SHIFT] as number;
  const slot = slotBefore(word2, SLOT_MULTIPLIER) ^ displacement;
  const difference =
    ((wordsOfSlot[slot << 1] as number) ^ word1) |
    ((wordsOfSlot[(slot << 1) + 1] as number) ^ word2);
  // All ones where there is a difference.
  const mask = (difference | -difference) >> 31;
  return (classOfSlot[slot] as number) & ~mask;
}

/** What is known of the word. */
export function keywordEntry(word1: number, word2: number): number {
  return ENTRY_OF_CLASS[keywordClass(word1, word2)] as number;
}
