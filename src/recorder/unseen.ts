/** What this thread uses and no hook reaches: a figure that leaves it out must not be believed. */
import { adviceOnDriver, adviceOnOrm, bitOfDriver, bitOfOrm } from '../segments/index.ts';

/** A process has a handful of drivers; what has no end is somebody's mistake. */
const NAMES_MAX = 16;

export class Unseen {
  /** Whether there is any driver: each response asks. */
  hasDrivers = false;

  readonly #drivers = new Set<string>();
  readonly #orms = new Set<string>();
  readonly #warnedOf = new Set<string>();
  readonly #hookedOrms = new Set<string>();
  readonly #publish: (libraries: number) => void;

  /** @param publish is given bits of `UNSEEN`, for whoever reads the segment. */
  constructor(publish: (libraries: number) => void) {
    this.#publish = publish;
  }

  /** Drivers that talk to a server while none of their queries is recorded. */
  get drivers(): readonly string[] {
    return [...this.#drivers];
  }

  /** ORMs whose queries are recorded without a call site. */
  get orms(): readonly string[] {
    return [...this.#orms];
  }

  /** A sentence for each, with what would change it. */
  get problems(): readonly string[] {
    return [...this.drivers.map(adviceOnDriver), ...this.orms.map(adviceOnOrm)];
  }

  /** The first time that a driver is noted, a warning names it. */
  noteDriver(name: string): void {
    if (this.#drivers.has(name) || this.#drivers.size === NAMES_MAX) return;
    this.#drivers.add(name);
    this.#update();
    if (this.#warnedOf.has(name) || this.#warnedOf.size === NAMES_MAX) return;
    this.#warnedOf.add(name);
    process.emitWarning(`${adviceOnDriver(name)}; X-Query-Count is left out where it would be 0`, {
      type: 'HyperDjangoWarning',
      code: 'HYPERDJANGO_UNSEEN',
    });
  }

  /** A hook has been put on it. */
  forgetDriver(name: string): void {
    if (this.#drivers.delete(name)) this.#update();
  }

  /** Does nothing where a copy of the ORM is hooked: some of its statements come from nowhere. */
  noteOrm(name: string): void {
    if (this.#hookedOrms.has(name) || this.#orms.has(name)) return;
    this.#orms.add(name);
    this.#update();
  }

  /** A hook has been put on it. */
  forgetOrm(name: string): void {
    this.#hookedOrms.add(name);
    if (this.#orms.delete(name)) this.#update();
  }

  #update(): void {
    this.hasDrivers = this.#drivers.size > 0;
    let libraries = 0;
    for (const name of this.#drivers) libraries |= bitOfDriver(name);
    for (const name of this.#orms) libraries |= bitOfOrm(name);
    this.#publish(libraries);
  }
}
