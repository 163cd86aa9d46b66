/**
 * Writes records of several words, as `native/src/record.zig` describes them. JavaScript cannot
 * order its plain stores, so that a reader in another thread goes by the checksum.
 */
import { writeChecksum } from '../checksum.ts';
import { readWord, writeWord } from '../words.ts';

/** Marks a record as being written. */
export function beginRecord(words: Uint32Array, record: number, oddSequence: number): void {
  writeWord(words, record, oddSequence);
}

/** {@link beginRecord} for a record that is changed in its place. */
export function beginRewrite(words: Uint32Array, record: number): void {
  const sequence = readWord(words, record);
  // Odd already where the thread that wrote it was stopped in the middle.
  writeWord(words, record, sequence - (sequence % 2) + 1);
}

/**
 * Closes what {@link beginRecord} opened.
 *
 * @param checksum which word of the record is its checksum.
 */
export function endRecord(words: Uint32Array, record: number, checksum: number): void {
  const complete = readWord(words, record) + 1;
  writeChecksum(words, record, checksum, complete);
  writeWord(words, record, complete);
}
