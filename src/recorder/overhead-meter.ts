/** One query in so many is timed. */
const SAMPLE_EVERY = 64;

/**
 * A sample that took longer was interrupted, by the scheduler or the collector: one such pause
 * outweighs ten thousand queries.
 */
const SAMPLE_NS_MAX = 100_000;

/**
 * Measures what recording a query costs, by a sample. Reading the clock takes a good part of what
 * it measures here, so its own cost is measured beside it and taken off.
 */
export class OverheadMeter {
  readonly #nowNs: () => number;
  readonly #onSample: (ns: number) => void;
  #sampleCount = 0;
  #sampleNs = 0;
  #begunCount = 0;
  /** The query that is sampled now. */
  #sampled: object | undefined;
  /** What its first half has cost. */
  #beginNs = 0;
  #clockNs = 0;

  /** @param onSample hears of each sample, in nanoseconds. */
  constructor(nowNs: () => number, onSample: (ns: number) => void) {
    this.#nowNs = nowNs;
    this.#onSample = onSample;
  }

  /** Whether the query that begins now is sampled; asking counts it. */
  isDue(): boolean {
    this.#begunCount = (this.#begunCount + 1) % SAMPLE_EVERY;
    return this.#begunCount === 0;
  }

  isSampled(query: object): boolean {
    return query === this.#sampled;
  }

  /** @returns what {@link OverheadMeter.stopBegin} and {@link OverheadMeter.stopEnd} take. */
  start(): number {
    const beforeNs = this.#nowNs();
    const startNs = this.#nowNs();
    this.#clockNs = startNs - beforeNs;
    return startNs;
  }

  /** The first half of a query that is due; a sample that has not come to its end is given up. */
  stopBegin(query: object, startNs: number): void {
    this.#sampled = query;
    this.#beginNs = this.#stop(startNs);
  }

  /** The second half of the query that is sampled. */
  stopEnd(startNs: number): void {
    this.#sampled = undefined;
    const ns = this.#beginNs + this.#stop(startNs);
    if (ns > SAMPLE_NS_MAX) return;
    this.#sampleCount += 1;
    this.#sampleNs += ns;
    this.#onSample(ns);
  }

  /** Mean cost of a recorded query in nanoseconds; 0 before the first sample. */
  meanNs(): number {
    return this.#sampleCount === 0 ? 0 : this.#sampleNs / this.#sampleCount;
  }

  #stop(startNs: number): number {
    return Math.max(0, this.#nowNs() - startNs - this.#clockNs);
  }
}
