import type { MergeRule } from '../../contract/plan.ts';
import { karcherMean } from './karcher-mean.ts';
import { sceMerge } from './sce-merge.ts';
import { slerpMerge } from './slerp-merge.ts';
import { subspaceAverage } from './subspace-average.ts';
import { tiesMerge } from './ties-merge.ts';
import { weightedAverage } from './weighted-average.ts';

/** The same matrix of the members of a group, aligned. Members with share 0 have been left out. */
export interface MergeInput {
  /** [rows, columns] each, row-major. */
  readonly matrices: readonly Float32Array[];
  readonly rows: number;
  /** Of each matrix, summing to 1. */
  readonly shares: readonly number[];
  /** Place of the reference among `matrices`; -1 where it has no share. */
  readonly reference: number;
  /** The reference's own matrix. */
  readonly base: Float32Array;
}

/** One matrix from several by a rule, in float64. */
export const mergeMatrices = (rule: MergeRule, input: MergeInput): Float64Array => {
  switch (rule.name) {
    case 'average':
      return weightedAverage(input);
    case 'slerp':
      return slerpMerge(input, rule.fromReference);
    case 'karcher':
      return karcherMean(input);
    case 'sce':
      return sceMerge(input, rule.density);
    case 'ties':
      return tiesMerge(input, rule.density);
    case 'subspace':
      return subspaceAverage(input, rule.rank);
  }
};
