/** A statement as UTF-8 in memory that is used again and again. */
import { MEMORY } from './memory.ts';

/** How many NUL bytes follow the text: a scan may look this far ahead. */
const PADDING_BYTES = 16;
/** UTF-8 has at most so many bytes for a unit of a string. */
const UNIT_BYTES_MAX = 3;

const encoder = new TextEncoder();

export class SqlSource {
  byteLength = 0;
  /** {@link MEMORY}, except for a statement too long for it. */
  bytes: Uint8Array = MEMORY;
  view: DataView = new DataView(MEMORY.buffer);
  #buffer: Buffer = Buffer.from(MEMORY.buffer);
  #sql = '';
  #isAscii = true;
  #hasOwnMemory = false;

  /** Lone surrogates become U+FFFD, as they do through N-API. */
  load(sql: string): void {
    const isLong = sql.length * UNIT_BYTES_MAX + PADDING_BYTES > MEMORY.length;
    if (isLong) this.#use(new Uint8Array(Buffer.byteLength(sql) + PADDING_BYTES));
    else if (this.#hasOwnMemory) this.#use(MEMORY);
    const { written } = encoder.encodeInto(sql, this.#buffer);
    this.view.setFloat64(written, 0);
    this.view.setFloat64(written + 8, 0);
    this.byteLength = written;
    this.#sql = sql;
    this.#isAscii = written === sql.length;
  }

  /** The text between two byte offsets. */
  slice(start: number, end: number): string {
    return this.#isAscii ? this.#sql.slice(start, end) : this.#buffer.toString('utf8', start, end);
  }

  /** The same text, without keeping a much longer statement alive as slices of it do. */
  isolate(text: string): string {
    const isWasteful = this.#sql.length > 1024 && this.#sql.length > 2 * text.length;
    return isWasteful ? Buffer.from(text).toString() : text;
  }

  /** Lets go of the statement, and of memory of its own. */
  release(): void {
    this.#sql = '';
    if (this.#hasOwnMemory) this.#use(MEMORY);
  }

  #use(memory: Uint8Array): void {
    this.bytes = memory;
    this.view = new DataView(memory.buffer);
    this.#buffer = Buffer.from(memory.buffer);
    this.#hasOwnMemory = memory !== MEMORY;
  }
}
