import { createHash } from 'node:crypto';
import { softmax } from '../../arithmetic/vectors.ts';
import type { Sampler } from '../../contract/sampling.ts';

/**
 * Drawing the next token. Filters run in the order of transformers' generation: repetition penalty, temperature, top-k,
 * top-p, min-p; each sees what the one before left. At least the likeliest token stays.
 */

/** Tokens by ascending score; of equal ones the lower index last, so that it stays longest. */
const ascending = (scores: Float64Array): Uint32Array =>
  Uint32Array.from(scores, (_, token) => token).sort((left, right) => scores[left]! - scores[right]! || right - left);

/**
 * Probabilities [V] from which the next token is drawn, in float64.
 *
 * @param logits - [V] of the last position
 * @param seen - tokens of the prompt and those written so far, for the repetition penalty
 */
export const samplingDistribution = (
  logits: Float32Array,
  seen: Iterable<number>,
  { temperature, top_k, top_p, min_p, repetition_penalty }: Sampler,
): Float64Array => {
  const scores = Float64Array.from(logits);
  if (repetition_penalty !== undefined)
    for (const token of new Set(seen))
      scores[token] = scores[token]! < 0 ? scores[token]! * repetition_penalty : scores[token]! / repetition_penalty;
  for (let token = 0; token < scores.length; token += 1) scores[token]! /= temperature;
  if (top_k !== undefined && top_k < scores.length) {
    const order = ascending(scores);
    // Tokens that equal the last one kept stay too.
    const least = scores[order[order.length - top_k]!]!;
    for (const token of order) if (scores[token]! < least) scores[token] = -Infinity;
  }
  if (top_p !== undefined && top_p < 1) {
    const order = ascending(scores);
    const probabilities = softmax(scores);
    let sum = 0;
    for (const token of order.subarray(0, -1)) {
      sum += probabilities[token]!;
      if (sum > 1 - top_p) break;
      scores[token] = -Infinity;
    }
  }
  if (min_p !== undefined && min_p > 0) {
    const probabilities = softmax(scores);
    let most = 0;
    for (const probability of probabilities) most = Math.max(most, probability);
    for (const [token, probability] of probabilities.entries())
      if (probability < min_p * most) scores[token] = -Infinity;
  }
  return softmax(scores);
};

/** The token at a number in [0, 1) of a distribution: the first whose cumulative probability exceeds it. */
export const tokenAt = (probabilities: Float64Array, uniform: number): number => {
  let sum = 0;
  let last = 0;
  for (let token = 0; token < probabilities.length; token += 1) {
    const probability = probabilities[token]!;
    if (probability === 0) continue;
    last = token;
    sum += probability;
    if (uniform < sum) return token;
  }
  // Rounding may leave the sum just below 1.
  return last;
};

/**
 * A uniform number in [0, 1), a multiple of 2^-53, that depends on nothing but these: the same for every candidate, so
 * that candidates are compared under the same chance, and whatever runs beside it.
 *
 * @param item - name of what is written: an item's or a request's id
 * @param repeat - from 0
 * @param position - number of tokens written before, from 0
 */
export const uniformAt = (seed: number, item: string, repeat: number, position: number): number => {
  const hash = createHash('sha256')
    .update(JSON.stringify([seed, item, repeat, position]))
    .digest();
  return Number(hash.readBigUInt64BE() >> 11n) / 2 ** 53;
};
