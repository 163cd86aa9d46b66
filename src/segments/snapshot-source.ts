import type { Segment } from '../engine/engine.ts';
import { HostReader, type HostOptions, type HostSnapshot } from './host.ts';
import { Merger } from './merge.ts';
import { ProcessReader, type ReadOptions } from './process-snapshot.ts';

/** What a snapshot from inside covers: see {@link SnapshotSource.snapshot}. */
export type SnapshotScope = 'thread' | 'process' | 'host';

export interface ScopedReadOptions extends ReadOptions {
  readonly scope: SnapshotScope;
}

/** Snapshots for readers inside an application that records. */
export class SnapshotSource {
  readonly #segment: Segment;
  readonly #own: ProcessReader;
  readonly #options: Pick<HostOptions, 'directory' | 'locks' | 'nowNs'>;
  #host: { readonly appName: string; readonly reader: HostReader } | undefined;

  constructor(segment: Segment, options: Pick<HostOptions, 'directory' | 'locks' | 'nowNs'>) {
    this.#segment = segment;
    this.#own = ProcessReader.ofMemory(segment.path, segment.read);
    this.#options = options;
  }

  /**
   * Everything that was recorded by this thread, by all threads of this process, those that have
   * ended included, or by all processes of the application on this host, the dead ones included.
   * No sum ever goes down from one snapshot to the next.
   *
   * @throws Error for the scope `host` where the directory of segments is not this user's alone.
   */
  snapshot({ scope, ...options }: ScopedReadOptions): HostSnapshot {
    if (scope === 'host') return this.#hostReader().snapshot(options);
    const takenNs = this.#options.nowNs();
    const own = this.#own.snapshot(takenNs, options);
    const isWanted = (arenaIndex: number): boolean =>
      scope === 'process' || arenaIndex === this.#segment.arenaIndex;
    const threads = own.threads.filter(({ arenaIndex }) => isWanted(arenaIndex));
    const merger = new Merger();
    for (const { records, isInUse } of threads) merger.add(records, isInUse);
    if (this.#segment.arenaIndex === -1) {
      merger.add(this.#segment.recorder.snapshot(options), true);
    }
    return {
      takenNs,
      processes: [{ ...own, threads }],
      foldedCount: 0,
      merged: merger.result(),
      problems: [],
    };
  }

  close(): void {
    this.#host?.reader.close();
    this.#host = undefined;
  }

  #hostReader(): HostReader {
    // An application gets its name after its first record.
    const { appName } = this.#own.header();
    if (this.#host?.appName === appName) return this.#host.reader;
    this.close();
    const reader = new HostReader({ ...this.#options, appName, own: this.#own });
    this.#host = { appName, reader };
    return reader;
  }
}
