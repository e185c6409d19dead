import type { RoutingStatistics } from '../../profile/routing-statistics.ts';
import { requireStatistic } from './require-statistic.ts';

/**
 * MoNE's fused metric: the router's total weight of an expert, times the spread of its outputs about their mean, the
 * root of the variance summed over all H numbers; 0 for an expert that no token chose. [E] Source: Zhang et al. 2025,
 * arXiv 2507.00390; the variance is E||f||^2 - ||E f||^2 over the tokens routed to e.
 */
export const noviceSaliency = (
  { experts, counts, gateMass, eanSquareSum, outputs }: RoutingStatistics,
  layer: number,
): Float64Array => {
  const { hidden, routedSum } = requireStatistic(outputs, 'the mean outputs of chosen experts, which MoNE reads');
  return Float64Array.from({ length: experts }, (_, expert) => {
    const at = layer * experts + expert;
    const count = counts[at] ?? 0;
    if (count === 0) return 0;
    let squares = 0;
    for (let h = at * hidden; h < (at + 1) * hidden; h += 1) squares += ((routedSum[h] ?? 0) / count) ** 2;
    // Rounding can make the difference of equal outputs negative.
    return (gateMass[at] ?? 0) * Math.sqrt(Math.max(0, (eanSquareSum[at] ?? 0) / count - squares));
  });
};
