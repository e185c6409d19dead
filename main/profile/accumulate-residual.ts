import type { RoutingStatistics } from './routing-statistics.ts';

/** What EASY-EP reads of N real tokens of one MoE layer. */
export interface ResidualTaps {
  /** [N, K] chosen experts. */
  readonly experts: Int32Array;
  /** [N, K] combine weights as the model uses them, scale included. */
  readonly weights: ArrayLike<number>;
  /** [N, K] ||f_e(x)||_2. */
  readonly norms: ArrayLike<number>;
  /** [N] cosine of h and h + y: h the hidden state that enters the residual sum, y the sum of the routed experts alone. */
  readonly cosines: ArrayLike<number>;
}

/**
 * Adds g ||f_e(x)|| max(0, 1 - cos(h, h + y)) of each choice to `residualSum`: what an expert contributes counts the
 * more, the more its layer turns the token.
 * Source: EASY-EP, Dong et al. 2025, arXiv 2504.06792.
 */
export const accumulateResidual = (statistics: RoutingStatistics, layer: number, taps: ResidualTaps): void => {
  const { experts, topK, residualSum } = statistics;
  if (residualSum === undefined) throw new RangeError('the statistics hold no residual sums');
  if (taps.cosines.length * topK !== taps.experts.length) {
    throw new RangeError(`${taps.cosines.length} cosines for ${taps.experts.length} choices with top-${topK}`);
  }
  taps.experts.forEach((expert, slot) => {
    const turn = Math.max(0, 1 - taps.cosines[Math.floor(slot / topK)]!);
    residualSum[layer * experts + expert]! += taps.weights[slot]! * taps.norms[slot]! * turn;
  });
};

/**
 * [N] cosines of h and h + y from [N, H] hidden states and routed sums, in float64; 1 where either has no length (a
 * token that is not turned).
 */
export const residualCosines = (hidden: Float32Array, routed: Float32Array, width: number): Float64Array => {
  const cosines = new Float64Array(hidden.length / width);
  for (let token = 0; token < cosines.length; token++) {
    let before = 0;
    let after = 0;
    let product = 0;
    for (let h = token * width; h < (token + 1) * width; h++) {
      const x = hidden[h]!;
      const z = x + routed[h]!;
      before += x * x;
      after += z * z;
      product += x * z;
    }
    const scale = Math.sqrt(before) * Math.sqrt(after);
    cosines[token] = scale > 0 ? product / scale : 1;
  }
  return cosines;
};
