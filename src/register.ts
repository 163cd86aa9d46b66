/**
 * Observes an application with no change to it: `node --import hyperdjango/register app.js`, or
 * `node -r hyperdjango/register app.js`. Options come from the environment.
 *
 * @module
 */
import { isMainThread } from 'node:worker_threads';

import { instrumentImports } from './drivers/index.ts';
import { whatNeedsInstrument } from './drivers/instrument.ts';
import { isQuiet, middlewareFrom } from './performance/environment.ts';
import { observeServers } from './frameworks/server.ts';
import { getRecorder, isDisabled } from './recorder/index.ts';

const REGISTERED_KEY = Symbol.for('hyperdjango.registered@0');
const registry = globalThis as { [REGISTERED_KEY]?: true };

// Both flags at once, or NODE_OPTIONS beside one, load it twice.
if (!isDisabled() && registry[REGISTERED_KEY] === undefined) {
  registry[REGISTERED_KEY] = true;
  const middleware = middlewareFrom(process.env);
  observeServers(middleware);
  // The middleware has hooked what is loaded by `require`; nothing is imported yet.
  instrumentImports();
  if (isMainThread && !isQuiet(process.env)) {
    const notes = [`${getRecorder().engine.kind} engine`, whatNeedsInstrument()].filter(Boolean);
    const { dashboardPath } = middleware.options;
    process.stderr.write(
      'hyperdjango: watching HTTP requests and queries of pg, postgres.js and PGlite ' +
        `(${notes.join('; ')}), ` +
        (dashboardPath === false
          ? 'no dashboard; '
          : `dashboard at ${dashboardPath} for local visitors in development; `) +
        'HYPERDJANGO_QUIET=1 hides this line\n',
    );
  }
}
