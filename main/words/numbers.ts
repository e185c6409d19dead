import type { MetricName } from '../contract/task.ts';

/**
 * Significant digits, with thin non-breaking spaces between thousands and no exponent between 1e-4 and 1e6; NaN and
 * infinities are named.
 */
export const formatNumber = (value: number, digits = 3): string => {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'not a number' : value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6) return formatPower(value, digits - 1);
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  return formatFixed(value, Math.min(decimals, 6));
};

/** Small numbers of which only the magnitude matters: 1.2e−7; zero is named. */
export const formatPower = (value: number, decimals: number): string =>
  value === 0 ? '0' : value.toExponential(decimals).replaceAll('-', '−').replace('e+', 'e');

/** A fixed number of decimals with a true minus sign; never "−0". */
export const formatFixed = (value: number, decimals: number): string => {
  const text = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
};

/** With its sign, for differences. */
export const formatSigned = (value: number, decimals: number): string => {
  const text = formatFixed(value, decimals);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
};

/** Whole numbers with thin non-breaking spaces between thousands. */
export const formatCount = (value: number): string =>
  Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, '\u202f');

export const formatPercent = (share: number, decimals = 1): string => `${formatFixed(share * 100, decimals)}\u202f%`;

/** A rough share in two digits: 57 %, 0.33 %. */
export const formatRoughPercent = (share: number): string => `${Number((share * 100).toPrecision(2))}\u202f%`;

/** A share of routed choices that may be absent: "4.8 %", or nothing. */
export const formatDroppedShare = ({ droppedShare }: { readonly droppedShare?: number | undefined }): string =>
  droppedShare === undefined ? '' : formatPercent(droppedShare);

/**
 * A factor without a sign, at most two decimals: 16 / 13 -> "1.23"; more where two would show a pruned model as the
 * unpruned one: 256 / 255 -> "1.0039".
 */
export const bareFactor = (factor: number): string => {
  const rounded = Math.round(factor * 100) / 100;
  return String(rounded === 1 && factor > 1 ? Number(factor.toPrecision(5)) : rounded);
};

/** A factor in a file name. */
export const factorInName = (factor: number): string => `x${bareFactor(factor)}`;

/** A pruning factor: ×2, ×5.33. */
export const formatFactor = (factor: number): string => `×${bareFactor(factor)}`;

/** An accuracy in per cent with one decimal, a perplexity with three. */
export const formatValue = (value: number, metric: MetricName): string =>
  metric === 'perplexity' ? formatFixed(value, 3) : formatFixed(100 * value, 1);

/** A difference with its sign: percentage points of accuracy; perplexity unchanged. */
export const formatDifference = (value: number, metric: MetricName): string =>
  metric === 'perplexity' ? formatSigned(value, 3) : formatSigned(100 * value, 1);

/** A margin of accuracy: "2 points", without needless decimals. */
export const formatMargin = (delta: number): string => {
  const points = Number((100 * delta).toFixed(2));
  return `${points} ${points === 1 ? 'point' : 'points'}`;
};

/** Unit of `formatDifference`, to follow it. */
export const differenceUnit = (metric: MetricName): string => (metric === 'perplexity' ? '' : ' points');

/** The same with its unit: "-24.3 points", with a true minus; "+0.012" of perplexity. */
export const formatDifferenceInUnit = (value: number, metric: MetricName): string =>
  `${formatDifference(value, metric)}${differenceUnit(metric)}`;

/** The interval of a difference: "[-3.1, +0.4]", with a true minus. */
export const formatInterval = (
  { low, high }: { readonly low: number; readonly high: number },
  metric: MetricName,
): string => `[${formatDifference(low, metric)}, ${formatDifference(high, metric)}]`;

/** A mean of nats with its interval: "4.80 [4.11, 5.49]". */
export const formatNats = (
  { mean, low, high }: Readonly<Record<'mean' | 'low' | 'high', number>>,
  digits = 2,
): string => `${formatFixed(mean, digits)} [${formatFixed(low, digits)}, ${formatFixed(high, digits)}]`;

/** Explains `formatValue` and `formatDifference` in captions of tables. */
export const UNITS_NOTE =
  'Accuracies in per cent, differences in percentage points (perplexity unscaled); two-sided 95 % ' +
  'intervals, paired.';

/** Parameter counts: 1.23 M, 46.7 B. */
export const formatParameters = (count: number): string => {
  if (count < 1e3) return formatCount(count);
  const steps: readonly (readonly [number, string])[] = [
    [1e12, 'T'],
    [1e9, 'B'],
    [1e6, 'M'],
    [1e3, 'K'],
  ];
  for (const [size, unit] of steps) if (count >= size) return `${(count / size).toPrecision(3)}\u202f${unit}`;
  return formatCount(count);
};

/** Bytes in powers of 1000, three digits: 2.93 MB. */
export const formatBytes = (bytes: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${Number((bytes / 1000 ** power).toPrecision(3))}\u202f${units[power] ?? ''}`;
};

/** A p-value: two digits, and never zero. */
export const formatProbability = (p: number): string => (p < 0.001 ? '< 0.001' : String(Number(p.toPrecision(2))));

/** "p = 0.016", "p < 0.001". */
export const formatP = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${formatProbability(p)}`);

/** "8", "8\u2013300": the smallest and the largest of several counts; nothing for none. */
export const formatRange = (counts: readonly number[]): string => {
  const ordered = [...counts].sort((left, right) => left - right);
  const [least, most] = [ordered[0], ordered.at(-1)];
  if (least === undefined || most === undefined) return '';
  return least === most ? formatCount(least) : `${formatCount(least)}\u2013${formatCount(most)}`;
};

/** "a", "a and b", "a, b and c". */
export const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;

/** "1 task", "9 tasks". */
export const counted = (count: number, one: string, several = `${one}s`): string =>
  `${count} ${count === 1 ? one : several}`;

/** "once", "2 times". */
export const countedTimes = (count: number): string => (count === 1 ? 'once' : counted(count, 'time'));

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** A duration rounded to its unit: seconds up to a minute and a half, minutes up to an hour and a half, else hours. */
export const durationParts = (milliseconds: number): readonly [number, string] => {
  if (milliseconds < 90 * SECOND) return [Math.max(1, Math.round(milliseconds / SECOND)), 's'];
  if (milliseconds < 90 * MINUTE) return [Math.round(milliseconds / MINUTE), 'min'];
  return [Math.round((milliseconds / HOUR) * 10) / 10, 'h'];
};

export const formatDuration = (milliseconds: number): string => durationParts(milliseconds).join('\u202f');
