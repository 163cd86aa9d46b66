import type { JSX } from 'preact';

import type { DashboardData } from '../data.ts';
import { FLAG_MARKS } from './flags.tsx';
import type { Flag } from './flags.tsx';
import { formatAverage, formatCount, formatMs, formatRate } from './format.ts';

interface TilesProps {
  readonly data: DashboardData;
  readonly previous: DashboardData | undefined;
}

/** The five figures of the JSON endpoint, each leading to where it comes from. */
export function Tiles({ data, previous }: TilesProps): JSX.Element {
  const { stats } = data;
  const mostQueries = data.requests.reduce((most, row) => Math.max(most, row.queryCount), 0);
  return (
    <ul class="tiles" aria-label="Totals since the start">
      <Tile
        name="total_requests"
        label="Requests"
        value={formatCount(stats.totalRequests)}
        href="#requests"
        note={rateOf(data, previous, 'totalRequests')}
      />
      <Tile
        name="total_queries"
        label="Queries"
        value={formatCount(stats.totalQueries)}
        href="#statements"
        note={
          stats.unscopedQueries > 0
            ? `${formatCount(stats.unscopedQueries)} outside requests${data.scope === 'host' ? ' or under way' : ''}`
            : rateOf(data, previous, 'totalQueries')
        }
      />
      <Tile
        name="avg_queries_per_request"
        label="Queries per request"
        value={formatAverage(stats.avgQueriesPerRequest)}
        href="#requests"
        note={mostQueries > 0 ? `at most ${formatCount(mostQueries)} of late` : 'on average'}
      />
      <Tile
        name="slow_query_count"
        label="Slow queries"
        value={formatCount(stats.slowQueryCount)}
        href="#slow-queries"
        note={`${formatMs(data.slowQueryThresholdMs)} or longer`}
        flag={stats.slowQueryCount > 0 ? 'slow' : undefined}
      />
      <Tile
        name="n_plus_one_count"
        label="N+1 in requests"
        value={formatCount(stats.nPlusOneCount)}
        href="#n-plus-one"
        note={`pairs of request and statement, ${formatCount(data.nPlusOneThreshold)} runs or more`}
        flag={stats.nPlusOneCount > 0 ? 'n-plus-one' : undefined}
      />
    </ul>
  );
}

interface TileProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly href: string;
  readonly note: string;
  readonly flag?: Flag | undefined;
}

function Tile({ name, label, value, href, note, flag }: TileProps): JSX.Element {
  return (
    <li>
      <a class={flag === undefined ? 'tile' : `tile tile-${flag}`} href={href} data-metric={name}>
        <span class="tile-label">
          {label}
          {flag !== undefined && <span aria-hidden="true">{FLAG_MARKS[flag]}</span>}
        </span>
        <span class="tile-value">{value}</span>
        <span class="tile-note">{note}</span>
      </a>
    </li>
  );
}

function rateOf(
  data: DashboardData,
  previous: DashboardData | undefined,
  key: 'totalRequests' | 'totalQueries',
): string {
  const isOfOthers = data.scope === 'process' && previous?.pid !== data.pid;
  if (previous === undefined || isOfOthers) return 'since the start';
  const seconds = (data.takenAt - previous.takenAt) / 1000;
  const count = data.stats[key] - previous.stats[key];
  return seconds > 0 && count >= 0 ? `${formatRate(count / seconds)} now` : 'since the start';
}
