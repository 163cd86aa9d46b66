import type { OutputStream } from '../command.ts';

const ESC = '\x1b[';
/** Terminals that know these show a frame at once; the others ignore them. */
const BEGIN_FRAME = `${ESC}?2026h`;
const END_FRAME = `${ESC}?2026l`;
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}2J`;
const LEAVE = `${ESC}?25h${ESC}?1049l`;

/**
 * A terminal's second screen, on which frames are drawn. Only the lines that differ from the
 * frame before are written, all in one write: nothing flickers, and little goes over a slow line.
 */
export class Screen {
  readonly #stream: OutputStream;
  #lines: readonly string[] = [];
  #isOpen = false;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  /** What the user had on the terminal stays below, and comes back with {@link Screen.leave}. */
  enter(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#lines = [];
    this.#stream.write(ENTER);
  }

  /** Does nothing where the screen is not open: may be called from everywhere. */
  leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#stream.write(LEAVE);
  }

  /** The terminal's size has changed, and with it what it shows. */
  clear(): void {
    this.#lines = [];
    if (this.#isOpen) this.#stream.write(`${ESC}2J`);
  }

  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const changes: string[] = [];
    const count = Math.max(lines.length, this.#lines.length);
    for (let index = 0; index < count; index += 1) {
      const line = lines[index] ?? '';
      if (line === (this.#lines[index] ?? '')) continue;
      // Cleared first: after a line as wide as the terminal, that would take its last character.
      changes.push(`${ESC}${index + 1};1H${ESC}K${line}`);
    }
    this.#lines = lines;
    if (changes.length > 0) this.#stream.write(BEGIN_FRAME + changes.join('') + END_FRAME);
  }
}
