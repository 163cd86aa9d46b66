/** The normalised text while it grows: runs of the source copied whole, placeholders between. */
import { CUT_MARK_BYTES, cutMark } from './marks.ts';
import type { SqlSource } from './source.ts';
import { GAP } from './tokens.ts';

/** The most bytes (UTF-8) that a normalised text has. */
export const TEXT_BYTES_MAX = 8192;

/** A text that will be cut ends before this many bytes. */
const CUT_BYTES_MAX = TEXT_BYTES_MAX - CUT_MARK_BYTES;

const PLACEHOLDERS = Array.from({ length: 64 }, (_, index) => `$${index}`);

export function placeholder(number: number): string {
  return PLACEHOLDERS[number] ?? `$${number}`;
}

/** A state of the text to return to. */
// V8 knows the value of a constant of this module only, not that of an imported object.
const { none: GAP_NONE, other: GAP_OTHER } = GAP;

export class TextCheckpoint {
  flushed = '';
  flushedBytes = 0;
  runStart = 0;
  runEnd = 0;
  cut: string | undefined = undefined;

  release(): void {
    this.flushed = '';
    this.cut = undefined;
  }
}

export class NormalizedText {
  private readonly source: SqlSource;
  private flushed = '';
  private flushedBytes = 0;
  // The source from here to there follows what is flushed.
  private runStart = 0;
  private runEnd = 0;
  private cut: string | undefined = undefined;

  constructor(source: SqlSource) {
    this.source = source;
  }

  reset(): void {
    this.flushed = '';
    this.flushedBytes = 0;
    this.runStart = 0;
    this.runEnd = 0;
    this.cut = undefined;
  }

  private get byteLength(): number {
    return this.flushedBytes + this.runEnd - this.runStart;
  }

  /** Whether all of the source from `position` on fits, following the run without a break. */
  takesRest(position: number): boolean {
    if (this.runEnd !== position || this.cut !== undefined) return false;
    return this.flushedBytes + this.source.byteLength - this.runStart <= CUT_BYTES_MAX;
  }

  /**
   * Adds the source up to `start` as it stands, and ASCII text for what is from there to `end`;
   * nothing where the rest of the source would not fit any more.
   */
  replace(start: number, text: string, end: number): boolean {
    const bytes = this.flushedBytes + start - this.runStart + text.length;
    if (bytes + this.source.byteLength - end > CUT_BYTES_MAX) return false;
    this.flushed += this.source.slice(this.runStart, start) + text;
    this.flushedBytes = bytes;
    this.runStart = end;
    this.runEnd = end;
    return true;
  }

  /** Adds the source up to `end` as it stands; see {@link takesRest}. */
  extendRun(end: number): void {
    this.runEnd = end;
  }

  /** Has a cut come here rather than within the next so many bytes. */
  keepTogether(bytes: number): void {
    if (this.byteLength + bytes > CUT_BYTES_MAX) this.noteCut();
  }

  /** Adds the token `[start, end)` of the source. */
  copy(start: number, end: number, gap: number): void {
    const bytes = this.byteLength + end - start + (gap === GAP_NONE ? 0 : 1);
    if (bytes > CUT_BYTES_MAX) this.noteCut();
    // A gap of one space (GAP_ONE_SPACE is 1, its length) is copied with the run; one of another
    // kind becomes a space.
    if (gap === GAP_OTHER || start - gap !== this.runEnd) {
      this.flush();
      if (gap !== GAP_NONE) this.append(' ', 1);
      this.runStart = start;
    }
    this.runEnd = end;
  }

  /** Adds ASCII text that stands for the source up to `sourceEnd`. */
  insert(text: string, gap: number, sourceEnd: number): void {
    const gapBytes = gap === GAP_NONE ? 0 : 1;
    if (this.byteLength + text.length + gapBytes > CUT_BYTES_MAX) this.noteCut();
    this.flush();
    this.append(gapBytes === 0 ? text : ` ${text}`, text.length + gapBytes);
    this.runStart = sourceEnd;
    this.runEnd = sourceEnd;
  }

  /** Ends a folded list: `, …`. */
  insertRest(sourceEnd: number): void {
    if (this.byteLength + 5 > CUT_BYTES_MAX) this.noteCut();
    this.flush();
    this.append(', …', 5);
    this.runStart = sourceEnd;
    this.runEnd = sourceEnd;
  }

  save(checkpoint: TextCheckpoint): void {
    checkpoint.flushed = this.flushed;
    checkpoint.flushedBytes = this.flushedBytes;
    checkpoint.runStart = this.runStart;
    checkpoint.runEnd = this.runEnd;
    checkpoint.cut = this.cut;
  }

  restore(checkpoint: TextCheckpoint): void {
    this.flushed = checkpoint.flushed;
    this.flushedBytes = checkpoint.flushedBytes;
    this.runStart = checkpoint.runStart;
    this.runEnd = checkpoint.runEnd;
    this.cut = checkpoint.cut;
  }

  /** @param wasCut the text was cut before, and is marked again. */
  finish(fingerprint: string, wasCut: boolean): string {
    // Anyone may write the mark behind any statement: with it too the text must fit.
    const room = wasCut ? CUT_BYTES_MAX : TEXT_BYTES_MAX;
    if (this.byteLength > room) return `${this.cut ?? ''}${cutMark(fingerprint)}`;
    if (wasCut) {
      this.flush();
      return `${this.flushed}${cutMark(fingerprint)}`;
    }
    if (this.flushedBytes === 0) return this.source.slice(this.runStart, this.runEnd);
    this.flush();
    return this.flushed;
  }

  private append(text: string, byteCount: number): void {
    this.flushedBytes += byteCount;
    // What lies beyond can only be cut, or undone by a checkpoint.
    if (this.flushedBytes <= TEXT_BYTES_MAX) this.flushed += text;
  }

  private flush(): void {
    const bytes = this.runEnd - this.runStart;
    if (bytes === 0) return;
    if (this.flushedBytes + bytes <= TEXT_BYTES_MAX) {
      this.flushed += this.source.slice(this.runStart, this.runEnd);
    }
    this.flushedBytes += bytes;
  }

  /** The first time that the text grows too long, keeps what would be left of it. */
  private noteCut(): void {
    if (this.cut !== undefined) return;
    this.cut = this.flushed + this.source.slice(this.runStart, this.runEnd);
  }
}
