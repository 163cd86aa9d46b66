import type { JSX } from 'preact';

import type { StatementRow } from '../data.ts';
import { formatCount, revealInvisible } from './format.ts';

/** Where in the application a query comes from. */
export function CallSite({ site }: { readonly site: string | null }): JSX.Element {
  return site === null ? (
    <span>call site not known</span>
  ) : (
    <span class="call-site">
      from <code>{revealInvisible(site)}</code>
    </span>
  );
}

/** What an ORM was asked for. */
export function Models({ models }: { readonly models: readonly string[] }): JSX.Element {
  return (
    <span>
      {models.length === 1 ? 'model' : 'models'} <code>{revealInvisible(models.join(', '))}</code>
    </span>
  );
}

/** Of one statement; nothing where nothing is known. */
export function Origin(row: StatementRow): JSX.Element | null {
  const { callSites, models = [], requestsPerRunMax: served = 1 } = row;
  const [first, ...others] = callSites;
  if (first === undefined && models.length === 0 && served === 1) return null;
  return (
    <p class="finding-details">
      {models.length > 0 && <Models models={models} />}
      {served > 1 && (
        <span>one run served {formatCount(served)} requests, and counts on the first</span>
      )}
      {first !== undefined && <CallSite site={first} />}
      {others.length > 0 && (
        <span title={others.map(revealInvisible).join('\n')}>
          and {formatCount(others.length)} more {others.length === 1 ? 'place' : 'places'}
        </span>
      )}
    </p>
  );
}
