import type { MergeInput } from './merge-input.ts';

/** sum of share_i W_i, in the order of the members. */
export const weightedAverage = ({ matrices, shares }: Pick<MergeInput, 'matrices' | 'shares'>): Float64Array => {
  const sum = new Float64Array(matrices[0]?.length ?? 0);
  matrices.forEach((matrix, member) => {
    const share = shares[member]!;
    for (let k = 0; k < sum.length; k++) sum[k]! += share * matrix[k]!;
  });
  return sum;
};
