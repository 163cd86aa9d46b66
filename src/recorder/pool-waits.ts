/**
 * Who waits for a client of a pool. Most waits are over in a moment: those that last are written
 * down in flight, by a timer that runs while anybody waits, so that a short one costs no more than
 * two looks at the clock.
 */
import { setTimeout } from 'node:timers';

import { type Engine, type EngineRecorder, NO_HANDLE, OTHER_ID } from '../engine/engine.ts';
import type { UNRECORDED } from './context.ts';
import type { Scope } from './scope.ts';

/** A wait is in flight after this time or twice that, and shown as that much shorter. */
const SHOWN_AFTER_MS = 20;
/** Waits that are looked through at once, whatever the timer says. */
const UNSEEN_MAX = 4_096;

/** One who waits. */
export class PoolWait {
  /** A symbol where it is the tool itself: that counts nowhere. */
  readonly scope: Scope | typeof UNRECORDED | undefined;
  readonly startNs: number;
  /** Emptied at its end, as it may hold literals. */
  sql: string;
  handle: number = NO_HANDLE;
  isOver = false;

  constructor(scope: PoolWait['scope'], sql: string, startNs: number) {
    this.scope = scope;
    this.sql = sql;
    this.startNs = startNs;
  }
}

interface Around {
  /** The request's route is to be known by now. */
  beforeShown(scope: Scope): void;
  reportFault(error: unknown): void;
}

export class PoolWaits {
  readonly #core: EngineRecorder;
  readonly #engine: Engine;
  readonly #around: Around;
  /** Not in flight yet; those that are over among them go at the next look. */
  #unseen: PoolWait[] = [];
  #isTimed = false;

  constructor(core: EngineRecorder, engine: Engine, around: Around) {
    this.#core = core;
    this.#engine = engine;
    this.#around = around;
  }

  begin(scope: PoolWait['scope'], sql: string): PoolWait {
    const wait = new PoolWait(scope, sql, this.#engine.nowNs());
    if (typeof scope === 'symbol') return wait;
    this.#unseen.push(wait);
    if (!this.#isTimed) this.#startTimer();
    else if (this.#unseen.length > UNSEEN_MAX) this.#look(0);
    return wait;
  }

  /** @returns how long it took, in nanoseconds. */
  end(wait: PoolWait, isInVain: boolean): number {
    const { scope, startNs, handle } = wait;
    wait.isOver = true;
    wait.sql = '';
    // The slot knows when it was written down, which is later than the wait began.
    if (handle !== NO_HANDLE) this.#core.endWait(handle, false);
    if (!isInVain || typeof scope === 'symbol') {
      return Math.max(0, this.#engine.nowNs() - startNs);
    }
    const waitNs = Math.max(0, this.#core.endWait(NO_HANDLE, true, startNs));
    if (scope !== undefined) scope.vainWaitNs += waitNs;
    return waitNs;
  }

  #startTimer(): void {
    this.#isTimed = true;
    setTimeout(() => {
      this.#isTimed = false;
      this.#look(SHOWN_AFTER_MS * 1e6);
      if (this.#unseen.length > 0) this.#startTimer();
    }, SHOWN_AFTER_MS).unref();
  }

  /** Writes down who has waited for this long; never throws. */
  #look(ageNs: number): void {
    try {
      const untilNs = this.#engine.nowNs() - ageNs;
      const waiting = this.#unseen.filter(({ isOver }) => !isOver);
      this.#unseen = waiting.filter(({ startNs }) => startNs > untilNs);
      for (const wait of waiting) if (wait.startNs <= untilNs) this.#show(wait);
    } catch (error) {
      this.#around.reportFault(error);
    }
  }

  #show(wait: PoolWait): void {
    const { scope, sql } = wait;
    const core = this.#core;
    let requestHandle = NO_HANDLE;
    if (typeof scope === 'object') {
      this.#around.beforeShown(scope);
      requestHandle = scope.handle;
    }
    const statementId = sql === '' ? OTHER_ID : core.internStatement(sql);
    wait.handle = core.beginWait(statementId, requestHandle);
  }
}
