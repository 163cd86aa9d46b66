/** What `ignore(reason, fn)` has kept out of the verdicts, by its reason. */

/** Reasons that are kept apart; those beyond are one. */
const REASONS_MAX = 256;
const OTHER_REASON = 'other reasons';

export interface Ignore {
  readonly reason: string;
  /** How often the work was run. */
  callCount: number;
  /** How often it kept a pattern out; 0 where there was nothing to ignore. */
  findingCount: number;
}

export class Ignores {
  readonly #byReason = new Map<string, Ignore>();

  /** Another call of the work that is ignored for this reason. */
  add(reason: string): Ignore {
    const ignore =
      this.#byReason.get(reason) ??
      this.#add(this.#byReason.size < REASONS_MAX ? reason : OTHER_REASON);
    ignore.callCount += 1;
    return ignore;
  }

  /** In the order of their first calls. */
  all(): Ignore[] {
    return Array.from(this.#byReason.values(), (ignore) => ({ ...ignore }));
  }

  #add(reason: string): Ignore {
    const known = this.#byReason.get(reason);
    if (known !== undefined) return known;
    const ignore = { reason, callCount: 0, findingCount: 0 };
    this.#byReason.set(reason, ignore);
    return ignore;
  }
}
