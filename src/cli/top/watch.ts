import type { HostReader, HostSnapshot } from '../../segments/index.ts';
import type { CommandIo } from '../command.ts';
import { painter } from '../paint.ts';
import { renderFrame } from './frame.ts';
import { Screen } from './screen.ts';
import { SORT_ORDERS, type SortOrder, topViewOf } from './view.ts';

const INTERVAL_MS = 1_000;
const PLAIN_SIZE = { columns: 120, rows: 60 } as const;
/** What a terminal has that does not say how large it is. */
const TERMINAL_SIZE = { columns: 80, rows: 24 } as const;

/** Bytes of keys that are no letters, as a terminal in raw mode sends them. */
const CTRL_C = '\x03';
const CTRL_Z = '\x1a';

/** Prints what a first frame of each application shows, once. */
export function printFrame(reader: HostReader, { stdout }: CommandIo): void {
  const frames = reader.applications({ histograms: false }).map((snapshot) => {
    const lines = renderFrame(topViewOf(undefined, snapshot, 'time'), {
      ...PLAIN_SIZE,
      sort: 'time',
      isPaused: false,
      hasKeys: false,
      place: '',
      paint: painter(stdout),
      clock: clockOf(new Date()),
    });
    return `${lines.join('\n')}\n`;
  });
  stdout.write(frames.join('\n'));
}

/** Draws a frame a second, until `q` or the signal. The terminal is left as it was found. */
export async function watch(reader: HostReader, io: CommandIo): Promise<void> {
  const watcher = new Watcher(reader, io);
  const restore = (): void => watcher.leave();
  // Whatever ends the process, the terminal is given back.
  process.once('exit', restore);
  try {
    await watcher.run();
  } finally {
    process.off('exit', restore);
    restore();
  }
}

class Watcher {
  readonly #reader: HostReader;
  readonly #io: CommandIo;
  readonly #screen: Screen;
  /** One for each application. */
  #previous: readonly HostSnapshot[] = [];
  #current: readonly HostSnapshot[] = [];
  /** The application that is shown; undefined for the first. */
  #app: string | undefined;
  #drawnAt = new Date();
  #sort: SortOrder = 'time';
  #isPaused = false;
  #wake: () => void = () => {};
  #fail: (error: unknown) => void = () => {};

  constructor(reader: HostReader, io: CommandIo) {
    this.#reader = reader;
    this.#io = io;
    this.#screen = new Screen(io.stdout);
  }

  async run(): Promise<void> {
    const { stdout, stdin, signal } = this.#io;
    const onKeys = (bytes: Buffer): void => this.#guarded(() => this.#press(bytes.toString()));
    const onResize = (): void => this.#guarded(() => this.#redraw());
    const onTick = (): void => this.#guarded(() => this.#tick());
    const ended = new Promise<void>((resolve, reject) => {
      this.#wake = resolve;
      this.#fail = reject;
    });
    const onAbort = (): void => this.#wake();
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    stdout.on?.('resize', onResize);
    stdin?.on('data', onKeys);
    process.on('SIGCONT', onResize);
    const timer = setInterval(onTick, INTERVAL_MS);
    try {
      this.#enter();
      onTick();
      await ended;
    } finally {
      clearInterval(timer);
      process.off('SIGCONT', onResize);
      stdin?.off('data', onKeys);
      stdout.off?.('resize', onResize);
      signal.removeEventListener('abort', onAbort);
      this.leave();
      stdin?.pause();
    }
  }

  leave(): void {
    this.#screen.leave();
    if (this.#io.stdin?.isTTY === true) this.#io.stdin.setRawMode?.(false);
  }

  #enter(): void {
    const { stdin } = this.#io;
    if (stdin?.isTTY === true) {
      stdin.setRawMode?.(true);
      stdin.resume();
    }
    this.#screen.enter();
  }

  #tick(): void {
    if (this.#isPaused) return;
    const snapshots = this.#reader.applications({ histograms: false });
    this.#previous = this.#current;
    this.#current = snapshots;
    this.#drawnAt = new Date();
    this.#draw();
  }

  #press(keys: string): void {
    for (const key of keys) {
      const order = SORT_ORDERS.find((name) => name.startsWith(key));
      if (key === 'q' || key === CTRL_C) this.#wake();
      else if (key === CTRL_Z) this.#suspend();
      else if (key === 'p' || key === ' ') this.#isPaused = !this.#isPaused;
      else if (key === 'a') this.#app = nameOf(this.#current[this.#shown() + 1]);
      else if (order !== undefined) this.#sort = order;
    }
    this.#draw();
  }

  /** In raw mode the terminal does not do it; SIGCONT brings the frame back. */
  #suspend(): void {
    this.leave();
    process.kill(process.pid, 'SIGTSTP');
  }

  #redraw(): void {
    this.#enter();
    this.#screen.clear();
    this.#draw();
  }

  #draw(): void {
    const at = this.#shown();
    const current = this.#current[at];
    if (current === undefined) return;
    const { stdout } = this.#io;
    const previous = this.#previous.find((other) => nameOf(other) === nameOf(current));
    const view = topViewOf(previous, current, this.#sort);
    const count = this.#current.length;
    const lines = renderFrame(view, {
      columns: stdout.columns || TERMINAL_SIZE.columns,
      rows: stdout.rows || TERMINAL_SIZE.rows,
      sort: this.#sort,
      isPaused: this.#isPaused,
      hasKeys: true,
      place: count > 1 ? `${at + 1} of ${count}, a: next` : '',
      paint: painter(stdout),
      clock: clockOf(this.#drawnAt),
    });
    this.#screen.draw(lines);
  }

  /** The place of the application that is shown; of the first where it is gone, or none was chosen. */
  #shown(): number {
    const at = this.#current.findIndex((snapshot) => nameOf(snapshot) === this.#app);
    return Math.max(0, at);
  }

  /** An error in a listener ends the command as one in its own course would. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }
}

function clockOf(date: Date): string {
  return date.toTimeString().slice(0, 8);
}

function nameOf(snapshot: HostSnapshot | undefined): string | undefined {
  return snapshot?.processes[0]?.appName;
}
