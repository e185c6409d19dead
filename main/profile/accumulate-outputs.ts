import { productOf, type Steps } from '../arithmetic/steps.ts';
import type { OutputStatistics, RoutingStatistics } from './routing-statistics.ts';

/**
 * gram += rows rows^T over the first `count` entries of each row, both triangles, float64.
 * `rows` is [n, stride], `gram` [n, n]. Works on 2 x 2 blocks of the upper triangle: four sums in registers share four
 * loads, about three times the speed of one dot product at a time.
 */
export const addGram = (gram: Float64Array, rows: Float64Array, n: number, stride: number, count: number): void => {
  const even = n - (n % 2);
  for (let i = 0; i < even; i += 2) {
    for (let j = i; j < even; j += 2) {
      let s00 = 0;
      let s01 = 0;
      let s10 = 0;
      let s11 = 0;
      let a = i * stride;
      let b = j * stride;
      for (let t = 0; t < count; t++, a++, b++) {
        const a0 = rows[a]!;
        const a1 = rows[a + stride]!;
        const b0 = rows[b]!;
        const b1 = rows[b + stride]!;
        s00 += a0 * b0;
        s01 += a0 * b1;
        s10 += a1 * b0;
        s11 += a1 * b1;
      }
      add(gram, n, i, j, s00);
      add(gram, n, i, j + 1, s01);
      // On the diagonal block, (i, i + 1) was just added in both triangles.
      if (i !== j) add(gram, n, i + 1, j, s10);
      add(gram, n, i + 1, j + 1, s11);
    }
  }
  if (even === n) return;
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let t = 0; t < count; t++) sum += rows[i * stride + t]! * rows[even * stride + t]!;
    add(gram, n, i, even, sum);
  }
};

const add = (gram: Float64Array, n: number, i: number, j: number, value: number): void => {
  gram[i * n + j]! += value;
  if (i !== j) gram[j * n + i]! += value;
};

/** Numbers per tile in float64: 16 MB. */
const NUMBERS_PER_TILE = 2 ** 21;

/** Every expert's output on N real tokens of one MoE layer. */
export interface OutputTaps {
  /** [E, N, H] ungated outputs of all experts, chosen or not. */
  readonly outputs: Float32Array;
  /** [N, K] chosen experts. */
  readonly experts: Int32Array;
  /** [N] how much each token counts; absent: 1. */
  readonly counted?: ArrayLike<number> | undefined;
}

/**
 * Adds N tokens to the output statistics of one layer: float32 in, float64 sums. The cosine of two outputs is taken
 * token by token; an output of length 0 has cosine 0 with every other. Statistics over all tokens are added only where
 * they were opened.
 *
 * @throws RangeError where the statistics were not opened for outputs, or sizes do not fit.
 */
export function* accumulateOutputs(statistics: RoutingStatistics, layer: number, taps: OutputTaps): Steps<void> {
  const { experts, topK, outputs } = statistics;
  if (outputs === undefined) throw new RangeError('the statistics contain no outputs');
  const { hidden, routedSum } = outputs;
  const tokens = taps.experts.length / topK;
  if (taps.outputs.length !== experts * tokens * hidden) {
    throw new RangeError(
      `${taps.outputs.length} outputs for ${experts} experts, ${tokens} tokens and ${hidden} numbers each`,
    );
  }
  if (outputs.everywhere !== undefined)
    yield* addEverywhere(outputs.everywhere, layer, taps.outputs, { experts, tokens, hidden }, taps.counted);
  taps.experts.forEach((expert, slot) => {
    if (expert >= experts) return;
    const from = (expert * tokens + Math.floor(slot / topK)) * hidden;
    const to = (layer * experts + expert) * hidden;
    const counted = taps.counted?.[Math.floor(slot / topK)] ?? 1;
    for (let h = 0; h < hidden; h++) routedSum[to + h]! += counted * taps.outputs[from + h]!;
  });
}

