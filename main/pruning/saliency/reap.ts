import type { GateKind, RoutingStatistics } from '../../profile/routing-statistics.ts';
import { unifiedSaliency } from './unified.ts';

/**
 * REAP: mean over the tokens routed to e of g ||f_e(x)||_2; 0 for an expert that no token chose. [E]. `gate` defaults
 * to the combine weight by the model's own rule; the `sum` form is n_e times the mean. Source: Lasby et al. 2025, arXiv
 * 2510.13999, equation of the saliency score.
 */
export const reapSaliency = (
  statistics: RoutingStatistics,
  layer: number,
  gate: GateKind = 'own',
  form: 'mean' | 'sum' = 'mean',
): Float64Array => unifiedSaliency(statistics, layer, { b: form === 'mean' ? 1 : 0, alpha: 1, beta: 1, gate });
