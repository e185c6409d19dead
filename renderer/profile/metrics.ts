import type { TaskProfile } from '../../main/contract/profile.ts';
import { profileMetric } from '../../main/figures/profile-table.ts';
import { formatFixed, formatNumber, formatPercent, formatSigned } from '../../main/words/numbers.ts';
import type { RoutingMetric } from '../state/selection.ts';
import { byFallingValue } from '../../main/figures/cell-matrix.ts';

/** [L][E]. */
export type Matrix = readonly (readonly number[])[];

/** The selected metric, computed from a profile's sums and counts; 0 for an expert that no token chose. */
export const metricMatrix = (profile: TaskProfile, metric: RoutingMetric): Matrix =>
  profileMetric(metric)
    .matrix(profile)
    .map((row) => row.map((value) => value ?? 0));

/** exp of the entropy (natural log) of a layer's token counts; 0 for a layer without tokens. */
export const effectiveExperts = (counts: readonly number[]): number => {
  const sum = counts.reduce((total, count) => total + count, 0);
  if (sum === 0) return 0;
  const entropy = counts.reduce(
    (total, count) => (count > 0 ? total - (count / sum) * Math.log(count / sum) : total),
    0,
  );
  return Math.exp(entropy);
};

/** Rank of the expert; 1 is the largest. */
export const rankInLayer = (row: readonly (number | null)[], expert: number): number =>
  byFallingValue(row).indexOf(expert) + 1;

/** A value of a routing metric in full; differences with their sign. */
export const formatMetric = (metric: RoutingMetric, value: number, difference = false): string => {
  switch (metric) {
    case 'share':
      return difference ? `${formatSigned(value * 100, 2)}\u202f%` : formatPercent(value, 2);
    case 'gate':
      return difference ? formatSigned(value, 4) : formatFixed(value, 4);
    case 'reap':
    case 'ean':
      return difference && value > 0 ? `+${formatNumber(value, 4)}` : formatNumber(value, 4);
  }
};

export const formatMetricShort = (metric: RoutingMetric, value: number): string => {
  switch (metric) {
    case 'share':
      return formatFixed(value * 100, 1);
    case 'gate':
      return formatFixed(value, 3);
    case 'reap':
    case 'ean':
      return formatNumber(value, 2);
  }
};
