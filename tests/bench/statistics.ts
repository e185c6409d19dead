/** Median of a list of measurements (mean of the two middle ones if their number is even). */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle) - 1] ?? NaN)) / 2;
};

/** The value below which a share of a list of measurements lies. */
export const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN;

/** Median and range of the ratios of paired measurements (theirs / ours): above 1, ours is faster. */
export const ratios = (theirs: readonly number[], ours: readonly number[]): string => {
  const list = theirs.map((value, index) => value / (ours[index] ?? NaN));
  return `${median(list).toFixed(2)}x (${Math.min(...list).toFixed(2)} to ${Math.max(...list).toFixed(2)})`;
};
