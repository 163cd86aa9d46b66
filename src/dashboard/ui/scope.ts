import type { StatsScope } from '../data.ts';

/** Whose figures the address asks for: links and reloads keep it. */
export function scopeOfAddress(): StatsScope {
  return new URLSearchParams(location.search).get('scope') === 'host' ? 'host' : 'process';
}

export function writeScope(scope: StatsScope): void {
  const url = new URL(location.href);
  if (scope === 'host') url.searchParams.set('scope', scope);
  else url.searchParams.delete('scope');
  history.replaceState(null, '', url);
}
