import type { Steps } from '../../arithmetic/steps.ts';
import type { MergeRule } from '../../contract/plan.ts';
import { karcherMean } from './karcher-mean.ts';
import { weightedAverage, type MergeInput } from './weighted-average.ts';
import { sceMerge } from './sce-merge.ts';
import { slerpMerge } from './slerp-merge.ts';
import { subspaceAverage } from './subspace-average.ts';
import { tiesMerge } from './ties-merge.ts';

/** Merges several matrices into one by a rule, in float64. */
export function* mergeMatrices(rule: MergeRule, input: MergeInput): Steps<Float64Array> {
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
      return yield* subspaceAverage(input, rule.rank);
  }
}
