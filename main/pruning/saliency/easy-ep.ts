import type { RoutingStatistics } from '../../profile/routing-statistics.ts';
import { layerRow } from '../layer-view.ts';
import { requireStatistic } from './require-statistic.ts';

/** EASY-EP: sum over the tokens routed to e of g ||f_e(x)|| max(0, 1 - cos(h, h + y)). [E] */
export const easyEpSaliency = (statistics: RoutingStatistics, layer: number): Float64Array =>
  layerRow(
    requireStatistic(statistics.residualSum, 'how far each layer turns its tokens'),
    layer,
    statistics.experts,
  ).slice();
