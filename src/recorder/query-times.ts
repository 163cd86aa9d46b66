/** How long queries took together, and the time in which at least one of them ran. */

/** A query as far as its times go; `durationNs` is -1 while it runs. */
interface TimedQuery {
  readonly startNs: number;
  readonly durationNs: number;
}

export class QueryTimes {
  // Sums of times since `originNs`: sums of the clock itself would not fit a double.
  readonly #originNs: number;
  #endedNs = 0;
  #runningCount = 0;
  #runningSinceSumNs = 0;
  #busyNs = 0;
  #busySinceNs: number;
  #busyUntilNs: number;

  /** @param originNs nothing before it counts as busy. */
  constructor(originNs: number) {
    this.#originNs = originNs;
    this.#busySinceNs = originNs;
    this.#busyUntilNs = originNs;
  }

  /** Books a query that has begun, perhaps ended; in the order of their start. */
  add({ startNs, durationNs }: TimedQuery): void {
    if (durationNs >= 0) {
      this.#endedNs += durationNs;
      // While another one runs all is busy anyway.
      if (this.#runningCount === 0) this.#cover(startNs, startNs + durationNs);
      return;
    }
    if (this.#runningCount === 0) this.#busySinceNs = Math.max(startNs, this.#busyUntilNs);
    this.#runningCount += 1;
    this.#runningSinceSumNs += startNs - this.#originNs;
  }

  /** Books the end of a query that was added while it ran. */
  end({ startNs, durationNs }: TimedQuery): void {
    this.#endedNs += durationNs;
    this.#runningCount -= 1;
    this.#runningSinceSumNs -= startNs - this.#originNs;
    if (this.#runningCount === 0) this.#cover(this.#busySinceNs, startNs + durationNs);
  }

  /** Sum of all durations; a query still running counts with the time it has taken so far. */
  totalNs(nowNs: number): number {
    const runningNs = this.#runningCount * (nowNs - this.#originNs) - this.#runningSinceSumNs;
    return this.#endedNs + runningNs;
  }

  /** The time in which at least one query ran: overlapping ones count once. */
  busyNs(nowNs: number): number {
    return this.#runningCount === 0 ? this.#busyNs : this.#busyNs + nowNs - this.#busySinceNs;
  }

  #cover(fromNs: number, untilNs: number): void {
    if (untilNs <= this.#busyUntilNs) return;
    this.#busyNs += untilNs - Math.max(fromNs, this.#busyUntilNs);
    this.#busyUntilNs = untilNs;
  }
}
