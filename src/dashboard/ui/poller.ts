import type { DashboardData, StatsScope } from '../data.ts';

/**
 * - `connecting`: nothing was received yet
 * - `live`: the last attempt succeeded
 * - `retrying`: the last attempt failed; {@link PollState.problem} says how
 * - `paused`: the reader stopped it
 */
export type PollPhase = 'connecting' | 'live' | 'retrying' | 'paused';

export interface PollState {
  readonly phase: PollPhase;
  readonly data: DashboardData | undefined;
  /** What was received before `data`, to tell how fast totals grow. */
  readonly previous: DashboardData | undefined;
  /** Why the last attempt failed; undefined if it did not. */
  readonly problem: string | undefined;
}

export interface Poller {
  pause(): void;
  resume(): void;
  /** Stops while nobody looks, and drops what is under way; goes on where it was. */
  setVisible(isVisible: boolean): void;
  stop(): void;
}

export interface PollerOptions {
  readonly load: (signal: AbortSignal) => Promise<DashboardData>;
  readonly onChange: (state: PollState) => void;
  readonly isVisible: boolean;
}

/** The server said that it will not tell; the message is for the reader. */
export class DashboardAnswerError extends Error {}

export const INTERVAL_MS = 1000;
const WAIT_MS_MAX = 10_000;
const TIMEOUT_MS = 10_000;

/**
 * Loads at once and again {@link INTERVAL_MS} after each answer, never twice at a time. After
 * a failure it waits twice as long as the time before, ten seconds at most.
 */
export function createPoller({ load, onChange, isVisible }: PollerOptions): Poller {
  let state: PollState = {
    phase: 'connecting',
    data: undefined,
    previous: undefined,
    problem: undefined,
  };
  let isPaused = false;
  let isStopped = false;
  let isSeen = isVisible;
  let failureCount = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempt: AbortController | undefined;

  function change(next: Partial<PollState>): void {
    state = { ...state, ...next };
    onChange(state);
  }

  function cancel(): void {
    clearTimeout(timer);
    timer = undefined;
    attempt?.abort();
    attempt = undefined;
  }

  function isRunning(): boolean {
    return isSeen && !isPaused && !isStopped;
  }

  async function run(): Promise<void> {
    const current = new AbortController();
    attempt = current;
    const timeout = setTimeout(() => {
      current.abort(new DashboardAnswerError('The application did not answer in time.'));
    }, TIMEOUT_MS);
    try {
      const data = await load(current.signal);
      if (attempt !== current) return;
      failureCount = 0;
      change({ phase: 'live', data, previous: state.data, problem: undefined });
    } catch (error) {
      if (attempt !== current) return;
      failureCount += 1;
      change({ phase: 'retrying', problem: describeProblem(error) });
    } finally {
      clearTimeout(timeout);
    }
    attempt = undefined;
    timer = setTimeout(() => void run(), Math.min(INTERVAL_MS * 2 ** failureCount, WAIT_MS_MAX));
  }

  function restart(): void {
    cancel();
    if (isRunning()) void run();
  }

  restart();

  return {
    pause() {
      isPaused = true;
      cancel();
      change({ phase: 'paused', problem: undefined });
    },
    resume() {
      isPaused = false;
      change({ phase: state.data === undefined ? 'connecting' : 'live', problem: undefined });
      restart();
    },
    setVisible(isNowVisible) {
      if (isNowVisible === isSeen) return;
      isSeen = isNowVisible;
      restart();
    },
    stop() {
      isStopped = true;
      cancel();
    },
  };
}

function describeProblem(error: unknown): string {
  return error instanceof DashboardAnswerError
    ? error.message
    : 'The application does not answer. Is it still running?';
}

/** Loads from the dashboard whose page lies at `pagePath`. */
export function createLoader(
  pagePath: string,
  scope: StatsScope,
): (signal: AbortSignal) => Promise<DashboardData> {
  const url = `${pagePath.replace(/\/+$/, '')}/data${scope === 'host' ? '?scope=host' : ''}`;
  return async (signal) => {
    const response = await fetch(url, { signal, headers: { accept: 'application/json' } });
    if (response.status === 404) {
      throw new DashboardAnswerError('The application no longer shows its dashboard to you (404).');
    }
    if (!response.ok) {
      throw new DashboardAnswerError(`The application answered with status ${response.status}.`);
    }
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
    if (!isJson) throw new DashboardAnswerError('Something else answered in its place.');
    return (await response.json()) as DashboardData;
  };
}
