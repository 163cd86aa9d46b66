import type { NormalizedSql, NormalizeOptions, SqlSpans } from '../../types/sql.ts';
import type { Engine, EngineRecorder, RecorderCapacities } from '../engine.ts';
import { normalizeSql, scanSql } from './sql/index.ts';

export function createPortableEngine(): Engine {
  return new PortableEngine();
}

class PortableEngine implements Engine {
  readonly kind = 'portable';

  nowNs(): number {
    return Number(process.hrtime.bigint());
  }

  nowNsBigInt(): bigint {
    return process.hrtime.bigint();
  }

  normalizeSql(sql: string, options?: NormalizeOptions): NormalizedSql {
    return normalizeSql(sql, options);
  }

  scanSql(sql: string, options?: NormalizeOptions): SqlSpans {
    return scanSql(sql, options);
  }

  createRecorder(_capacities: RecorderCapacities): EngineRecorder {
    throw new Error('The recorder is not built yet');
  }

  callCounts(): Readonly<Record<string, number>> {
    return {};
  }
}
