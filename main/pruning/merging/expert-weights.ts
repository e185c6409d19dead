import { at } from '../../contract/errors.ts';

/** Sizes of a SwiGLU expert: `hidden` H, `width` I. */
export interface ExpertShape {
  readonly hidden: number;
  readonly width: number;
}

/**
 * Weights of one expert, row-major float32: gate and up [I, H], down [H, I]. Neuron i is row i of both and column i.
 */
export interface ExpertWeights {
  readonly gate: Float32Array;
  readonly up: Float32Array;
  readonly down: Float32Array;
}

/**
 * One expert as a linear combination of all experts of a layer: sum of weights[e] W_e for each matrix, in float64,
 * rounded once. Weights may be negative and need not sum to 1; a single 1 returns that expert exactly. Source: EEP,
 * arXiv 2407.00945 (a row of W_EM).
 */
export const combineExperts = (experts: readonly ExpertWeights[], weights: ArrayLike<number>): ExpertWeights => {
  const combine = (matrix: keyof ExpertWeights): Float32Array => {
    const sum = new Float64Array(at(experts, 0)[matrix].length);
    experts.forEach((expert, index) => {
      const weight = at(weights, index);
      if (weight === 0) return;
      const source = expert[matrix];
      for (let k = 0; k < sum.length; k++) sum[k]! += weight * source[k]!;
    });
    return Float32Array.from(sum);
  };
  return { gate: combine('gate'), up: combine('up'), down: combine('down') };
};
