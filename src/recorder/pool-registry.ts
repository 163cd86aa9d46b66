import type { EngineRecorder } from '../engine/engine.ts';

/** What a pool is doing now. */
export interface PoolState {
  /** Such as `localhost:5432/shop`. */
  readonly name: string;
  readonly total: number;
  readonly idle: number;
  readonly active: number;
  readonly waiting: number;
  readonly max: number;
}

/** Pools that are watched at once. */
const POOLS_MAX = 64;

/** How old the figures of a pool may be that other processes see. */
const REPORT_INTERVAL_MS = 1_000;
/** Rows that the engine has for pools. */
const REPORTED_MAX = 16;

/** The pools that the application uses, for as long as it holds on to them. */
export class PoolRegistry {
  readonly #known = new WeakSet();
  /** Each gives undefined when its pool is gone. */
  #readers: (() => PoolState | undefined)[] = [];
  /** Pools that found no place. */
  droppedCount = 0;
  readonly #report: (states: readonly PoolState[]) => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param report gets the states once a second, from the first pool on. */
  constructor(report: (states: readonly PoolState[]) => void = () => {}) {
    this.#report = report;
  }

  /** A second call for one pool does nothing. */
  add<T extends object>(pool: T, describe: (pool: T) => PoolState): void {
    if (this.#known.has(pool)) return;
    this.#known.add(pool);
    if (this.#readers.length === POOLS_MAX) {
      this.#readers = this.#readers.filter((read) => read() !== undefined);
    }
    if (this.#readers.length === POOLS_MAX) {
      this.droppedCount += 1;
      return;
    }
    const reference = new WeakRef(pool);
    this.#readers.push(() => {
      const alive = reference.deref();
      return alive === undefined ? undefined : describe(alive);
    });
    this.#report(this.states());
    this.#timer ??= setInterval(() => this.#report(this.states()), REPORT_INTERVAL_MS).unref();
  }

  states(): PoolState[] {
    return this.#readers.map((read) => read()).filter((state) => state !== undefined);
  }
}

/** Writes down what the pools are doing, for readers outside. */
export function reportPools(recorder: EngineRecorder, states: readonly PoolState[]): void {
  for (let row = 0; row < REPORTED_MAX; row += 1) {
    const state = states[row];
    if (state === undefined) recorder.recordPool(row, '', 0, 0, 0, 0);
    else {
      const { name, total, idle, waiting, max } = state;
      recorder.recordPool(row, name, total, idle, waiting, max);
    }
  }
}
