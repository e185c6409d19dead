import { formatFixed, formatNumber, formatPercent, formatSigned } from '../format/format-number.ts';
import type { RoutingMetric } from '../state/routing-store.ts';

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

/** The same, short enough for a cell. */
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
