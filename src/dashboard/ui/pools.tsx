import type { JSX } from 'preact';

import type { DashboardData, PoolRow } from '../data.ts';
import { formatCount, revealInvisible } from './format.ts';
import { Section } from './layout.tsx';

export function Pools({ pools }: Pick<DashboardData, 'pools'>): JSX.Element {
  return (
    <Section id="pools" title="Connection pools" count={pools.length}>
      {pools.length === 0 ? (
        <div class="empty">
          <p>No pool yet.</p>
          <p>
            One shows here once a <code>Database</code> is connected.
          </p>
        </div>
      ) : (
        <ul class="pools">
          {pools.map((pool) => (
            <Pool key={pool.name} pool={pool} />
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
        <h3>{revealInvisible(pool.name)}</h3>
        <span class={pool.waiting > 0 ? 'badge flag-slow' : 'muted'}>
          {pool.waiting > 0 ? `${formatCount(pool.waiting)} waiting` : 'none waiting'}
        </span>
      </div>
      <div class="pool-bar" aria-hidden="true">
        <span class="pool-active" style={{ width: `${(pool.active / size) * 100}%` }} />
        <span class="pool-idle" style={{ width: `${(pool.idle / size) * 100}%` }} />
      </div>
      <dl class="pool-figures">
        <Figure label="Active" value={pool.active} />
        <Figure label="Idle" value={pool.idle} />
        <Figure label="Total" value={pool.total} />
        <Figure label="Max" value={pool.max} />
      </dl>
    </li>
  );
}

function Figure({ label, value }: { readonly label: string; readonly value: number }): JSX.Element {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{formatCount(value)}</dd>
    </div>
  );
}
