/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * The median of ratios of values that were measured side by side, with a percentile bootstrap's
 * interval: the ratios are drawn anew, with replacement, and the middle 95 % of the medians that
 * come out are kept (Efron, 1979).
 *
 * @param below may have gaps: what was not measured in a round has no ratio there.
 * @returns `{ ratio, low, high }`.
 */
export function pairedRatio(above, below, resamplings = 2_000) {
  const ratios = above.map((value, index) => value / below[index]).filter(Number.isFinite);
  const medians = Array.from({ length: resamplings }, () => median(resampled(ratios))).sort(
    (a, b) => a - b,
  );
  return {
    ratio: median(ratios),
    low: medians[Math.floor(0.025 * resamplings)],
    high: medians[Math.ceil(0.975 * resamplings) - 1],
  };
}

function resampled(values) {
  return values.map(() => values[Math.floor(Math.random() * values.length)]);
}
