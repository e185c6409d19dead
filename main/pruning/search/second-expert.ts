import { at } from '../../contract/errors.ts';

/**
 * Ratio of the second expert to the first: p_(2) / p_(1) of each of N tokens, p the softmax over all E logits [N, E].
 * The softmax cancels: it is exp(z_(2) - z_(1)).
 */
export const secondRatios = (logits: Float32Array, experts: number): Float64Array =>
  Float64Array.from({ length: logits.length / experts }, (_, token) => {
    let first = -Infinity;
    let second = -Infinity;
    for (let at = token * experts; at < (token + 1) * experts; at++) {
      const logit = logits[at]!;
      if (logit > first) [first, second] = [logit, first];
      else if (logit > second) second = logit;
    }
    return Math.exp(second - first);
  });

/**
 * NAEE's threshold of a layer with top-2 routing: the median of the ratios over the calibration tokens (of an even
 * number, the mean of the middle two). A token with a ratio below it skips its second expert. Source: Lu et al. 2024,
 * arXiv 2402.14800, dynamic expert skipping.
 */
export const skippingThreshold = (ratios: Float64Array): number => {
  const sorted = ratios.slice().sort();
  const upper = at(sorted, Math.floor(sorted.length / 2));
  return sorted.length % 2 === 1 ? upper : (upper + at(sorted, sorted.length / 2 - 1)) / 2;
};
