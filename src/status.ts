import { whatNeedsInstrument } from './drivers/instrument.ts';
import { type DroppedCounts, type EngineKind, NOTHING_DROPPED } from './engine/engine.ts';
import { limiterNote } from './performance/limiters.ts';
import { getRecorder, isDisabled } from './recorder/index.ts';

/** What {@link status} gives. */
export interface Status {
  readonly engine: EngineKind;
  /**
   * Why this engine runs; where the records lie elsewhere than they should, why; what no hook can
   * see without `instrument()`, as in a bundle, or has not seen; and which limiters may book queries
   * on another request.
   */
  readonly reason: string;
  /** Where the records lie, for other processes to read; null while they are private. */
  readonly segment: string | null;
  /**
   * Drivers that talk to a server while none of their queries is recorded, such as `postgres.js`,
   * until they are given to `instrument()`. `X-Query-Count` is then left out where it would be 0.
   */
  readonly unseen: readonly string[];
  /** ORMs whose queries are recorded without call sites: `Drizzle`, `Prisma`. */
  readonly withoutCallSites: readonly string[];
  readonly dropped: DroppedCounts;
  /** Mean cost of a recorded query in nanoseconds, from a sample; 0 before the first one. */
  readonly overheadNs: number;
  /** Faults of the tool's own that were caught in this thread; the application saw none of them. */
  readonly faults: number;
}

/**
 * The state of the instrumentation itself. Where `HYPERDJANGO_DISABLED` is set nothing runs, and the
 * reason says so.
 *
 * @throws {HyperDjangoError} `ERR_HYPERDJANGO_ENGINE` where `HYPERDJANGO_ENGINE` asks for an
 * engine that cannot be loaded.
 * @example
 * ```ts
 * import { status } from 'hyperdjango';
 *
 * const { engine, reason } = status();
 * console.log(engine, reason); // 'native', or 'portable' and why
 * ```
 */
export function status(): Status {
  if (isDisabled()) {
    return {
      engine: 'portable',
      reason: 'HYPERDJANGO_DISABLED is set',
      segment: null,
      unseen: [],
      withoutCallSites: [],
      dropped: NOTHING_DROPPED,
      overheadNs: 0,
      faults: 0,
    };
  }
  const recorder = getRecorder();
  return {
    engine: recorder.engine.kind,
    reason: [
      recorder.engineReason,
      recorder.segment.reason,
      whatNeedsInstrument(),
      ...recorder.unseen.problems,
      limiterNote(),
    ]
      .filter(Boolean)
      .join('; '),
    segment: recorder.segment.path,
    unseen: recorder.unseen.drivers,
    withoutCallSites: recorder.unseen.orms,
    dropped: recorder.core.snapshot({ histograms: false }).dropped,
    overheadNs: recorder.overheadNs(),
    faults: recorder.faultCount,
  };
}
