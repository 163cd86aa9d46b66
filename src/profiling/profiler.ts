import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';

import type { Engine } from '../engine/engine.ts';
import { loadEngine } from '../engine/load.ts';
import { knownOptions, numberOption, stringOption } from '../util/options.ts';
import type { Profile, ProfileSpan } from './profile.ts';

/** Options of {@link Profiler}. */
export interface ProfilerOptions {
  /**
   * Spans that are kept; the others are counted. 1 to 1,000,000.
   *
   * @defaultValue 1000
   */
  readonly maxSpans?: number;
}

/** A span that {@link Profiler.start} has begun. */
export interface OpenSpan {
  /** Ends it; a second call does nothing. */
  end(): void;
}

interface SpanRecord {
  readonly name: string;
  readonly parentIndex: number;
  readonly startNs: number;
  /** -1 while it is open. */
  durationNs: number;
}

/** Where a span that starts now belongs: what runs in one `span()`, apart from what runs beside. */
interface Frame {
  readonly profiler: Profiler;
  readonly outer: Frame | undefined;
  /** The span around all of the frame, then those that `start()` has begun in it. */
  readonly openIndexes: number[];
}

const NOT_KEPT: OpenSpan = { end: () => {} };

/** One for all profilers: each instance makes every promise of the process dearer. */
const frames = new AsyncLocalStorage<Frame>();

/**
 * Measures named stretches of one piece of work, nested as they were called, sync and async.
 * Spans that run at the same time, as under `Promise.all`, each stand below the one that called
 * them.
 *
 * @example
 * ```ts
 * import { Profiler, toSpeedscope } from 'hyperdjango/profiling';
 *
 * const profiler = new Profiler('nightly report');
 * const rows = await profiler.span('load', async () => [1, 2, 3]);
 * const span = profiler.start('render');
 * console.log(rows.length);
 * span.end();
 * console.log(JSON.stringify(toSpeedscope(profiler.finish())));
 * ```
 */
export class Profiler {
  /** Of the profile, and of its first span. */
  readonly name: string;
  readonly #maxSpans: number;
  readonly #engine: Engine;
  readonly #startedAt: number;
  readonly #startNs: number;
  readonly #spans: SpanRecord[] = [];
  readonly #root: Frame = { profiler: this, outer: undefined, openIndexes: [0] };
  #droppedSpans = 0;
  #finished: Profile | undefined;

  /**
   * Starts the clock.
   *
   * @throws {OptionError} where the name is empty, or an option is unknown or out of its range.
   */
  constructor(name: string, options: ProfilerOptions = {}) {
    this.name = stringOption('new Profiler(name)', name);
    knownOptions('Profiler', options, ['maxSpans']);
    const { maxSpans = 1_000 } = options;
    this.#maxSpans = numberOption('Profiler.maxSpans', maxSpans, {
      min: 1,
      max: 1_000_000,
      integer: true,
    });
    this.#engine = loadEngine().engine;
    this.#startedAt = Date.now();
    this.#startNs = this.#engine.nowNs();
    this.#spans.push({ name: this.name, parentIndex: -1, startNs: 0, durationNs: -1 });
  }

  /**
   * Runs `fn` in a span, which ends when `fn` does, or the promise that it returns.
   *
   * @returns what `fn` returns; a promise where it is one, that settles in the same way.
   * @throws what `fn` throws, untouched.
   */
  span<T>(name: string, fn: () => T): T {
    const index = this.#open(name);
    if (index === -1) return fn();
    const frame: Frame = { profiler: this, outer: frames.getStore(), openIndexes: [index] };
    let result: T;
    try {
      result = frames.run(frame, fn);
    } catch (error) {
      this.#close(index);
      throw error;
    }
    if (!(result instanceof Promise)) {
      this.#close(index);
      return result;
    }
    return result.finally(() => this.#close(index)) as T;
  }

  /**
   * Begins a span that `end()` ends. What starts before that, in the same async function or
   * called by it, is inside.
   */
  start(name: string): OpenSpan {
    const index = this.#open(name);
    if (index === -1) return NOT_KEPT;
    const { openIndexes } = this.#frame();
    openIndexes.push(index);
    return {
      end: () => {
        const position = openIndexes.indexOf(index);
        if (position !== -1) openIndexes.splice(position, 1);
        this.#close(index);
      },
    };
  }

  /** Ends the profile and what is open in it. Later spans are not kept; a second call does nothing. */
  finish(): Profile {
    if (this.#finished !== undefined) return this.#finished;
    const durationNs = this.#nowNs();
    const spans = this.#spans.map((span, index): ProfileSpan => ({
      name: span.name,
      parentIndex: span.parentIndex,
      startNs: span.startNs,
      durationNs: span.durationNs === -1 ? durationNs - span.startNs : span.durationNs,
      isUnfinished: span.durationNs === -1 && index > 0,
    }));
    this.#finished = {
      id: randomUUID(),
      name: this.name,
      startedAt: this.#startedAt,
      durationNs,
      spans,
      droppedSpans: this.#droppedSpans,
    };
    return this.#finished;
  }

  #nowNs(): number {
    return Math.max(0, this.#engine.nowNs() - this.#startNs);
  }

  /** The innermost frame of this profiler around the caller; another profiler's may lie between. */
  #frame(): Frame {
    let frame = frames.getStore();
    while (frame !== undefined && frame.profiler !== this) frame = frame.outer;
    return frame ?? this.#root;
  }

  /** @returns -1 where the span is not kept. */
  #open(name: string): number {
    if (this.#finished !== undefined) return -1;
    // The whole profile is a span too, but none of the user's.
    if (this.#spans.length > this.#maxSpans) {
      this.#droppedSpans += 1;
      return -1;
    }
    const parentIndex = this.#frame().openIndexes.at(-1) ?? 0;
    this.#spans.push({ name: String(name), parentIndex, startNs: this.#nowNs(), durationNs: -1 });
    return this.#spans.length - 1;
  }

  #close(index: number): void {
    const span = this.#spans[index];
    if (span !== undefined && span.durationNs === -1) {
      span.durationNs = Math.max(0, this.#nowNs() - span.startNs);
    }
  }
}
