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
  #sinceSample = 0;
  /** What the first half of the query that is sampled now has cost. */
  #beginNs = 0;
  #clockNs = 0;

  /** @param onSample hears of each sample, in nanoseconds. */
  constructor(nowNs: () => number, onSample: (ns: number) => void) {
    this.#nowNs = nowNs;
    this.#onSample = onSample;
  }

  /** @returns what {@link OverheadMeter.stopBegin} takes; 0 for a query that is not sampled. */
  startBegin(): number {
    this.#sinceSample += 1;
    return this.#sinceSample === SAMPLE_EVERY ? this.#start() : 0;
  }

  stopBegin(startNs: number): void {
    if (startNs !== 0) this.#beginNs = this.#stop(startNs);
  }

  /** @returns what {@link OverheadMeter.stopEnd} takes; 0 for a query that is not sampled. */
  startEnd(): number {
    return this.#sinceSample >= SAMPLE_EVERY ? this.#start() : 0;
  }

  stopEnd(startNs: number): void {
    if (startNs === 0) return;
    this.#sinceSample = 0;
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

  #start(): number {
    const beforeNs = this.#nowNs();
    const startNs = this.#nowNs();
    this.#clockNs = startNs - beforeNs;
    return startNs;
  }

  #stop(startNs: number): number {
    return Math.max(0, this.#nowNs() - startNs - this.#clockNs);
  }
}
