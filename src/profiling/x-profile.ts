/** The `X-Profile` header: what one request's time went into. */
import { getRecorder, isDisabled, type Scope, type ScopeProfile } from '../recorder/index.ts';

/**
 * Runs a handler; where its request is profiled, notes how long it took. Of handlers that call
 * each other the outermost is measured.
 */
export function measureHandler<T>(handler: () => T): T {
  const profile = isDisabled() ? undefined : getRecorder().currentScope()?.profile;
  if (profile === undefined || profile.isMeasuring) return handler();
  return measure(profile, handler);
}

function measure<T>(profile: ScopeProfile, handler: () => T): T {
  const { engine } = getRecorder();
  const startNs = engine.nowNs();
  const stop = (): void => {
    profile.isMeasuring = false;
    profile.handlerNs += engine.nowNs() - startNs;
  };
  profile.isMeasuring = true;
  let result: T;
  try {
    result = handler();
  } catch (error) {
    stop();
    throw error;
  }
  if (!(result instanceof Promise)) {
    stop();
    return result;
  }
  return result.finally(stop) as T;
}

/**
 * @returns `total=12.345ms, handler=11.201ms, db=4.512ms, pool=0.120ms, queries=5`: `db` is the
 * time in which at least one query ran, `pool` the sum of the waits for a connection. The last three
 * are left out where they would be 0 and a driver goes unseen.
 */
export function formatProfile(scope: Scope, profile: ScopeProfile, nowNs: number): string {
  const isKnown = isDatabaseKnown(scope);
  const times = {
    total: nowNs - scope.startNs,
    handler: profile.handlerNs,
    ...(isKnown && { db: scope.busyNs(nowNs), pool: scope.poolWaitNs }),
  };
  const parts = Object.entries(times).map(([key, ns]) => `${key}=${(ns / 1e6).toFixed(3)}ms`);
  return [...parts, ...(isKnown ? [`queries=${scope.queryCount}`] : [])].join(', ');
}

/**
 * @returns the same for the `Server-Timing` header, which browsers' developer tools draw:
 * `total;dur=12.345, handler;dur=11.201, db;dur=4.512;desc="5 queries", pool;dur=0.120`.
 */
export function formatServerTiming(scope: Scope, profile: ScopeProfile, nowNs: number): string {
  const ms = (ns: number): string => (ns / 1e6).toFixed(3);
  return [
    `total;dur=${ms(nowNs - scope.startNs)}`,
    `handler;dur=${ms(profile.handlerNs)}`,
    ...(isDatabaseKnown(scope)
      ? [
          `db;dur=${ms(scope.busyNs(nowNs))};desc="${scope.queryCount} queries"`,
          `pool;dur=${ms(scope.poolWaitNs)}`,
        ]
      : []),
  ].join(', ');
}

/** Where a driver goes unseen, no query may mean that it ran some. */
function isDatabaseKnown({ queryCount }: Scope): boolean {
  return queryCount > 0 || !getRecorder().unseen.hasDrivers;
}
