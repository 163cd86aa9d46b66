/**
 * OpenTelemetry as its own documentation sets it up for `http` and `pg`, with the batch
 * processor and an exporter that throws everything away: what remains is what tracing costs
 * the application itself.
 */
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');
const { PgInstrumentation } = require('@opentelemetry/instrumentation-pg');
const { BatchSpanProcessor, NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');

const exporter = {
  export: (_spans, done) => done({ code: 0 }),
  shutdown: () => Promise.resolve(),
};
new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] }).register();
registerInstrumentations({
  instrumentations: [new HttpInstrumentation(), new PgInstrumentation()],
});
// The application imports them as ES modules, which only a loader would see: the classes that
// are patched here are the same.
require('node:http');
require('pg');
