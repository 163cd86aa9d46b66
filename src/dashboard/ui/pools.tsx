import type { JSX } from 'preact';

import type { DashboardData, PoolRow, PoolTimesRow } from '../data.ts';
import { formatAge, formatCount, formatMs, revealInvisible } from './format.ts';
import { Section } from './layout.tsx';

/** From here on a pool's figures are said to be old. */
const OLD_MS = 2000;

export function Pools({ data }: { readonly data: DashboardData }): JSX.Element {
  const { pools, status } = data;
  const timeouts = status.poolTimeoutCount;
  return (
    <Section
      id="pools"
      title="Connection pools"
      count={pools.length}
      note={
        timeouts === 0 ? undefined : (
          <span class="mark-error">
            {formatCount(timeouts)} {timeouts === 1 ? 'wait' : 'waits'} for a client ended without
            one
          </span>
        )
      }
    >
      {pools.length === 0 ? (
        <div class="empty">
          <p>No pool yet.</p>
          <p>
            One shows here once a <code>Database</code> is connected.
          </p>
        </div>
      ) : (
        <ul class="pools">
          {pools.map((pool, index) => (
            // Two pools may have one name.
            <Pool key={index} pool={pool} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Pool({ pool }: { readonly pool: PoolRow }): JSX.Element {
  const size = Math.max(pool.max, pool.total, 1);
  return (
    <li class="pool">
      <div class="pool-head">
        <h3>
          {revealInvisible(pool.name)}
          {pool.where !== '' && <span class="muted"> · {pool.where}</span>}
        </h3>
        <span class={pool.waiting > 0 ? 'badge flag-slow' : 'muted'}>
          {pool.waiting > 0 ? `${formatCount(pool.waiting)} waiting` : 'none waiting'}
        </span>
      </div>
      <div class="pool-bar" aria-hidden="true">
        <span class="pool-active" style={{ width: `${(pool.active / size) * 100}%` }} />
        <span class="pool-idle" style={{ width: `${(pool.idle / size) * 100}%` }} />
      </div>
      <dl class="pool-figures">
        <Figure label="Active" value={formatCount(pool.active)} />
        <Figure label="Idle" value={formatCount(pool.idle)} />
        <Figure label="Total" value={formatCount(pool.total)} />
        <Figure label="Max" value={formatCount(pool.max)} />
      </dl>
      {pool.times !== null && pool.times.checkoutCount + pool.times.timeoutCount > 0 && (
        <Times times={pool.times} />
      )}
      {pool.ageMs >= OLD_MS && (
        <p class="pool-age muted">as it was {formatAge(pool.ageMs)}, when it was last used</p>
      )}
    </li>
  );
}

/** Since the pool was first seen. */
function Times({ times }: { readonly times: PoolTimesRow }): JSX.Element {
  const { checkoutCount, timeoutCount, connectCount, heldCount } = times;
  return (
    <dl class="pool-times">
      <Time
        label="Wait for a client"
        count={checkoutCount + timeoutCount}
        totalMs={times.waitTotalMs}
        maxMs={times.waitMaxMs}
        note={timeoutCount === 0 ? '' : `, ${formatCount(timeoutCount)} got none`}
      />
      <Time
        label="Connect"
        count={connectCount}
        totalMs={times.connectTotalMs}
        maxMs={times.connectMaxMs}
      />
      <Time
        label="Client held"
        count={heldCount}
        totalMs={times.heldTotalMs}
        maxMs={times.heldMaxMs}
      />
    </dl>
  );
}

interface TimeProps {
  readonly label: string;
  readonly count: number;
  readonly totalMs: number;
  readonly maxMs: number;
  readonly note?: string;
}

function Time({ label, count, totalMs, maxMs, note = '' }: TimeProps): JSX.Element {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        {count === 0
          ? 'never'
          : `${formatCount(count)} ×, mean ${formatMs(totalMs / count)}, max ${formatMs(maxMs)}${note}`}
      </dd>
    </div>
  );
}

function Figure({ label, value }: { readonly label: string; readonly value: string }): JSX.Element {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}
