import { layerSquare } from '../layer-view.ts';
import type { RoutingStatistics } from '../../profile/routing-statistics.ts';

/**
 * REAM's distance of every pair of experts of one layer, [E, E]: 1 minus the mean over tokens of (cos + 1) / 2 of their
 * outputs; with `useGate`, of the mean of that and 1 - d / max d, d the distance of the router-logit columns normalised
 * to length 1. Zero diagonal. `cosineSum` is the profile's, [L, E, E]. Source: REAM, arXiv 2604.04356;
 * SamsungSAILMontreal/ream.
 */
export const reamDistances = (
  { experts, tokens, logitGram }: RoutingStatistics,
  cosineSum: Float64Array,
  layer: number,
  useGate: boolean,
): Float64Array => {
  const outputLikeness = layerSquare(cosineSum, layer, experts).map((sum) => (sum / tokens + 1) / 2);
  const gateLikeness = useGate ? likenessOfColumns(layerSquare(logitGram, layer, experts), experts) : outputLikeness;
  return outputLikeness.map((likeness, at) => (at % (experts + 1) === 0 ? 0 : 1 - (likeness + gateLikeness[at]!) / 2));
};

/** 1 - d / max d of columns given by their inner products, each normalised to length 1. */
const likenessOfColumns = (gram: Float64Array, n: number): Float64Array => {
  const distances = gram.map((product, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    const scale = Math.sqrt(gram[i * n + i]!) * Math.sqrt(gram[j * n + j]!);
    return i === j ? 0 : Math.sqrt(Math.max(0, 2 - 2 * (scale > 0 ? product / scale : 0)));
  });
  const farthest = distances.reduce((most, distance) => Math.max(most, distance), 0);
  return distances.map((distance) => (farthest > 0 ? 1 - distance / farthest : 1));
};
