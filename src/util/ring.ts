/** The last `capacity` items; the older ones are forgotten. */
export class RingBuffer<T> {
  readonly capacity: number;
  readonly #items: T[] = [];
  #next = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get length(): number {
    return this.#items.length;
  }

  push(item: T): void {
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.capacity;
  }

  newestFirst(): T[] {
    const { length } = this.#items;
    return Array.from(
      { length },
      (_, index) => this.#items[(this.#next - 1 - index + length * 2) % length] as T,
    );
  }
}
