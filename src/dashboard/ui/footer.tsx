import type { JSX } from 'preact';

import type { DashboardData } from '../data.ts';
import { formatClock, formatCount, formatNs } from './format.ts';

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
            {status.overheadNs > 0 ? `${formatNs(status.overheadNs)} a query` : 'not sampled yet'}
          </dd>
        </div>
        <div>
          <dt>Left out for want of room</dt>
          <dd>{describeDropped(status.dropped)}</dd>
        </div>
        <div>
          <dt>Taken</dt>
          <dd>
            {formatClock(data.takenAt)} · <a href={`${pagePath}/json`}>as JSON</a>
          </dd>
        </div>
      </dl>
    </footer>
  );
}

function describeDropped(dropped: DashboardData['status']['dropped']): string {
  const parts = (['queries', 'requests', 'statements', 'torn'] as const)
    .filter((key) => dropped[key] > 0)
    .map((key) => `${formatCount(dropped[key])} ${key === 'torn' ? 'torn records' : key}`);
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}
