import { pairwiseDistances } from '../../main/pruning/clustering/distances.ts';
import { cutLinkage, linkage } from '../../main/pruning/clustering/linkage.ts';
import { spectralClusters } from '../../main/pruning/clustering/spectral-clustering.ts';
import { alignExpert, permuteExpert } from '../../main/pruning/merging/align-experts.ts';
import type { ExpertWeights } from '../../main/pruning/merging/expert-weights.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { median } from './statistics.ts';

/**
 * Time of the two costly parts of merging: aligning one expert to another, and clustering the experts of a layer.
 *
 * Method: one thread, random weights from a seed. Alignment: experts of width 1024 and hidden size 2048, in full (cost
 * matrix and assignment), where the member is a noisy permutation of the reference, and once for two unrelated experts
 * (the worst case of the assignment). Clustering: 256 experts into 64 groups, by spectral clustering of random logits
 * (512 tokens) and by average linkage of random mean outputs. Prints medians of three rounds in seconds of processor
 * time, which other work on the machine does not affect, and the goals.
 * Usage: npx node tests/bench/methods.ts
 */

const ROUNDS = 3;
const shape = { hidden: 2048, width: 1024 };
const [experts, groups, features, tokens] = [256, 64, 64, 512];
const random = seededRandom(1);

const matrix = (length: number): Float32Array => Float32Array.from({ length }, () => 2 * random.float() - 1);
const expert = (): ExpertWeights => ({
  gate: matrix(shape.hidden * shape.width),
  up: matrix(shape.hidden * shape.width),
  down: matrix(shape.hidden * shape.width),
});
const noisy = (weights: Float32Array): Float32Array => weights.map((value) => value + 0.2 * (2 * random.float() - 1));

/** [E, E] affinity (cos + 1) / 2 of random logit columns. */
const affinity = (): Float64Array => {
  const columns = Float64Array.from({ length: experts * tokens }, () => random.float() - 0.3);
  return pairwiseDistances('cosine', columns, experts).map((distance) => 1 - distance / 2);
};

const seconds = (work: () => void): number => {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
};

const measure = (name: string, goalSeconds: number, prepare: () => () => void): void => {
  const times = Array.from({ length: ROUNDS }, () => seconds(prepare()));
  process.stdout.write(`${name.padEnd(58)} ${median(times).toFixed(2)} s  (goal: under ${goalSeconds} s)\n`);
};

measure('aligning a noisy permutation, width 1024, hidden 2048', 5, () => {
  const reference = expert();
  const order = Int32Array.from(random.shuffle(Array.from({ length: shape.width }, (_, neuron) => neuron)));
  const { gate, up, down } = permuteExpert(reference, shape, order);
  const member = { gate: noisy(gate), up: noisy(up), down: noisy(down) };
  return () => void alignExpert(member, reference, shape);
});
measure('aligning unrelated experts, width 1024, hidden 2048', 5, () => {
  const [member, reference] = [expert(), expert()];
  return () => void alignExpert(member, reference, shape);
});
measure('spectral clustering of 256 experts into 64', 1, () => {
  const similarity = affinity();
  return () =>
    void spectralClusters(similarity, experts, groups, {
      diagonal: 'kept',
      embedding: 'degree',
      assign: 'k-means',
      optimiser: 'hartigan',
      starts: 20,
      seed: 0,
    });
});
measure('average linkage of 256 experts into 64', 1, () => {
  const means = Float64Array.from({ length: experts * features }, () => random.float());
  return () =>
    void cutLinkage(linkage(pairwiseDistances('euclidean', means, experts), experts, 'average'), experts, groups);
});
