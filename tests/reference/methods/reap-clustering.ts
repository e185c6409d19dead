import { expect } from 'vitest';
import { z } from 'zod';
import { cheapestMergeCounts } from '../../../main/pruning/methods/merges-of-nearest.ts';
import { globalBudget } from '../../../main/pruning/budget.ts';
import {
  cappedClusters,
  cutLinkage,
  linkage,
  linkageNames,
  type LinkageName,
  frequencyPenalty,
  penalisedClusters,
  penaliseDistances,
} from '../../../main/pruning/clustering/linkage.ts';
import { groupByDominants } from '../../../main/pruning/clustering/group-experts.ts';
import { byFirstAppearance } from '../../../main/pruning/clustering/cluster-labels.ts';
import { expectClose, float64, tensor } from './vector-file.ts';

const byCount = z.record(z.string(), z.array(z.number()));
const file = z.object({
  inputs: z.object({ distances: tensor, expert_proba: tensor }),
  expected: z.object({
    labels: z.object({
      hierarchical_average: byCount,
      hierarchical_single: byCount,
      hierarchical_complete: byCount,
      hierarchical_ward: byCount,
      restricted_average: byCount,
      dynamic_frequency_penalized: z.record(z.string(), byCount),
      static_penalty_average: z.record(z.string(), byCount),
    }),
    penalty_vector: z.record(z.string(), tensor),
  }),
});

const temperatureOf = (name: string): number | null => (name === 'None' ? null : Number(name));
const linkageOf = (name: LinkageName): `hierarchical_${LinkageName}` => `hierarchical_${name}`;

/** A distance matrix -> labels of every kind of agglomerative clustering. */
export const reapClusteringVectors = (json: unknown): void => {
  const { inputs, expected } = file.parse(json);
  const n = inputs.distances.shape[0] ?? 0;
  const distances = float64(inputs.distances);
  const probabilities = float64(inputs.expert_proba);
  const same = (ours: Int32Array, theirs: readonly number[], what: string): void =>
    expect([...ours], what).toEqual([...byFirstAppearance(Int32Array.from(theirs))]);
  for (const name of linkageNames) {
    const merges = linkage(distances, n, name);
    for (const [k, theirs] of Object.entries(expected.labels[linkageOf(name)])) {
      same(cutLinkage(merges, n, Number(k)), theirs, `${name}, ${k} clusters`);
    }
  }
  for (const [name, theirs] of Object.entries(expected.labels.restricted_average)) {
    const [, k, capacity] = /^k=(\d+),max_size=(\d+)$/.exec(name) ?? [];
    same(cappedClusters(distances, n, Number(k), Number(capacity)), theirs, name);
  }
  for (const [temperature, labels] of Object.entries(expected.labels.dynamic_frequency_penalized)) {
    for (const [k, theirs] of Object.entries(labels)) {
      same(
        penalisedClusters(distances, probabilities, Number(k), temperatureOf(temperature)),
        theirs,
        `dynamic penalty ${temperature}, ${k}`,
      );
    }
  }
  for (const [temperature, labels] of Object.entries(expected.labels.static_penalty_average)) {
    const penalty = frequencyPenalty(probabilities, temperatureOf(temperature));
    const merges = linkage(penaliseDistances(distances, penalty), n, 'average');
    for (const [k, theirs] of Object.entries(labels))
      same(cutLinkage(merges, n, Number(k)), theirs, `static penalty ${temperature}, ${k}`);
  }
  for (const [temperature, theirs] of Object.entries(expected.penalty_vector)) {
    expectClose(
      frequencyPenalty(probabilities, temperatureOf(temperature)),
      theirs.data,
      { rtol: 1e-5, atol: 1e-7 },
      `penalty ${temperature}`,
    );
  }
};

const layered = z.record(z.string(), z.array(z.number()));
const nonuniformFile = z.object({
  inputs: z.object({ distances: z.record(z.string(), tensor), expert_proba: z.record(z.string(), tensor) }),
  expected: z.record(z.string(), z.record(z.string(), layered)),
});

/** Distances of several layers -> labels with numbers of clusters that differ by layer. */
export const reapNonuniformVectors = (json: unknown): void => {
  const { inputs, expected } = nonuniformFile.parse(json);
  const layers = Object.keys(inputs.distances);
  const n = inputs.distances[layers[0] ?? '']?.shape[0] ?? 0;
  const distances = layers.map((layer) => float64(inputs.distances[layer]!));
  const probabilities = layers.map((layer) => float64(inputs.expert_proba[layer]!));
  const merges = distances.map((matrix) => linkage(matrix, n, 'average'));
  for (const [kind, byCounts] of Object.entries(expected)) {
    for (const [count, theirs] of Object.entries(byCounts)) {
      const together = /^multi_layer_hierarchical_(\d+)$/.exec(kind)?.[1];
      const ours =
        together === undefined
          ? dominantLabels(Number(count))
          : cheapestMergeCounts(merges, n, Number(count), 1, Number(together)).map((k, at) =>
              cutLinkage(merges[at]!, n, k),
            );
      layers.forEach((layer, at) => {
        expect([...ours[at]!], `${kind} ${count}, layer ${layer}`).toEqual([
          ...byFirstAppearance(Int32Array.from(theirs[layer]!)),
        ]);
      });
    }
  }

  /**
   * REAP's port of M-SMoE: `total` dominants, including the most probable of every layer; the others join the nearest.
   */
  function dominantLabels(total: number): Int32Array[] {
    const dominants = globalBudget({ scores: probabilities, keep: total / layers.length, topK: 1, pins: [] });
    return dominants.map((own, at) => {
      const similarity = distances[at]!.map((distance) => -distance);
      const groups = groupByDominants(
        similarity,
        n,
        Array.from({ length: n }, (_, expert) => expert),
        own,
      );
      const labels = new Int32Array(n);
      groups.forEach((members, label) => members.forEach((member) => (labels[member] = label)));
      return byFirstAppearance(labels);
    });
  }
};
