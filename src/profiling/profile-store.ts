import { knownOptions, numberOption } from '../util/options.ts';
import type { Profile } from './profile.ts';

/** Options of {@link ProfileStore}. */
export interface ProfileStoreOptions {
  /**
   * Profiles that are kept; the oldest go. 1 to 100,000.
   *
   * @defaultValue 100
   */
  readonly capacity?: number;
}

/**
 * The last finished profiles.
 *
 * @example
 * ```ts
 * import { Profiler, ProfileStore } from 'hyperdjango/profiling';
 *
 * const store = new ProfileStore({ capacity: 100 });
 * const profile = new Profiler('nightly report').finish();
 * store.add(profile);
 * store.get(profile.id) === profile; // true
 * ```
 */
export class ProfileStore {
  /** The most profiles that are kept. */
  readonly capacity: number;
  /** Oldest first. */
  readonly #profiles = new Map<string, Profile>();
  #evictedCount = 0;

  /** @throws {OptionError} where an option is unknown or out of its range. */
  constructor(options: ProfileStoreOptions = {}) {
    knownOptions('ProfileStore', options, ['capacity']);
    const { capacity = 100 } = options;
    this.capacity = numberOption('ProfileStore.capacity', capacity, {
      min: 1,
      max: 100_000,
      integer: true,
    });
  }

  /** Profiles that are kept now. */
  get size(): number {
    return this.#profiles.size;
  }

  /** Profiles that had to go for newer ones. */
  get evictedCount(): number {
    return this.#evictedCount;
  }

  /** Keeps a profile; one that is kept already becomes the newest. */
  add(profile: Profile): void {
    this.#profiles.delete(profile.id);
    this.#profiles.set(profile.id, profile);
    if (this.#profiles.size <= this.capacity) return;
    const [oldest] = this.#profiles.keys();
    if (oldest !== undefined) this.#profiles.delete(oldest);
    this.#evictedCount += 1;
  }

  /** One profile; undefined where it is not kept, or no more. */
  get(id: string): Profile | undefined {
    return this.#profiles.get(id);
  }

  /** Newest first. */
  list(): Profile[] {
    return [...this.#profiles.values()].reverse();
  }
}
