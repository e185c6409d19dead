import { gateKinds, type GateKind, type RoutingStatistics } from '../profile/routing-statistics.ts';
import { layerRow, requireStatistic } from './weighed-profiles.ts';
import type { Pin } from '../contract/plan.ts';

/** sum / count for each expert; 0 where no token was counted, so that an expert without data ranks last. [E] */
const meanOverCounts = (sums: Float64Array, counts: Float64Array): Float64Array =>
  sums.map((sum, expert) => (counts[expert]! > 0 ? sum / counts[expert]! : 0));

/** Exponents of one member of the unified family, and the gate that alpha raises. */
interface UnifiedMember {
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

/** Activation frequency: n_e, the tokens whose top-k contains expert e. [E] */
export const frequencySaliency = (statistics: RoutingStatistics, layer: number): Float64Array =>
  layerRow(statistics.counts, layer, statistics.experts).slice();

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
type GateMassVariant = (typeof gateMassVariants)[number];

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

export const eanForms = ['sum', 'mean', 'ca'] as const;
type EanForm = (typeof eanForms)[number];

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

/** EASY-EP: sum over the tokens routed to e of g ||f_e(x)|| max(0, 1 - cos(h, h + y)). [E] */
export const easyEpSaliency = (statistics: RoutingStatistics, layer: number): Float64Array =>
  layerRow(
    requireStatistic(statistics.residualSum, 'how far each layer turns its tokens'),
    layer,
    statistics.experts,
  ).slice();

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

/** An expert is super above this quantile of all experts, and above this share of the largest. */
const QUANTILE = 0.995;
const SHARE_OF_LARGEST = 0.1;
/** Only layers in this first part of the model count, unless outliers in all layers are requested. */
const EARLY_PART = 0.75;

/**
 * Super experts, as pins that keep them: experts whose largest output exceeds both the 99.5 % quantile over all layers
 * (linear interpolation) and a tenth of the global maximum. Dropping one breaks generation. `maxActivations` is [L][E].
 * Pins apply to every method; in published code the protection does not cover frequency pruning. Source: Su et al.
 * 2025, arXiv 2507.23279; thresholds as in the CerebrasResearch/reap repository.
 */
export const superExpertPins = (maxActivations: readonly Float64Array[], layers: 'early' | 'all'): Pin[] => {
  const all = Float64Array.from(maxActivations.flatMap((layer) => [...layer])).sort();
  if (all.length === 0) return [];
  const position = QUANTILE * (all.length - 1);
  const below = all[Math.floor(position)]!;
  const above = all[Math.ceil(position)]!;
  const quantile = below + (position - Math.floor(position)) * (above - below);
  const threshold = Math.max(quantile, all[all.length - 1]! * SHARE_OF_LARGEST);
  const considered = layers === 'all' ? maxActivations.length : Math.floor(EARLY_PART * maxActivations.length);
  return maxActivations
    .slice(0, considered)
    .flatMap((activations, layer) =>
      [...activations.keys()]
        .filter((expert) => activations[expert]! > threshold)
        .map((expert) => ({ layer, expert, keep: true })),
    );
};
