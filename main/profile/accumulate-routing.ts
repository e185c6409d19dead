import { addGram } from './accumulate-outputs.ts';
import type { RoutingStatistics, RoutingTaps } from './routing-statistics.ts';

/** Tokens per tile: 256 x 128 experts of float64 are 256 kB, which stays in a core's second-level cache. */
const TOKENS_PER_TILE = 256;

/**
 * Adds N real tokens of one MoE layer to `statistics`: float32 in, float64 sums, in token order. Rows of the router
 * after those of the experts (their experts give back their input) take part in p, and are not counted. Padding must
 * not be among the taps. `items` and `tokens` are unchanged: they count once per token, not once per layer, so the
 * caller adds them.
 *
 * p is the softmax over all E logits in float64, not the graph's float32: the sums then do not depend on how the
 * graph's softmax rounds, and differ from it by at most float32 rounding (1e-7). g is taken from the taps as the model
 * computed it, so every family's own combine rule is kept.
 *
 * `weights` [N]: how much each token counts in every sum (not in maxima); absent: 1.
 *
 * @throws RangeError where the taps do not fit the statistics: a defect of the caller, never of a user's input.
 */
export const accumulateRouting = (
  statistics: RoutingStatistics,
  layer: number,
  taps: RoutingTaps,
  weights?: ArrayLike<number>,
): void => {
  const { experts, topK } = statistics;
  const tokens = taps.experts.length / topK;
  const rows = taps.logits.length / tokens;
  checkTaps(statistics, layer, taps, tokens);
  addChosen(statistics, layer, taps, tokens, weights);

  const logitSum = statistics.logitSum.subarray(layer * experts, (layer + 1) * experts);
  const probabilityMass = statistics.probabilityMass.subarray(layer * experts, (layer + 1) * experts);
  const probabilitySelected = statistics.probabilitySelected.subarray(layer * experts, (layer + 1) * experts);
  const each = statistics.gatedMoments.length / statistics.layers;
  const moments = statistics.gatedMoments.subarray(layer * each, (layer + 1) * each);
  const gram = (matrix: Float64Array): Float64Array =>
    matrix.subarray(layer * experts * experts, (layer + 1) * experts * experts);
  const logitGram = gram(statistics.logitGram);
  const probabilityGram = gram(statistics.probabilityGram);

  // One row per expert, so that a gram entry is a dot product of two contiguous rows.
  const logitRows = new Float64Array(experts * TOKENS_PER_TILE);
  const probabilityRows = new Float64Array(experts * TOKENS_PER_TILE);
  for (let start = 0; start < tokens; start += TOKENS_PER_TILE) {
    const count = Math.min(TOKENS_PER_TILE, tokens - start);
    for (let token = 0; token < count; token++) {
      const row = (start + token) * rows;
      const counted = weights?.[start + token] ?? 1;
      // A gram of rows times the root is the weighted one.
      const root = Math.sqrt(counted);
      let largest = -Infinity;
      for (let expert = 0; expert < experts; expert++) {
        const logit = taps.logits[row + expert]!;
        logitRows[expert * TOKENS_PER_TILE + token] = logit * root;
        logitSum[expert]! += counted * logit;
        if (logit > largest) largest = logit;
      }
      for (let other = experts; other < rows; other++) largest = Math.max(largest, taps.logits[row + other]!);
      let total = 0;
      for (let other = experts; other < rows; other++) total += Math.exp(taps.logits[row + other]! - largest);
      for (let expert = 0; expert < experts; expert++) {
        const exponential = Math.exp(taps.logits[row + expert]! - largest);
        probabilityRows[expert * TOKENS_PER_TILE + token] = exponential;
        total += exponential;
      }
      for (let expert = 0; expert < experts; expert++) {
        const probability = probabilityRows[expert * TOKENS_PER_TILE + token]! / total;
        probabilityRows[expert * TOKENS_PER_TILE + token] = probability;
        probabilityMass[expert]! += counted * probability;
      }
      const first = (start + token) * topK;
      let chosen = 0;
      for (let slot = first; slot < first + topK; slot++) {
        const expert = taps.experts[slot]!;
        chosen +=
          expert < experts
            ? probabilityRows[expert * TOKENS_PER_TILE + token]!
            : Math.exp(taps.logits[row + expert]! - largest) / total;
      }
      for (let slot = first; slot < first + topK; slot++) {
        const expert = taps.experts[slot]!;
        if (expert >= experts) continue;
        const probability = probabilityRows[expert * TOKENS_PER_TILE + token]!;
        probabilitySelected[expert]! += counted * probability;
        const norm = taps.norms[slot]!;
        addMoments(moments, experts, 0, expert, taps.weights[slot]!, norm, counted);
        addMoments(moments, experts, 1, expert, probability, norm, counted);
        addMoments(moments, experts, 2, expert, chosen > 0 ? probability / chosen : 0, norm, counted);
      }
      if (root !== 1)
        for (let expert = 0; expert < experts; expert++) probabilityRows[expert * TOKENS_PER_TILE + token]! *= root;
    }
    addGram(logitGram, logitRows, experts, TOKENS_PER_TILE, count);
    addGram(probabilityGram, probabilityRows, experts, TOKENS_PER_TILE, count);
  }
};

