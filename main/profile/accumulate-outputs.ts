import { addGram } from './add-gram.ts';
import type { OutputStatistics, RoutingStatistics } from './routing-statistics.ts';

/** Numbers held as float64 at once: 16 MB. */
const NUMBERS_PER_TILE = 2 ** 21;

/** Every expert's output on N real tokens of one MoE layer. */
export interface OutputTaps {
  /** [E, N, H] ungated outputs of all experts, chosen or not. */
  readonly outputs: Float32Array;
  /** [N, K] chosen experts. */
  readonly experts: Int32Array;
}

/**
 * Adds N tokens to the output statistics of one layer: float32 in, float64 sums. The cosine of two outputs is taken
 * token by token; an output of length 0 has cosine 0 with every other. What holds for all tokens is added only where
 * the statistics have room for it.
 *
 * @throws RangeError where the statistics were not opened for outputs, or sizes do not fit.
 */
export const accumulateOutputs = (statistics: RoutingStatistics, layer: number, taps: OutputTaps): void => {
  const { experts, topK, outputs } = statistics;
  if (outputs === undefined) throw new RangeError('the statistics hold no outputs');
  const { hidden, routedSum } = outputs;
  const tokens = taps.experts.length / topK;
  if (taps.outputs.length !== experts * tokens * hidden) {
    throw new RangeError(`${taps.outputs.length} outputs for ${experts} experts, ${tokens} tokens and ${hidden} numbers each`);
  }
  if (outputs.everywhere !== undefined) addEverywhere(outputs.everywhere, layer, taps.outputs, { experts, tokens, hidden });
  taps.experts.forEach((expert, slot) => {
    const from = (expert * tokens + Math.floor(slot / topK)) * hidden;
    const to = (layer * experts + expert) * hidden;
    for (let h = 0; h < hidden; h++) routedSum[to + h]! += taps.outputs[from + h]!;
  });
};

/** Adds outputs [E, N, H] of all experts to their sums and to the cosines of every pair, in tiles of tokens. */
const addEverywhere = (
  everywhere: NonNullable<OutputStatistics['everywhere']>,
  layer: number,
  outputs: Float32Array,
  { experts, tokens, hidden }: { readonly experts: number; readonly tokens: number; readonly hidden: number },
): void => {
  const square = experts * experts;
  const cosineSum = everywhere.cosineSum.subarray(layer * square, (layer + 1) * square);
  const tile = Math.max(1, Math.min(tokens, Math.floor(NUMBERS_PER_TILE / (experts * hidden))));
  const stride = tile * hidden;
  const units = new Float64Array(experts * stride);
  for (let first = 0; first < tokens; first += tile) {
    const count = Math.min(tile, tokens - first);
    for (let expert = 0; expert < experts; expert++) {
      const sum = everywhere.sum.subarray((layer * experts + expert) * hidden, (layer * experts + expert + 1) * hidden);
      for (let token = 0; token < count; token++) {
        const from = (expert * tokens + first + token) * hidden;
        const to = expert * stride + token * hidden;
        let squares = 0;
        for (let h = 0; h < hidden; h++) {
          const value = outputs[from + h]!;
          sum[h]! += value;
          squares += value * value;
        }
        const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
        for (let h = 0; h < hidden; h++) units[to + h] = outputs[from + h]! * scale;
      }
    }
    addGram(cosineSum, units, experts, stride, count * hidden);
  }
};
