/** One named stretch of time in a {@link Profile}. */
export interface ProfileSpan {
  readonly name: string;
  /** Index of the span around it; -1 for the first one, which is the whole profile. */
  readonly parentIndex: number;
  /** Since the start of the profile. */
  readonly startNs: number;
  readonly durationNs: number;
  /** It had not ended when the profile did, and ends with it. */
  readonly isUnfinished: boolean;
}

/** What a {@link Profiler} has measured; plain data. */
export interface Profile {
  readonly id: string;
  readonly name: string;
  /** In milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly durationNs: number;
  /** In the order of their start; the first one is the whole profile. */
  readonly spans: readonly ProfileSpan[];
  /** Spans that were not kept, as there were more than `maxSpans`. */
  readonly droppedSpans: number;
}
