import { gateKinds, type GateKind, type RoutingStatistics } from '../../profile/routing-statistics.ts';
import { layerRow } from '../layer-view.ts';

/** sum / count for each expert; 0 where no token was counted, so that an expert without data ranks last. [E] */
export const meanOverCounts = (sums: Float64Array, counts: Float64Array): Float64Array =>
  sums.map((sum, expert) => (counts[expert]! > 0 ? sum / counts[expert]! : 0));

/** Exponents of one member of the unified family, and the gate that alpha raises. */
export interface UnifiedMember {
  /** 0: sum over the tokens routed to e; 1: mean. */
  readonly b: 0 | 1;
  readonly alpha: 0 | 1 | 2;
  readonly beta: 0 | 1 | 2;
  readonly gate: GateKind;
}

/**
 * S(b, alpha, beta)_e = n_e^-b * sum over the tokens routed to e of gate^alpha ||f_e(x)||^beta. [E]; 0 for an expert
 * that no token chose. Source: arXiv 2606.15716, which names MAN (1, 0, 1) and MSAN (1, 0, 2).
 */
export const unifiedSaliency = (statistics: RoutingStatistics, layer: number, member: UnifiedMember): Float64Array => {
  const sums = momentSum(statistics, layer, member);
  return member.b === 0 ? sums.slice() : meanOverCounts(sums, layerRow(statistics.counts, layer, statistics.experts));
};

/** Sum of gate^alpha ||f_e||^beta over the tokens routed to e; a view of the statistics. [E] */
const momentSum = (
  statistics: RoutingStatistics,
  layer: number,
  { alpha, beta, gate }: UnifiedMember,
): Float64Array => {
  const { experts, counts, eanSum, eanSquareSum, gatedMoments } = statistics;
  if (alpha === 0) return layerRow([counts, eanSum, eanSquareSum][beta] ?? counts, layer, experts);
  const row = ((layer * gateKinds.length + gateKinds.indexOf(gate)) * 2 + alpha - 1) * 3 + beta;
  return layerRow(gatedMoments, row, experts);
};
