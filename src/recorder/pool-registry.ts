import { AsyncResource } from 'node:async_hooks';

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
  /** Missing where the driver does not tell. */
  readonly times?: PoolTimes;
}

/** What a pool has taken since it was first seen, in milliseconds. */
export interface PoolTimes {
  readonly checkoutCount: number;
  /** From asking for a client to having it. */
  readonly waitTotalMs: number;
  readonly waitMaxMs: number;
  /** Waits that ended without a client: by a time-out, or as none could be opened. */
  readonly timeoutCount: number;
  /** Connections that were opened for a checkout; their time is part of its wait. */
  readonly connectCount: number;
  readonly connectTotalMs: number;
  readonly connectMaxMs: number;
  /** Clients that the application took and gave back, from having one to its release. */
  readonly heldCount: number;
  readonly heldTotalMs: number;
  readonly heldMaxMs: number;
}

/** Pools that are watched at once. */
const POOLS_MAX = 64;

/** A pool whose queue stays as long as it is gets written down this often at most. */
const REPORT_EVERY_NS = 100e6;

/** And one whose queue changes with every query this often: to write it down costs more than one. */
const NEWS_EVERY_NS = 1e6;
/** Clients are given back without a word: pools with some out are looked at again after this. */
const LOOK_AGAIN_MS = 250;

/** A pool's place in the registry. */
export class PoolEntry {
  /** In the engine's table; the lowest that is free. */
  readonly row: number;
  /** undefined when the pool is gone. */
  readonly read: () => PoolState | undefined;
  /** As was last written down, and when. */
  waiting = 0;
  reportedNs = 0;
  readonly #registry: PoolRegistry;

  constructor(registry: PoolRegistry, row: number, read: PoolEntry['read']) {
    this.#registry = registry;
    this.row = row;
    this.read = read;
  }

  /**
   * Something has happened to the pool: writes down what it is doing if its queue has changed, or
   * if that was last done a while ago. A change right after another one is left to the next look.
   *
   * @param nowNs when a request or query last began is new enough, and costs no look at the clock.
   */
  note(waiting: number, nowNs: number): void {
    const isNews = waiting !== this.waiting;
    if (nowNs - this.reportedNs >= (isNews ? NEWS_EVERY_NS : REPORT_EVERY_NS)) {
      this.#registry.report(this);
    } else if (isNews) {
      this.#registry.lookAgain();
    }
  }
}

/**
 * The pools that the application uses, for as long as it holds on to them. What they are doing is
 * written into the engine's memory too, where other processes see it.
 */
export class PoolRegistry {
  readonly #core: Pick<EngineRecorder, 'recordPool'>;
  readonly #nowNs: () => number;
  #entries: PoolEntry[] = [];
  /** A timer of its own context keeps no request alive that happened to start it. */
  readonly #context = new AsyncResource('hyperdjango.pools');
  #timer: NodeJS.Timeout | undefined;
  /** Pools that found no place. */
  droppedCount = 0;

  /** @param nowNs reads the clock on which queries begin. */
  constructor(core: Pick<EngineRecorder, 'recordPool'>, nowNs: () => number) {
    this.#core = core;
    this.#nowNs = nowNs;
  }

  /** @returns undefined where there is no place for it. */
  add<T extends object>(pool: T, describe: (pool: T) => PoolState): PoolEntry | undefined {
    this.#letGo();
    if (this.#entries.length === POOLS_MAX) {
      this.droppedCount += 1;
      return undefined;
    }
    const reference = new WeakRef(pool);
    const read = (): PoolState | undefined => {
      const alive = reference.deref();
      return alive === undefined ? undefined : describe(alive);
    };
    const rows = new Set(this.#entries.map(({ row }) => row));
    let row = 0;
    while (rows.has(row)) row += 1;
    const entry = new PoolEntry(this, row, read);
    this.#entries.push(entry);
    this.report(entry);
    return entry;
  }

  /** Whether all pools are written down in a while without a word from anybody. */
  get isLooking(): boolean {
    return this.#timer !== undefined;
  }

  states(): PoolState[] {
    return this.#entries.map(({ read }) => read()).filter((state) => state !== undefined);
  }

  /** Writes down what the pool is doing. */
  report(entry: PoolEntry): void {
    const state = entry.read();
    if (state === undefined) return;
    entry.waiting = state.waiting;
    entry.reportedNs = this.#nowNs();
    const { name, total, idle, active, waiting, max } = state;
    this.#core.recordPool(entry.row, name, total, idle, waiting, max);
    if (active > 0 || waiting > 0) this.lookAgain();
  }

  /** After a while. */
  lookAgain(): void {
    if (this.#timer !== undefined) return;
    this.#timer = this.#context.runInAsyncScope(() =>
      setTimeout(() => this.#look(), LOOK_AGAIN_MS),
    );
    this.#timer.unref();
  }

  #look(): void {
    this.#timer = undefined;
    try {
      this.#letGo();
      for (const entry of this.#entries) this.report(entry);
    } catch {
      // A pool that cannot be described faults at its next checkout too, and is reported there.
    }
  }

  /** Frees the rows of pools that are gone. */
  #letGo(): void {
    const gone = this.#entries.filter(({ read }) => read() === undefined);
    for (const { row } of gone) this.#core.recordPool(row, '', 0, 0, 0, 0);
    this.#entries = this.#entries.filter((entry) => !gone.includes(entry));
  }
}
