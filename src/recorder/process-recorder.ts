/** The one recorder of a process. */
import { dirname } from 'node:path';
import { isMainThread } from 'node:worker_threads';

import { fileLocks, loadEngine } from '../engine/load.ts';
import { nameApart, reap } from '../segments/index.ts';
import { FLAG_EXPECTED, flagIn, tellUnknownVariables, tellUnusable } from '../util/environment.ts';
import { Recorder } from './recorder.ts';

const REGISTRY_KEY = Symbol.for('hyperdjango.recorder@0');
const registry = globalThis as { [REGISTRY_KEY]?: Recorder };

/**
 * `HYPERDJANGO_DISABLED=1` turns everything off: no hook, no memory, no header. Whoever sets it to
 * what is no answer wants that too, most likely.
 */
export function isDisabled(): boolean {
  const text = process.env['HYPERDJANGO_DISABLED'];
  if (text === undefined) return false;
  const flag = flagIn(text);
  if (flag !== 'unclear') return flag ?? false;
  tellUnusable('HYPERDJANGO_DISABLED', FLAG_EXPECTED, text, 'everything is off');
  return true;
}

/**
 * The recorder of this process, made at first use. It lives in a global registry, so that an
 * ESM and a CommonJS copy of this package write to the same one.
 *
 * @throws {HyperDjangoError} `ERR_HYPERDJANGO_ENGINE` where `HYPERDJANGO_ENGINE=native` asks for
 * an engine that cannot be loaded.
 */
export function getRecorder(): Recorder {
  let recorder = registry[REGISTRY_KEY];
  if (recorder === undefined) {
    const { engine, reason } = loadEngine();
    recorder = new Recorder(engine, reason);
    registry[REGISTRY_KEY] = recorder;
    tellApart(recorder);
    tellEnvironment(recorder);
    reapLater(recorder);
  }
  return recorder;
}

/**
 * Runs the tool's own queries so that nothing records them; makes no recorder where everything
 * is turned off.
 */
export function runUnrecorded<T>(fn: () => T): T {
  return isDisabled() ? fn() : getRecorder().runUnrecorded(fn);
}

/** From other applications on this host that would have the same name. */
function tellApart({ app, segment }: Recorder): void {
  const { path } = segment;
  if (path === null || app.isFixed) return;
  try {
    const { name, place } = app;
    const apart = nameApart({ path, name, place, read: segment.read }, fileLocks());
    if (apart !== name) segment.setAppName(apart);
  } catch {
    // The folder is gone, or no longer this user's alone: readers say so.
  }
}

function tellEnvironment({ engine, segment: { path, reason } }: Recorder): void {
  tellUnknownVariables(process.env);
  const folder = process.env['HYPERDJANGO_DIR'];
  if (folder === undefined || folder === '' || path !== null || engine.kind !== 'native') return;
  if (process.platform !== 'linux') return;
  tellUnusable('HYPERDJANGO_DIR', "a folder of this user's alone, with room", folder, reason);
}

/** What the dead have left behind is not the business of the first request. */
function reapLater({ segment: { path }, engine }: Recorder): void {
  if (path === null || !isMainThread) return;
  setImmediate(() => {
    const directory = dirname(path);
    reap({ directory, locks: fileLocks(), now: Date.now(), nowNs: engine.nowNs() });
  }).unref();
}
