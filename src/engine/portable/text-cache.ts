/** A longer text is normalised each time: its copy here would cost more than that. */
const CACHED_TEXT_CHARACTERS_MAX = 8192;

/**
 * Remembers which statement a raw text is, so that only unseen texts are normalised. Bounded:
 * what came first goes first.
 */
export class TextCache {
  readonly #ids = new Map<string, number>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(text: string): number | undefined {
    return this.#ids.get(text);
  }

  put(text: string, statementId: number): void {
    if (text.length > CACHED_TEXT_CHARACTERS_MAX) return;
    if (this.#ids.size >= this.#capacity) {
      for (const oldest of this.#ids.keys()) {
        this.#ids.delete(oldest);
        break;
      }
    }
    this.#ids.set(text, statementId);
  }
}
