import type { NormalizedSql, NormalizeOptions, PlaceholderStyle, SqlSpans } from '../types/sql.ts';
import type { Engine, EngineRecorder, RecorderCapacities } from './engine.ts';

/** Must be `HD_ABI_VERSION` of `native/include/core.h`. */
export const ABI_VERSION = 1;

/** What `native/addon.cc` exports. */
export interface NativeBinding {
  readonly abiVersion: number;
  nowNs(): number;
  nowNsBigInt(): bigint;
  normalizeSql(
    sql: string,
    placeholders: number,
    standardConformingStrings: number,
  ): NormalizedSql | undefined;
  scanSql(
    sql: string,
    placeholders: number,
    standardConformingStrings: number,
  ): Uint32Array | undefined;
}

const PLACEHOLDERS_CODE: Readonly<Record<PlaceholderStyle, number>> = {
  dollar: 0,
  question: 1,
  named: 2,
  format: 3,
};

/** Where there is not even the memory for a copy of the statement. */
const UNREAD: NormalizedSql = {
  text: '<unparsed>',
  fingerprint: '0000000000000000',
  listLengths: [],
};

export function createNativeEngine(binding: NativeBinding): Engine {
  return new NativeEngine(binding);
}

class NativeEngine implements Engine {
  readonly kind = 'native';
  readonly #binding: NativeBinding;

  constructor(binding: NativeBinding) {
    this.#binding = binding;
  }

  nowNs(): number {
    return this.#binding.nowNs();
  }

  nowNsBigInt(): bigint {
    return this.#binding.nowNsBigInt();
  }

  normalizeSql(sql: string, options: NormalizeOptions = {}): NormalizedSql {
    const placeholders = placeholdersCode(options);
    return this.#binding.normalizeSql(sql, placeholders, stringsCode(options)) ?? UNREAD;
  }

  scanSql(sql: string, options: NormalizeOptions = {}): SqlSpans {
    const flat = this.#binding.scanSql(sql, placeholdersCode(options), stringsCode(options));
    const literals: (readonly [number, number])[] = [];
    const parameters: (readonly [number, number])[] = [];
    const comments: (readonly [number, number])[] = [];
    const byKind = [literals, parameters, comments];
    for (let index = 0; flat !== undefined && index < flat.length; index += 3) {
      const [start = 0, length = 0, kind = 0] = flat.subarray(index, index + 3);
      byKind[kind]?.push([start, length]);
    }
    return { literals, parameters, comments };
  }

  createRecorder(_capacities: RecorderCapacities): EngineRecorder {
    throw new Error('The recorder is not built yet');
  }

  callCounts(): Readonly<Record<string, number>> {
    return {};
  }
}

function placeholdersCode(options: NormalizeOptions): number {
  return PLACEHOLDERS_CODE[options.placeholders ?? 'dollar'] ?? PLACEHOLDERS_CODE.dollar;
}

function stringsCode(options: NormalizeOptions): number {
  if (options.standardConformingStrings === undefined) return 0;
  return options.standardConformingStrings ? 1 : 2;
}
