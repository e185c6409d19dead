import type { AffinityName } from '../../contract/plan.ts';
import type { RoutingStatistics } from '../../profile/routing-statistics.ts';
import { layerRow, layerSquare } from '../weighed-profiles.ts';

/** Background added to every co-activation count, to connect experts that are never chosen together weakly. */
const COACTIVATION_BACKGROUND = 1e-3;

/**
 * Affinity of every pair of experts of one MoE layer, float64 [E, E], symmetric and non-negative, computed from the
 * sums of a profile. Z are the router logits over all tokens [T, E]:
 * - `cosine`: (cos(Z_i, Z_j) + 1) / 2 of the columns;
 * - `centred-cosine`: the same after subtracting each token's mean logit, which removes what all experts share;
 * - `pearson`: max(0, correlation of the columns);
 * - `rbf`: exp(-d^2 / 2 s^2), d the distance of the columns normalised to length 1, s the median d over pairs;
 * - `softmax-cosine`: cosine of the columns of softmax(Z);
 * - `coactivation`: tokens whose top-k contains both, plus 0.001; the diagonal is 0. A column without length or
 * variance has cosine or correlation 0 with the others, 1 with itself.
 */
export const expertAffinity = (name: AffinityName, statistics: RoutingStatistics, layer: number): Float64Array => {
  const { experts } = statistics;
  const logitGram = layerSquare(statistics.logitGram, layer, experts);
  switch (name) {
    case 'cosine':
      return cosines(logitGram, experts).map(toUnitInterval);
    case 'centred-cosine':
      return cosines(centreRows(logitGram, experts), experts).map(toUnitInterval);
    case 'pearson': {
      const covariance = centreColumns(logitGram, layerRow(statistics.logitSum, layer, experts), statistics.tokens);
      return cosines(covariance, experts).map((correlation) => Math.max(0, correlation));
    }
    case 'rbf':
      return radialBasis(cosines(logitGram, experts), experts);
    case 'softmax-cosine':
      return cosines(layerSquare(statistics.probabilityGram, layer, experts), experts);
    case 'coactivation':
      return layerSquare(statistics.coactivation, layer, experts).map((count, at) =>
        at % (experts + 1) === 0 ? 0 : count + COACTIVATION_BACKGROUND,
      );
  }
};

const toUnitInterval = (cosine: number): number => (cosine + 1) / 2;

/** Cosines of the columns whose Gram matrix is given, clipped to [-1, 1]; diagonal 1. */
const cosines = (gram: Float64Array, n: number): Float64Array => {
  const cosine = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const scale = Math.sqrt(gram[i * n + i]!) * Math.sqrt(gram[j * n + j]!);
      const value = scale > 0 ? gram[i * n + j]! / scale : 0;
      cosine[i * n + j] = i === j ? 1 : Math.min(1, Math.max(-1, value));
    }
  }
  return cosine;
};

/** Gram matrix of Z H, H = I - 11^T / E: each token's mean over the experts is subtracted. H G H, a double centring. */
const centreRows = (gram: Float64Array, n: number): Float64Array => {
  const means = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) means[i]! += gram[i * n + j]! / n;
  }
  const grand = means.reduce((sum, mean) => sum + mean, 0) / n;
  return gram.map((value, at) => value - means[Math.floor(at / n)]! - means[at % n]! + grand);
};

/** Gram matrix of the columns minus their means: G - s s^T / T; a variance that is only rounding becomes 0. */
const centreColumns = (gram: Float64Array, sums: Float64Array, tokens: number): Float64Array => {
  const n = sums.length;
  return gram.map((value, at) => {
    const row = Math.floor(at / n);
    const column = at % n;
    const centred = value - (sums[row]! * sums[column]!) / tokens;
    return row === column && centred <= value * n * Number.EPSILON ? 0 : centred;
  });
};

const radialBasis = (cosine: Float64Array, n: number): Float64Array => {
  const squared = cosine.map((value) => Math.max(0, 2 - 2 * value));
  const distances: number[] = [];
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) distances.push(Math.sqrt(squared[i * n + j]!));
  }
  const width = median(distances);
  // More than half of the pairs coincide: the limit of a narrow width only separates "same" from "different".
  if (width === 0) return squared.map((value) => (value === 0 ? 1 : 0));
  return squared.map((value) => Math.exp(-value / (2 * width * width)));
};

const median = (values: number[]): number => {
  if (values.length === 0) return 0;
  values.sort((a, b) => a - b);
  const upper = values[Math.floor(values.length / 2)]!;
  return values.length % 2 === 1 ? upper : (values[values.length / 2 - 1]! + upper) / 2;
};
