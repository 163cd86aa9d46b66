// Preloaded: hooks everything that the program loads, and keeps what is recorded for it.
import { instrument, instrumentImports, instrumentLoaded } from '../../../dist/drivers/index.js';
import { getRecorder } from '../../../dist/recorder/index.js';

instrumentLoaded();
instrumentImports();
const recorder = getRecorder();
const ended = [];
recorder.subscribe({
  onQueryEnded(query) {
    const { scope, sql, values, durationNs, rowCount, sqlState, outcome, poolWaitNs } = query;
    ended.push({
      scope: scope?.name,
      sql,
      text: recorder.statementText(query),
      fingerprint: recorder.engine.normalizeSql(sql).fingerprint,
      values: values?.map(String),
      durationMs: durationNs / 1e6,
      poolWaitMs: poolWaitNs / 1e6,
      rowCount,
      sqlState,
      model: query.model ?? null,
      servedCount: query.servedCount ?? 1,
      parameterHash: query.parameterHash,
      isError: outcome !== 0,
      get callSite() {
        return recorder.callSite(query);
      },
    });
  },
});
globalThis.recording = { recorder, ended, instrument };
