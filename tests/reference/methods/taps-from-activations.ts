import type { RoutingTaps } from '../../../main/profile/routing-statistics.ts';
import type { Tensor } from './vector-file.ts';

export interface RecordedTokens {
  /** [E, T, H] ungated outputs of every expert on every token. */
  readonly activations: Tensor;
  /** [T, E]. */
  readonly logits: Tensor;
  /** [T, K]. */
  readonly selected: Tensor;
  /** Tokens that are not padding; all if absent. */
  readonly valid?: readonly boolean[];
}

/**
 * The values that the graph's taps would give for these tokens: norms of the chosen experts' outputs, and softmax
 * weights, divided by their sum over the chosen if `renormalise` is set. (Published code also clamps weights at float32
 * epsilon; the model's own rule does not, and no weight here is that small.)
 */
export const tapsFromActivations = (recorded: RecordedTokens, renormalise: boolean): RoutingTaps => {
  const [tokens = 0, experts = 0] = recorded.logits.shape;
  const topK = recorded.selected.shape[1] ?? 0;
  const hidden = recorded.activations.shape[2] ?? 0;
  const real = Array.from({ length: tokens }, (_, token) => token).filter((token) => recorded.valid?.[token] ?? true);
  const rows = real.map((token) => {
    const logits = recorded.logits.data.slice(token * experts, (token + 1) * experts);
    const chosen = recorded.selected.data.slice(token * topK, (token + 1) * topK);
    const exponentials = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
    const all = exponentials.reduce((sum, value) => sum + value, 0);
    const probabilities = chosen.map((expert) => exponentials[expert]! / all);
    const divisor = renormalise ? probabilities.reduce((sum, value) => sum + value, 0) : 1;
    const norms = chosen.map((expert) => {
      const start = (expert * tokens + token) * hidden;
      return Math.hypot(...recorded.activations.data.slice(start, start + hidden));
    });
    return { logits, chosen, norms, weights: probabilities.map((probability) => probability / divisor) };
  });
  return {
    logits: Float32Array.from(rows.flatMap((row) => row.logits)),
    experts: Int32Array.from(rows.flatMap((row) => row.chosen)),
    weights: Float32Array.from(rows.flatMap((row) => row.weights)),
    norms: Float32Array.from(rows.flatMap((row) => row.norms)),
  };
};
