import type { NormalizedSql, NormalizeOptions, SqlSpans } from '../../types/sql.ts';
import type {
  Engine,
  EngineRecorder,
  RecorderCapacities,
  Segment,
  SegmentOptions,
} from '../engine.ts';
import { PortableRecorder } from './recorder.ts';
import { openPortableSegment } from './segment.ts';
import { normalizeSql, scanSql } from './sql/index.ts';

export function createPortableEngine(): Engine {
  return new PortableEngine();
}

class PortableEngine implements Engine {
  readonly kind = 'portable';
  #segment: Segment | undefined;
  readonly #calls = {
    nowNs: 0,
    nowNsBigInt: 0,
    normalizeSql: 0,
    scanSql: 0,
    createRecorder: 0,
    openSegment: 0,
    beginRequest: 0,
    nameRequest: 0,
    endRequest: 0,
    beginQuery: 0,
    beginWait: 0,
    endWait: 0,
    endQuery: 0,
    internStatement: 0,
    recordQuery: 0,
    recordFinding: 0,
    recordPool: 0,
    recordFault: 0,
    statement: 0,
    snapshot: 0,
  };

  nowNs(): number {
    this.#calls.nowNs += 1;
    return nowNs();
  }

  nowNsBigInt(): bigint {
    this.#calls.nowNsBigInt += 1;
    return process.hrtime.bigint();
  }

  normalizeSql(sql: string, options?: NormalizeOptions): NormalizedSql {
    this.#calls.normalizeSql += 1;
    return normalizeSql(sql, options);
  }

  scanSql(sql: string, options?: NormalizeOptions): SqlSpans {
    this.#calls.scanSql += 1;
    return scanSql(sql, options);
  }

  createRecorder(capacities: RecorderCapacities): EngineRecorder {
    this.#calls.createRecorder += 1;
    return new PortableRecorder(capacities, { nowNs, normalizeSql, calls: this.#calls });
  }

  openSegment(options: SegmentOptions): Segment {
    this.#calls.openSegment += 1;
    const parts = { nowNs, normalizeSql, calls: this.#calls };
    return (this.#segment ??= openPortableSegment(
      options,
      (capacities, arena) => new PortableRecorder(capacities, parts, arena),
    ));
  }

  callCounts(): Readonly<Record<string, number>> {
    return { ...this.#calls };
  }
}

function nowNs(): number {
  return Number(process.hrtime.bigint());
}
