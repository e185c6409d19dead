import type { RoutingStatistics } from '../../profile/routing-statistics.ts';
import { layerRow } from '../layer-view.ts';
import { meanOverCounts } from './unified.ts';
import { requireStatistic } from './require-statistic.ts';

export const eanForms = ['sum', 'mean', 'ca'] as const;
export type EanForm = (typeof eanForms)[number];

/**
 * Expert activation norm over the tokens routed to e, f_e the ungated output: `sum` of ||f_e(x)||_2, `mean` of it, or
 * `ca`, the norm of the mean output ||mean f_e(x)||_2. 0 where no token chose e. [E].
 * Source: Jaiswal et al. 2025, arXiv 2504.05586; the three forms as in the CerebrasResearch/reap repository.
 */
export const eanSaliency = (statistics: RoutingStatistics, layer: number, form: EanForm): Float64Array => {
  const { experts } = statistics;
  const counts = layerRow(statistics.counts, layer, experts);
  const sums = layerRow(statistics.eanSum, layer, experts);
  if (form === 'sum') return sums.slice();
  if (form === 'mean') return meanOverCounts(sums, counts);
  const { hidden, routedSum } = requireStatistic(statistics.outputs, 'the outputs of the chosen experts');
  const lengths = counts.map((_, expert) => {
    const row = layerRow(routedSum, layer * experts + expert, hidden);
    return Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
  });
  return meanOverCounts(lengths, counts);
};
