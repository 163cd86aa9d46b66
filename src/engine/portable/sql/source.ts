/** A statement as UTF-8 in memory that is used again and again. */

/** How many NUL bytes follow the text: a scan may look this far ahead. */
const PADDING_BYTES = 16;
/** Memory kept between statements; a longer one gets memory of its own. */
const KEPT_BYTES = 1 << 18;

const encoder = new TextEncoder();

export class SqlSource {
  byteLength = 0;
  bytes: Uint8Array = new Uint8Array(4096);
  view: DataView = new DataView(this.bytes.buffer);
  #buffer: Buffer = Buffer.from(this.bytes.buffer);
  #sql = '';
  #isAscii = true;

  /** Lone surrogates become U+FFFD, as they do through N-API. */
  load(sql: string): void {
    const isLong = sql.length > KEPT_BYTES / 4;
    const capacity = (isLong ? Buffer.byteLength(sql) : sql.length * 3) + PADDING_BYTES;
    if (capacity > this.bytes.length) this.#grow(capacity);
    const { written } = encoder.encodeInto(sql, this.bytes);
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

  /** Lets go of the statement, and of memory beyond the usual. */
  release(): void {
    this.#sql = '';
    if (this.bytes.length > KEPT_BYTES) this.#grow(KEPT_BYTES);
  }

  #grow(capacity: number): void {
    this.bytes = new Uint8Array(Math.max(capacity, Math.min(2 * capacity, KEPT_BYTES)));
    this.view = new DataView(this.bytes.buffer);
    this.#buffer = Buffer.from(this.bytes.buffer);
  }
}
