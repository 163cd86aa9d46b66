import type { DropKind } from '../engine.ts';
import {
  CAPACITY_NAMES,
  DROP,
  DROP_KINDS,
  HEADER,
  LAYOUT_VERSION,
  MAGIC,
  QUERY_SHAPE,
} from '../layout.ts';
import type { ArenaLayout } from '../layout.ts';
import { addToWord, readWord, storeWord, writeHalves, writeWord } from '../words.ts';
import { recordBucket } from './histogram.ts';
import type { Call } from './statements.ts';

/** What the arena says of itself, and the sums of all that it has seen. */
export class ArenaHeader {
  readonly #words: Uint32Array;
  readonly #layout: ArenaLayout;

  constructor(words: Uint32Array, layout: ArenaLayout) {
    this.#words = words;
    this.#layout = layout;
    writeHalves(words, HEADER.magic, MAGIC.low, MAGIC.high);
    writeWord(words, HEADER.version, LAYOUT_VERSION);
    writeWord(words, HEADER.arenaWords, layout.arenaWords);
    CAPACITY_NAMES.forEach((name, index) => {
      writeWord(words, HEADER.capacities + index, layout.capacities[name]);
    });
  }

  get queryCount(): number {
    return readWord(this.#words, HEADER.queryCount);
  }

  /** @param bucket the duration's `bucketIndexOf`, unless the duration is 0. */
  addQuery({ durationNs, poolWaitNs, isError, rowCount }: Call, bucket: number): void {
    const words = this.#words;
    if (isError) addToWord(words, HEADER.errorCount, 1);
    if (rowCount > 0) addToWord(words, HEADER.rowCount, rowCount);
    addToWord(words, HEADER.totalNs, durationNs);
    if (poolWaitNs > 0) addToWord(words, HEADER.poolWaitNs, poolWaitNs);
    if (durationNs === 0) addToWord(words, HEADER.zeroCount, 1);
    else recordBucket(words, 2 * this.#layout.queryHistogram, QUERY_SHAPE, bucket);
  }

  addRequest(durationNs: number, isError: boolean): void {
    addToWord(this.#words, HEADER.requestTotalNs, durationNs);
    if (isError) addToWord(this.#words, HEADER.requestErrorCount, 1);
  }

  noteActivity(requestHandle: number, nowNs: number): void {
    // Of use when the thread is stuck, and then neither changes.
    writeWord(this.#words, HEADER.lastRequestHandle, requestHandle);
    writeWord(this.#words, HEADER.lastActiveNs, nowNs);
  }

  countDrop(kind: DropKind, nowNs: number): void {
    const drop = HEADER.drops + DROP_KINDS.indexOf(kind) * DROP.words;
    if (readWord(this.#words, drop + DROP.count) === 0) {
      storeWord(this.#words, drop + DROP.firstNs, nowNs);
    }
    storeWord(this.#words, drop + DROP.lastNs, nowNs);
    addToWord(this.#words, drop + DROP.count, 1);
  }
}