/** Adds `counted` times gate^alpha norm^beta of one choice to a layer's [3, 2, 3, E] moments; `kind` is the index in `gateKinds`. */
const addMoments = (
  moments: Float64Array,
  experts: number,
  kind: number,
  expert: number,
  gate: number,
  norm: number,
  counted: number,
): void => {
  let at = kind * 6 * experts + expert;
  for (let alpha = 1, power = gate; alpha <= 2; alpha++, power *= gate) {
    moments[at]! += counted * power;
    moments[at + experts]! += counted * (power * norm);
    moments[at + 2 * experts]! += counted * (power * norm * norm);
    at += 3 * experts;
  }
};

/** Adds counts, gate mass, EAN and REAP sums and co-activation: the sums over a token's K chosen experts only. */
const addChosen = (
  statistics: RoutingStatistics,
  layer: number,
  taps: RoutingTaps,
  tokens: number,
  weights?: ArrayLike<number>,
): void => {
  const { experts, topK, counts, gateMass, eanSum, eanSquareSum, reapSum, peakOutputs, coactivation } = statistics;
  const row = layer * experts;
  const square = layer * experts * experts;
  for (let token = 0; token < tokens; token++) {
    const first = token * topK;
    const counted = weights?.[token] ?? 1;
    for (let slot = first; slot < first + topK; slot++) {
      const expert = taps.experts[slot]!;
      if (expert >= experts) continue;
      const weight = taps.weights[slot]!;
      const norm = taps.norms[slot]!;
      counts[row + expert]! += counted;
      gateMass[row + expert]! += counted * weight;
      eanSum[row + expert]! += counted * norm;
      eanSquareSum[row + expert]! += counted * (norm * norm);
      reapSum[row + expert]! += counted * (weight * norm);
      if (peakOutputs !== undefined && taps.peaks !== undefined) {
        peakOutputs[row + expert] = Math.max(peakOutputs[row + expert]!, taps.peaks[slot]!);
      }
      for (let other = first; other < first + topK; other++) {
        if (taps.experts[other]! < experts) coactivation[square + expert * experts + taps.experts[other]!]! += counted;
      }
    }
  }
};

const checkTaps = (statistics: RoutingStatistics, layer: number, taps: RoutingTaps, tokens: number): void => {
  const { layers, experts, topK } = statistics;
  if (!(layer >= 0 && layer < layers)) throw new RangeError(`layer ${layer} is not among ${layers} MoE layers`);
  const rows = taps.logits.length / tokens;
  if (tokens > 0 && !(Number.isInteger(rows) && rows >= experts)) {
    throw new RangeError(`${taps.logits.length} router logits are not a whole number of rows of ${experts} experts`);
  }
  for (const name of ['experts', 'weights', 'norms'] as const) {
    if (taps[name].length !== tokens * topK) {
      throw new RangeError(`${taps[name].length} ${name} for ${tokens} tokens with top-${topK}`);
    }
  }
  if (statistics.peakOutputs !== undefined && taps.peaks?.length !== tokens * topK) {
    throw new RangeError(`${taps.peaks?.length ?? 'no'} peaks for ${tokens} tokens with top-${topK}`);
  }
  for (const expert of taps.experts) {
    if (expert < 0 || expert >= rows) throw new RangeError(`chosen expert ${expert} is not among ${experts}`);
  }
};
