/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Ratio of two medians, with a percentile bootstrap's interval: both samples are drawn anew, with
 * replacement, and the middle 95 % of the ratios that come out are kept (Efron, 1979).
 *
 * @returns `{ ratio, low, high }`.
 */
export function ratioInterval(above, below, resamplings = 2_000) {
  const ratios = Array.from(
    { length: resamplings },
    () => median(resampled(above)) / median(resampled(below)),
  ).sort((a, b) => a - b);
  return {
    ratio: median(above) / median(below),
    low: ratios[Math.floor(0.025 * resamplings)],
    high: ratios[Math.ceil(0.975 * resamplings) - 1],
  };
}

function resampled(values) {
  return values.map(() => values[Math.floor(Math.random() * values.length)]);
}
