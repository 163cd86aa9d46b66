import type { JSX } from 'preact';

import type { StatsScope } from '../data.ts';
import { formatCount, revealInvisible } from './format.ts';
import { Choice } from './layout.tsx';
import type { PollPhase, PollState } from './poller.ts';

const PHASE_LABELS: Readonly<Record<PollPhase, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  retrying: 'Reconnecting',
  paused: 'Paused',
};

interface HeaderProps {
  readonly state: PollState;
  readonly scope: StatsScope;
  readonly onScope: (scope: StatsScope) => void;
  readonly onPause: () => void;
  readonly onResume: () => void;
}

export function Header({ state, scope, onScope, onPause, onResume }: HeaderProps): JSX.Element {
  const { data, phase } = state;
  const isPaused = phase === 'paused';
  return (
    <header class="top">
      <div class="top-inner">
        <Logo />
        <h1>
          {data === undefined ? 'Performance' : revealInvisible(data.app)}
          <span class="product">HyperDjango performance</span>
        </h1>
        <Choice
          label="Whose figures"
          options={[
            ['process', 'This process'],
            ['host', 'All processes'],
          ]}
          value={scope}
          onChange={onScope}
        />
        {data !== undefined && (
          <ul class="chips" aria-label={data.scope === 'host' ? 'Processes' : 'Process'}>
            <li class="chip">
              <span class="muted">engine</span> {data.status.engine}
            </li>
            {data.scope === 'host' ? (
              <li class="chip">
                {formatCount(new Set(data.threads.map(({ pid }) => pid)).size)}{' '}
                <span class="muted">running</span>
              </li>
            ) : (
              <li class="chip">
                <span class="muted">pid</span> {data.pid}
              </li>
            )}
          </ul>
        )}
        <div class="live">
          <span class={`live-dot live-${phase}`} aria-hidden="true" />
          <span role="status">{PHASE_LABELS[phase]}</span>
          <button type="button" class="button" onClick={isPaused ? onResume : onPause}>
            {isPaused ? 'Resume' : 'Pause'}
          </button>
        </div>
      </div>
    </header>
  );
}

function Logo(): JSX.Element {
  return (
    <svg class="logo" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M8 21v-6m5.3 6V9m5.4 12v-9m5.3 9v-4" />
    </svg>
  );
}
