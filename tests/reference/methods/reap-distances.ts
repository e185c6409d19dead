import { z } from 'zod';
import { pairwiseDistances, type DistanceName } from '../../../main/pruning/clustering/distances.ts';
import { expectClose, float64, tensor, tolerance } from './vector-file.ts';

/** Names of the distances in the REAP repository. */
const names: Readonly<Record<string, DistanceName>> = {
  angular: 'angular',
  euclidean: 'euclidean',
  jsd: 'jensen-shannon',
  cka: 'centred-cosine',
  cosine: 'cosine',
};
const file = z.object({ inputs: z.object({ X: tensor }), expected: z.record(z.string(), tensor), tolerance });

/** Rows -> five kinds of pairwise distances. */
export const reapDistancesVectors = (json: unknown): void => {
  const { inputs, expected, tolerance: within } = file.parse(json);
  for (const [name, theirs] of Object.entries(expected)) {
    const known = names[name];
    if (known === undefined) throw new Error(`no distance is called ${name}`);
    expectClose(pairwiseDistances(known, float64(inputs.X), inputs.X.shape[0] ?? 0), theirs.data, within, name);
  }
};
