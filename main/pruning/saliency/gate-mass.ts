import type { RoutingStatistics } from '../../profile/routing-statistics.ts';
import { layerRow } from '../layer-view.ts';
import { frequencySaliency } from './frequency.ts';
import { unifiedSaliency } from './unified.ts';

/**
 * Soft counts of an expert (SEER-MoE, arXiv 2404.05089, and its readings in published code): `probability-all` sums
 * the softmax over all E over every token (HC-SMoE's routing score), `probability-routed` sums it over the tokens
 * routed to e (REAP's repository), `renormalised` divides it by its sum over the chosen first, `combine-weight` sums
 * the weight that the model itself uses, `count` counts tokens.
 */
export const gateMassVariants = [
  'combine-weight',
  'probability-all',
  'probability-routed',
  'renormalised',
  'count',
] as const;
export type GateMassVariant = (typeof gateMassVariants)[number];

/** [E], unnormalised. */
export const gateMassSaliency = (
  statistics: RoutingStatistics,
  layer: number,
  variant: GateMassVariant,
): Float64Array => {
  const { experts } = statistics;
  switch (variant) {
    case 'combine-weight':
      return layerRow(statistics.gateMass, layer, experts).slice();
    case 'probability-all':
      return layerRow(statistics.probabilityMass, layer, experts).slice();
    case 'probability-routed':
      return layerRow(statistics.probabilitySelected, layer, experts).slice();
    case 'renormalised':
      return unifiedSaliency(statistics, layer, { b: 0, alpha: 1, beta: 0, gate: 'renormalised' });
    case 'count':
      return frequencySaliency(statistics, layer);
  }
};
