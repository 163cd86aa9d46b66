import { expect, it } from 'vitest';

import { Screen } from '../../../src/cli/top/screen.ts';

/** Enough of a terminal to tell what a user would see of what was written. */
class Terminal {
  readonly writes: string[] = [];
  isTTY = true;

  write(text: string): boolean {
    this.writes.push(text);
    return true;
  }

  /** Lines on the second screen, by following the cursor. */
  shown(): string[] {
    const lines: string[] = [];
    let row = 0;
    // oxlint-disable-next-line no-control-regex
    const sequences = /\x1b\[([?\d;]*[A-Za-z])|([^\x1b]+)/g;
    for (const [, code, plain] of this.writes.join('').matchAll(sequences)) {
      if (code === '2J') lines.length = 0;
      else if (code?.endsWith('H') === true) row = Number(code.split(';')[0]) - 1;
      else if (code === 'K') lines[row] = '';
      else if (plain !== undefined) lines[row] = (lines[row] ?? '') + plain;
    }
    return lines;
  }
}

it('writes a frame at once, and of the next one only the lines that differ', () => {
  const terminal = new Terminal();
  const screen = new Screen(terminal);
  screen.enter();
  screen.draw(['one', 'two', 'three']);
  expect(terminal.writes).toHaveLength(2);
  screen.draw(['one', '2', 'three']);
  expect(terminal.writes[2]).toBe('\x1b[?2026h\x1b[2;1H\x1b[K2\x1b[?2026l');
  screen.draw(['one', '2', 'three']);
  expect(terminal.writes).toHaveLength(3);
  expect(terminal.shown()).toEqual(['one', '2', 'three']);
});

it('takes lines away that the next frame does not have', () => {
  const terminal = new Terminal();
  const screen = new Screen(terminal);
  screen.enter();
  screen.draw(['one', 'two', 'three']);
  screen.draw(['one']);
  expect(terminal.shown()).toEqual(['one', '', '']);
});

it('draws everything anew when the terminal was cleared', () => {
  const terminal = new Terminal();
  const screen = new Screen(terminal);
  screen.enter();
  screen.draw(['one', 'two']);
  screen.clear();
  expect(terminal.shown()).toEqual([]);
  screen.draw(['one', 'two']);
  expect(terminal.shown()).toEqual(['one', 'two']);
});

it('gives the terminal back once, with its cursor, and draws no more', () => {
  const terminal = new Terminal();
  const screen = new Screen(terminal);
  screen.enter();
  screen.enter();
  screen.leave();
  screen.leave();
  screen.draw(['late']);
  expect(terminal.writes).toEqual(['\x1b[?1049h\x1b[?25l\x1b[2J', '\x1b[?25h\x1b[?1049l']);
});
