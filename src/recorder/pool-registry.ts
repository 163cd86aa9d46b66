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

/** The pools that the application uses, for as long as it holds on to them. */
export class PoolRegistry {
  readonly #known = new WeakSet();
  /** Each gives undefined when its pool is gone. */
  #readers: (() => PoolState | undefined)[] = [];
  /** Pools that found no place. */
  droppedCount = 0;

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
  }

  states(): PoolState[] {
    return this.#readers.map((read) => read()).filter((state) => state !== undefined);
  }
}
