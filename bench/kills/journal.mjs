/**
 * What a victim notes down for itself, by a system call for each line: the kernel keeps what was
 * written when the process is killed. Notes stand before and after each of our own steps, so that
 * what must be in flight and what may be follow from the notes alone.
 *
 *   begin  the application is about to ask for the query; our `begin` comes after it
 *   sent   the driver hands the query's bytes to its socket; our `begin` came before it
 *   answer the first bytes of the answer are there; our `end` comes after it
 *   done   the application has the rows; our `end` came before it
 *   enter  the handler of the request runs; its begin came before it
 *   leave  the handler is about to return; its end comes after it
 *   closed the response is closed; its end came before it
 */
import { fstatSync, readSync, writeSync } from 'node:fs';

/** Where the victim finds its journal open. */
export const JOURNAL_FD = 3;

export function note(what, ...numbers) {
  writeSync(JOURNAL_FD, `${what} ${numbers.join(' ')}\n`);
}

/**
 * @returns {Record<string, Map<number, number[]>>} by kind of note, its further numbers by its
 * first one. A line that was cut off counts as not written.
 */
export function readJournal(fd) {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  readSync(fd, bytes, 0, bytes.length, 0);
  const notes = Object.fromEntries(
    ['begin', 'sent', 'answer', 'done', 'enter', 'leave', 'closed'].map((what) => [
      what,
      new Map(),
    ]),
  );
  for (const line of bytes.toString('latin1').split('\n').slice(0, -1)) {
    const [what, number, ...more] = line.split(' ');
    notes[what].set(Number(number), more.map(Number));
  }
  return notes;
}
