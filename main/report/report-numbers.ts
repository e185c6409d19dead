import type { MetricName } from '../contract/task.ts';

const withMinus = (text: string): string => text.replace('-', '\u2212');

/** Rounded to `digits` decimals, with a true minus and no negative zero. */
const fixed = (value: number, digits: number): string => {
  const text = value.toFixed(digits);
  return withMinus(Number(text) === 0 ? text.replace('-', '') : text);
};

/** An accuracy in per cent with one decimal, a perplexity with three. */
export const printedValue = (value: number, metric: MetricName): string =>
  metric === 'perplexity' ? fixed(value, 3) : fixed(100 * value, 1);

/** The same for a difference, with its sign. */
export const printedDifference = (value: number, metric: MetricName): string => {
  const text = printedValue(value, metric);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
};

/** At most two decimals: 16 / 13 -> "1.23". */
export const printedFactor = (factor: number): string => String(Math.round(factor * 100) / 100);

/** Two significant digits; "< 0.001" below. */
export const printedP = (p: number | null): string =>
  p === null ? '' : p < 0.001 ? '< 0.001' : String(Number(p.toPrecision(2)));
