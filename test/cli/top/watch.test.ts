import { EventEmitter } from 'node:events';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { CommandIo } from '../../../src/cli/command.ts';
import { printFrame, watch } from '../../../src/cli/top/watch.ts';
import { HostReader } from '../../../src/segments/host.ts';
import {
  RecordedProcess,
  runQuery,
  TestClock,
  temporaryDirectory,
} from '../../segments/support/recorded-process.ts';

const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?1049l';

class Terminal extends EventEmitter {
  readonly writes: string[] = [];
  readonly isTTY = true;
  columns = 80;
  rows = 24;

  write(text: string): boolean {
    this.writes.push(text);
    return true;
  }

  get text(): string {
    return this.writes.join('');
  }
}

class Keyboard extends EventEmitter {
  readonly isTTY = true;
  isRaw = false;
  isFlowing = false;

  setRawMode(isRaw: boolean): this {
    this.isRaw = isRaw;
    return this;
  }

  resume(): this {
    this.isFlowing = true;
    return this;
  }

  pause(): this {
    this.isFlowing = false;
    return this;
  }

  press(keys: string): void {
    this.emit('data', Buffer.from(keys));
  }
}

class Session {
  readonly clock = new TestClock();
  readonly process = new RecordedProcess({ clock: this.clock });
  readonly recorder = this.process.thread();
  readonly stdout = new Terminal();
  readonly stdin = new Keyboard();
  readonly interruption = new AbortController();
  readonly reader = new HostReader({
    directory: temporaryDirectory(),
    locks: undefined,
    own: this.process.reader(),
    nowNs: () => this.clock.nowNs,
  });
  readonly io: CommandIo = {
    stdout: this.stdout,
    stderr: this.stdout,
    stdin: this.stdin,
    env: {},
    signal: this.interruption.signal,
  };

  start(): Promise<void> {
    return watch(this.reader, this.io);
  }

  /** A second passes. */
  tick(): void {
    this.clock.advance(1_000);
    vi.advanceTimersByTime(1_000);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function expectRestored({ stdout, stdin }: Session): void {
  expect(stdout.text.startsWith(ENTER)).toBe(true);
  expect(stdout.text.endsWith(`\x1b[?25h${LEAVE}`)).toBe(true);
  expect(stdin).toMatchObject({ isRaw: false, isFlowing: false });
  expect([stdin.listenerCount('data'), stdout.listenerCount('resize')]).toEqual([0, 0]);
  expect(vi.getTimerCount()).toBe(0);
}

describe('watch', () => {
  it('draws a frame a second, each in one write, until q', async () => {
    const session = new Session();
    const ended = session.start();
    expect(session.stdin.isRaw).toBe(true);
    expect(session.stdout.writes).toHaveLength(2);
    for (let index = 0; index < 3; index += 1) {
      runQuery(session.recorder, session.clock, `SELECT * FROM table_${index}`, 5);
      session.tick();
      expect(session.stdout.writes).toHaveLength(3 + index);
      expect(session.stdout.writes.at(-1)).toContain(`table_${index}`);
    }
    session.stdin.press('q');
    await ended;
    expectRestored(session);
  });

  it('stops the picture while it is paused', async () => {
    const session = new Session();
    const ended = session.start();
    session.stdin.press('p');
    expect(session.stdout.text).toContain('paused');
    const count = session.stdout.writes.length;
    runQuery(session.recorder, session.clock, 'SELECT * FROM unseen', 5);
    session.tick();
    expect(session.stdout.writes).toHaveLength(count);
    session.stdin.press('p');
    session.tick();
    expect(session.stdout.text).toContain('unseen');
    session.stdin.press('\x03');
    await ended;
    expectRestored(session);
  });

  it('sorts by the key that is pressed', async () => {
    const session = new Session();
    const ended = session.start();
    session.stdin.press('c');
    expect(session.stdout.writes.at(-1)).toContain('now: calls');
    session.stdin.press('x?em');
    expect(session.stdout.writes.at(-1)).toContain('now: mean');
    session.stdin.press('q');
    await ended;
  });

  it('fills the terminal anew when its size has changed', async () => {
    const session = new Session();
    const ended = session.start();
    Object.assign(session.stdout, { columns: 40, rows: 6 });
    session.stdout.emit('resize');
    expect(session.stdout.writes.at(-2)).toBe('\x1b[2J');
    expect(session.stdout.writes.at(-1)).toContain('\x1b[6;1H');
    expect(session.stdout.writes.at(-1)).not.toContain('\x1b[7;1H');
    session.stdin.press('q');
    await ended;
  });

  it('gives the terminal back when it is interrupted', async () => {
    const session = new Session();
    const ended = session.start();
    session.interruption.abort();
    await ended;
    expectRestored(session);
  });

  it('gives the terminal back when something goes wrong, and says what', async () => {
    const session = new Session();
    const ended = session.start();
    session.process.setHeader('version', 99);
    const failed = expect(ended).rejects.toThrow('a newer version of hyperdjango wrote it');
    session.tick();
    await failed;
    expectRestored(session);
  });
});

describe('printFrame', () => {
  it('prints lines without a single control sequence where there is no terminal', () => {
    const session = new Session();
    runQuery(session.recorder, session.clock, 'SELECT * FROM products', 5);
    const writes: string[] = [];
    printFrame(session.reader, {
      ...session.io,
      stdout: { write: (text: string) => writes.push(text) },
    });
    expect(writes).toHaveLength(1);
    expect(writes[0]).toContain('SELECT * FROM products');
    // oxlint-disable-next-line no-control-regex
    expect(writes[0]).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
  });
});
