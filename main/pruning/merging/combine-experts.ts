import type { ExpertWeights } from './expert-weights.ts';

/**
 * One expert as a linear combination of all experts of a layer: sum of weights[e] W_e for each matrix, in float64,
 * rounded once. Weights may be negative and need not sum to 1; a single 1 returns that expert exactly. Source: EEP,
 * arXiv 2407.00945 (a row of W_EM).
 */
export const combineExperts = (experts: readonly ExpertWeights[], weights: ArrayLike<number>): ExpertWeights => {
  const combine = (matrix: keyof ExpertWeights): Float32Array => {
    const sum = new Float64Array(experts[0]?.[matrix].length ?? 0);
    experts.forEach((expert, at) => {
      const weight = weights[at] ?? 0;
      if (weight === 0) return;
      const source = expert[matrix];
      for (let k = 0; k < sum.length; k++) sum[k]! += weight * source[k]!;
    });
    return Float32Array.from(sum);
  };
  return { gate: combine('gate'), up: combine('up'), down: combine('down') };
};
