import type { JSX } from 'preact';

import type { DashboardData } from '../data.ts';
import { formatClock, formatCount, formatNs, formatPercent } from './format.ts';

interface FooterProps {
  readonly data: DashboardData;
  readonly pagePath: string;
}

export function Footer({ data, pagePath }: FooterProps): JSX.Element {
  const { status } = data;
  return (
    <footer class="bottom">
      <dl>
        <div>
          <dt>Engine</dt>
          <dd>
            {status.engine}, {status.reason}
          </dd>
        </div>
        <div>
          <dt>Cost of recording</dt>
          <dd>
            {describeCost(data)}
            {status.overheadNs > 0 && (
              <>
                {' '}
                <span class="muted">
                  (our part of one query in 64, measured here with the caches cold: several times
                  what the hot loop of a benchmark shows)
                </span>
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>Faults of its own</dt>
          <dd class={status.faultCount > 0 ? 'mark-error' : undefined}>
            {status.faultCount === 0
              ? 'none'
              : `${formatCount(status.faultCount)} caught; the first one is in the log as HYPERDJANGO_FAULT`}
          </dd>
        </div>
        <div>
          <dt>Left out for want of room</dt>
          <dd>{describeDropped(status.dropped)}</dd>
        </div>
        <div>
          <dt>Taken</dt>
          <dd>
            {formatClock(data.takenAt)} ·{' '}
            <a href={`${pagePath}/json${data.scope === 'host' ? '?scope=host' : ''}`}>as JSON</a>
          </dd>
        </div>
      </dl>
    </footer>
  );
}

/** And how much that is of the time that the queries took. */
function describeCost({ status, threads }: DashboardData): string {
  if (status.overheadNs === 0) return 'not sampled yet';
  const cost = `${formatNs(status.overheadNs)} a query`;
  const queryCount = threads.reduce((sum, row) => sum + row.queryCount, 0);
  const queryMs = threads.reduce((sum, row) => sum + row.queryMs, 0);
  if (queryMs <= 0) return cost;
  return `${cost}, ${formatPercent((status.overheadNs * queryCount) / (queryMs * 1e6))} of its time`;
}

const DROPPED_LABELS: Readonly<Record<string, string>> = {
  pools: 'reports of pools',
  torn: 'torn records',
};

function describeDropped(dropped: DashboardData['status']['dropped']): string {
  const parts = Object.entries(dropped)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${formatCount(count)} ${DROPPED_LABELS[kind] ?? kind}`);
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}
