import type { JSX } from 'preact';

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

/** Those of one statement; nothing where none is known. */
export function CallSites({ sites }: { readonly sites: readonly string[] }): JSX.Element | null {
  const [first, ...others] = sites;
  if (first === undefined) return null;
  return (
    <p class="finding-details">
      <CallSite site={first} />
      {others.length > 0 && (
        <span title={others.map(revealInvisible).join('\n')}>
          and {formatCount(others.length)} more {others.length === 1 ? 'place' : 'places'}
        </span>
      )}
    </p>
  );
}
