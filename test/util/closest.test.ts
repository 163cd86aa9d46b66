import { describe, expect, it } from 'vitest';

import { closest } from '../../src/util/closest.ts';

describe('closest', () => {
  it.each([
    ['a letter too few', 'HEADER', 'HEADERS'],
    ['a letter too many', 'toop', 'top'],
    ['another letter', 'QUIEZ', 'QUIET'],
    ['letters in another order', 'tpo', 'top'],
    ['two letters of a long word', 'slowQuerryThresholdM', 'slowQueryThresholdMs'],
  ])('finds a word with %s', (_, typed, meant) => {
    const known = ['HEADERS', 'QUIET', 'demo', 'postmortem', 'slowQueryThresholdMs', 'top'];
    expect(closest(typed, known)).toBe(meant);
  });

  it('takes the nearest of several', () => {
    expect(closest('maxRow', ['maxRuns', 'maxRows'])).toBe('maxRows');
  });

  it.each(['XYZ', '', 'frobnicate'])('takes nothing for %j', (typed) => {
    expect(closest(typed, ['APP', 'DIR', 'ENGINE', 'top'])).toBeUndefined();
  });
});
