/**
 * Tells sets of parameters apart without keeping any of them.
 *
 * The hash covers what a query was given and, as they are in its text, its literals. Its key is new
 * in each process, and it stays on the query: it is written to no file and no segment. Of 32 sets,
 * as many as a scope takes of a statement, two agree by chance about once in nine million scopes.
 */
import { randomInt } from 'node:crypto';
import { types } from 'node:util';

/** Of parameters that cannot be told apart: they count as different from all others. */
export const UNKNOWN_PARAMETERS = -1;

const KEY = randomInt(2 ** 32) | 0;
/** Characters, bytes and elements of one query: what has more is not looked at. */
const UNITS_MAX = 16_384;
/** Of arrays within arrays. */
const DEPTH_MAX = 4;

/** One hash in the making. */
class Hasher {
  #state = KEY;
  #unitsLeft = UNITS_MAX;

  /** @returns false where it cannot be told from others. */
  add(value: unknown, depth: number): boolean {
    switch (typeof value) {
      case 'string':
        return this.#addText(1, value);
      case 'number':
        return this.#addText(2, String(value));
      case 'bigint':
        return this.#addText(3, String(value));
      case 'boolean':
        return this.#addText(4, value ? 't' : 'f');
      case 'undefined':
        return this.#addText(5, '');
      case 'object':
        return value === null ? this.#addText(5, '') : this.#addObject(value, depth);
      default:
        return false;
    }
  }

  /** Hashes are compared with each other and nothing else: no last step has to spread their bits. */
  result(): number {
    return this.#state >>> 0;
  }

  /** What would run code of the application's to be read is left alone. */
  #addObject(value: object, depth: number): boolean {
    if (types.isProxy(value)) return false;
    if (Array.isArray(value)) return this.#addList(value, depth);
    if (types.isDate(value)) return this.#addText(6, String(Date.prototype.getTime.call(value)));
    return types.isUint8Array(value) && this.#addBytes(value);
  }

  #addList(values: readonly unknown[], depth: number): boolean {
    if (depth === DEPTH_MAX || !this.#take(values.length)) return false;
    this.#mix(7);
    this.#mix(values.length);
    return values.every((value) => this.add(value, depth + 1));
  }

  #addBytes(bytes: Uint8Array): boolean {
    if (!this.#take(bytes.length)) return false;
    this.#mix(8);
    this.#mix(bytes.length);
    for (const byte of bytes) this.#mix(byte);
    return true;
  }

  #addText(kind: number, text: string): boolean {
    if (!this.#take(text.length)) return false;
    this.#mix(kind);
    this.#mix(text.length);
    for (let index = 0; index < text.length; index += 1) this.#mix(text.charCodeAt(index));
    return true;
  }

  #take(units: number): boolean {
    this.#unitsLeft -= units + 1;
    return this.#unitsLeft >= 0;
  }

  /** A step of FNV-1a, and a turn: whole units reach the upper bits too. */
  #mix(unit: number): void {
    const mixed = Math.imul(this.#state ^ unit, 0x01000193);
    this.#state = (mixed << 13) | (mixed >>> 19);
  }
}

/**
 * @param sql the text as it was issued. Comments before and behind it, which tools number, are
 * left out.
 * @returns an unsigned integer of 32 bits, or {@link UNKNOWN_PARAMETERS}: for values that nothing
 * but their own code can turn into text, and for very long ones.
 */
export function hashParameters(sql: string, values: readonly unknown[] | undefined): number {
  if (sql.length > UNITS_MAX) return UNKNOWN_PARAMETERS;
  const hasher = new Hasher();
  const isKnown = hasher.add(withoutOuterComments(sql), 0) && hasher.add(values ?? [], 0);
  return isKnown ? hasher.result() : UNKNOWN_PARAMETERS;
}

function withoutOuterComments(sql: string): string {
  let text = sql.trim();
  if (text.startsWith('/*')) text = text.slice(text.indexOf('*/') + 2);
  if (text.endsWith('*/')) text = text.slice(0, text.lastIndexOf('/*'));
  return text.trim();
}