/** Adds outputs [E, N, H] of all experts to their sums and to the cosines of every pair, in tiles of tokens. */
function* addEverywhere(
  everywhere: NonNullable<OutputStatistics['everywhere']>,
  layer: number,
  outputs: Float32Array,
  { experts, tokens, hidden }: { readonly experts: number; readonly tokens: number; readonly hidden: number },
  weights?: ArrayLike<number>,
): Steps<void> {
  const square = experts * experts;
  const cosineSum = everywhere.cosineSum.subarray(layer * square, (layer + 1) * square);
  const tile = Math.max(1, Math.min(tokens, Math.floor(NUMBERS_PER_TILE / (experts * hidden))));
  // [tokens of the tile, H, E]: its product with its transpose is the sum over tokens of all pairs.
  const units = new Float64Array(tile * hidden * experts);
  for (let first = 0; first < tokens; first += tile) {
    const count = Math.min(tile, tokens - first);
    for (let expert = 0; expert < experts; expert++) {
      const sum = everywhere.sum.subarray((layer * experts + expert) * hidden, (layer * experts + expert + 1) * hidden);
      for (let token = 0; token < count; token++) {
        const from = (expert * tokens + first + token) * hidden;
        const to = token * hidden * experts + expert;
        const counted = weights?.[first + token] ?? 1;
        let squares = 0;
        for (let h = 0; h < hidden; h++) {
          const value = outputs[from + h]!;
          sum[h]! += counted * value;
          squares += value * value;
        }
        const scale = squares > 0 ? Math.sqrt(counted) / Math.sqrt(squares) : 0;
        for (let h = 0; h < hidden; h++) units[to + h * experts] = outputs[from + h]! * scale;
      }
    }
    const seen = units.subarray(0, count * hidden * experts);
    const size = { rows: experts, inner: count * hidden, columns: experts };
    const cosines = yield* productOf({ a: seen, isTransposed: true, b: seen, ...size });
    for (let pair = 0; pair < square; pair++) cosineSum[pair]! += cosines[pair]!;
  }
}

/** Inputs of EASY-EP over N real tokens of one MoE layer. */
export interface ResidualTaps {
  /** [N, K] chosen experts. */
  readonly experts: Int32Array;
  /** [N, K] combine weights as the model uses them, scale included. */
  readonly weights: ArrayLike<number>;
  /** [N, K] ||f_e(x)||_2. */
  readonly norms: ArrayLike<number>;
  /**
   * [N] cosine of h and h + y: h the hidden state that enters the residual sum, y the sum of the routed experts only.
   */
  readonly cosines: ArrayLike<number>;
  /** [N] how much each token counts; absent: 1. */
  readonly counted?: ArrayLike<number> | undefined;
}

/**
 * Adds g ||f_e(x)|| max(0, 1 - cos(h, h + y)) of each choice to `residualSum`: an expert's contribution is weighted by
 * how far its layer turns the token. Source: EASY-EP, Dong et al. 2025, arXiv 2504.06792.
 */
export const accumulateResidual = (statistics: RoutingStatistics, layer: number, taps: ResidualTaps): void => {
  const { experts, topK, residualSum } = statistics;
  if (residualSum === undefined) throw new RangeError('the statistics contain no residual sums');
  if (taps.cosines.length * topK !== taps.experts.length) {
    throw new RangeError(`${taps.cosines.length} cosines for ${taps.experts.length} choices with top-${topK}`);
  }
  taps.experts.forEach((expert, slot) => {
    const turn = Math.max(0, 1 - taps.cosines[Math.floor(slot / topK)]!);
    const counted = taps.counted?.[Math.floor(slot / topK)] ?? 1;
    residualSum[layer * experts + expert]! += counted * (taps.weights[slot]! * taps.norms[slot]! * turn);
  });
};

/** [N] cosines of h and h + y from [N, H] hidden states and routed sums, in float64; 1 where either has no length. */
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
