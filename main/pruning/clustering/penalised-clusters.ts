import { maxOf } from '../../statistics/extremes.ts';
import { byFirstAppearance } from './cluster-labels.ts';
import { nearestPair } from './linkage.ts';

/**
 * Penalty of each expert: its share of the total probability, or softmax(probability / temperature). [n], sums to 1.
 * `temperature` null or 0: the plain shares.
 */
export const frequencyPenalty = (probabilities: Float64Array, temperature: number | null): Float64Array => {
  if (temperature === null || temperature === 0) {
    const total = probabilities.reduce((sum, value) => sum + value, 0);
    return probabilities.map((value) => (total > 0 ? value / total : 1 / probabilities.length));
  }
  const scaled = probabilities.map((value) => value / temperature);
  const largest = maxOf(scaled);
  const exponentials = scaled.map((value) => Math.exp(value - largest));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  return exponentials.map((value) => value / total);
};

/** Distances [n, n] times the sum of both penalties: pairs of frequent experts move apart. */
export const penaliseDistances = (distances: Float64Array, penalty: Float64Array): Float64Array => {
  const n = penalty.length;
  return distances.map((value, at) => value * (penalty[Math.floor(at / n)]! + penalty[at % n]!));
};

/**
 * Agglomerative clustering into k clusters that joins rare experts first: at each step the two clusters with the least
 * distance times the sum of their penalties join; the union's distance is the mean weighted by the penalties and its
 * probability the sum. Labels by first appearance.
 * Source: dynamic frequency penalised clustering of the CerebrasResearch/reap repository.
 */
export const penalisedClusters = (
  distances: Float64Array,
  probabilities: Float64Array,
  k: number,
  temperature: number | null,
): Int32Array => {
  const n = probabilities.length;
  const between = distances.slice();
  const mass = probabilities.slice();
  const labels = Int32Array.from({ length: n }, (_, node) => node);
  const alive = [...labels];
  while (alive.length > k) {
    // Absorbed experts keep a probability of 0, and with it a term in the softmax.
    const penalty = frequencyPenalty(mass, temperature);
    const { first, second } = nearestPair(penaliseDistances(between, penalty), n, alive);
    alive.splice(alive.indexOf(second), 1);
    const [a, b] = [penalty[first]!, penalty[second]!];
    for (const other of alive) {
      if (other === first) continue;
      const [toFirst, toSecond] = [between[first * n + other]!, between[second * n + other]!];
      const mean = a + b > 0 ? (toFirst * a + toSecond * b) / (a + b) : (toFirst + toSecond) / 2;
      between[first * n + other] = between[other * n + first] = mean;
    }
    mass[first]! += mass[second]!;
    mass[second] = 0;
    labels.forEach((label, node) => {
      if (label === second) labels[node] = first;
    });
  }
  return byFirstAppearance(labels);
};
