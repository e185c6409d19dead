import type { MetricName } from '../../main/contract/task.ts';

/**
 * Digits that carry meaning, thousands apart by a thin space that never breaks, no exponent between 1e-4 and 1e6; NaN
 * and infinities say so.
 */
export const formatNumber = (value: number, digits = 3): string => {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'not a number' : value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6) return formatPower(value, digits - 1);
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  return formatFixed(value, Math.min(decimals, 6));
};

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

/** Whole numbers with thin spaces, which never break, between thousands. */
export const formatCount = (value: number): string =>
  Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, '\u202f');

export const formatPercent = (share: number, decimals = 1): string => `${formatFixed(share * 100, decimals)}\u202f%`;

/** A pruning factor: ×2, ×5.33. */
export const formatFactor = (factor: number): string =>
  `×${Number.isInteger(factor) ? factor.toString() : factor.toFixed(factor < 10 ? 2 : 1).replace(/\.?0+$/, '')}`;

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

/** Bytes in powers of 1024, as the file system counts. */
export const formatBytes = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size.toString() : size.toPrecision(3)}\u202f${units[unit] ?? 'B'}`;
};

/** A factor in the name of a file: at most two decimals. */
export const factorInName = (factor: number): string => `x${String(Math.round(factor * 100) / 100)}`;

/** Small amounts that only their power tells apart: 1.2e−7; zero says so. */
export const formatPower = (value: number, decimals: number): string =>
  value === 0 ? '0' : value.toExponential(decimals).replaceAll('-', '−').replace('e+', 'e');

/** An accuracy in per cent, a perplexity as it stands. */
export const valueText = (value: number, metric: MetricName): string =>
  metric === 'perplexity' ? formatFixed(value, 3) : formatFixed(100 * value, 1);

/** A difference likewise, in percentage points, with its sign. */
export const differenceText = (value: number, metric: MetricName): string =>
  metric === 'perplexity' ? formatSigned(value, 3) : formatSigned(100 * value, 1);

/** p-values: two digits, and never zero. */
export const formatProbability = (p: number): string => (p < 1e-4 ? '< 0.0001' : p >= 0.9995 ? '1' : p.toPrecision(2));
