/** One matrix of each member of a group, aligned. Members with share 0 have been left out. */
export interface MergeInput {
  /** [rows, columns] each, row-major. */
  readonly matrices: readonly Float32Array[];
  readonly rows: number;
  /** One per matrix, summing to 1. */
  readonly shares: readonly number[];
  /** Index of the reference among `matrices`; -1 where it has no share. */
  readonly reference: number;
  /** The reference's own matrix. */
  readonly base: Float32Array;
}

/** sum of share_i W_i, in the order of the members. */
export const weightedAverage = ({ matrices, shares }: Pick<MergeInput, 'matrices' | 'shares'>): Float64Array => {
  const sum = new Float64Array(matrices[0]?.length ?? 0);
  matrices.forEach((matrix, member) => {
    const share = shares[member]!;
    for (let k = 0; k < sum.length; k++) sum[k]! += share * matrix[k]!;
  });
  return sum;
};
