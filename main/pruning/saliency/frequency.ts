import type { RoutingStatistics } from '../../profile/routing-statistics.ts';
import { layerRow } from '../layer-view.ts';

/** Activation frequency: n_e, the tokens whose top-k contains expert e. [E] */
export const frequencySaliency = (statistics: RoutingStatistics, layer: number): Float64Array =>
  layerRow(statistics.counts, layer, statistics.experts).slice();
