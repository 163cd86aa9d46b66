/** Which models of an ORM the statements were built for, as far as the ORM told. */
import type { EngineRecorder } from '../engine/engine.ts';
import type { RecordedQuery } from './scope.ts';

const STATEMENTS_MAX = 4_096;
/** A statement of many models is one of none. */
const MODELS_PER_STATEMENT_MAX = 4;

export class Models {
  readonly #byFingerprint = new Map<string, string[]>();
  /** The same lists by the statement's number, which may become another's. */
  readonly #byStatement = new Map<number, string[]>();
  readonly #servedMax = new Map<string, number>();

  /** Keeps what the queries of a scope tell. */
  learn(queries: readonly RecordedQuery[], statements: Pick<EngineRecorder, 'statement'>): void {
    for (const { statementId, model, servedCount } of queries) {
      if (servedCount !== undefined) this.#noteServed(statementId, servedCount, statements);
      if (model === undefined || this.#byStatement.get(statementId)?.includes(model)) continue;
      const fingerprint = statements.statement(statementId)?.fingerprint;
      if (fingerprint === undefined) continue;
      const models = this.#listOf(fingerprint);
      this.#byStatement.set(statementId, models);
      if (!models.includes(model) && models.length < MODELS_PER_STATEMENT_MAX) models.push(model);
    }
  }

  /** At most four, in the order in which they were first seen. */
  of(fingerprint: string): readonly string[] {
    return this.#byFingerprint.get(fingerprint) ?? [];
  }

  /** The most scopes that one run of the statement has served; 1 where each had its own. */
  servedMax(fingerprint: string): number {
    return this.#servedMax.get(fingerprint) ?? 1;
  }

  #noteServed(
    statementId: number,
    servedCount: number,
    statements: Pick<EngineRecorder, 'statement'>,
  ): void {
    const fingerprint = statements.statement(statementId)?.fingerprint;
    if (fingerprint === undefined) return;
    if (this.#servedMax.size === STATEMENTS_MAX) this.#servedMax.clear();
    this.#servedMax.set(fingerprint, Math.max(servedCount, this.servedMax(fingerprint)));
  }

  #listOf(fingerprint: string): string[] {
    let models = this.#byFingerprint.get(fingerprint);
    if (models === undefined) {
      if (this.#byFingerprint.size === STATEMENTS_MAX) {
        this.#byFingerprint.clear();
        this.#byStatement.clear();
      }
      models = [];
      this.#byFingerprint.set(fingerprint, models);
    }
    return models;
  }
}
