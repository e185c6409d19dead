import type { MergeInput } from './weighted-average.ts';

/** Differences of the other members from the reference, with their shares among themselves (summing to 1). */
export interface TaskVectors {
  readonly vectors: readonly Float64Array[];
  readonly shares: readonly number[];
}

export const taskVectors = ({ matrices, shares, reference, base }: MergeInput): TaskVectors => {
  const others = matrices.flatMap((matrix, member) =>
    member === reference ? [] : [{ matrix, share: shares[member]! }],
  );
  const total = others.reduce((sum, { share }) => sum + share, 0);
  return {
    vectors: others.map(({ matrix }) => Float64Array.from(matrix, (value, k) => value - base[k]!)),
    shares: others.map(({ share }) => share / total),
  };
};

/** For entry `k`, whether each vector's sign is that of the sum of all (a sum of 0 counts as positive). */
export const agreesWithSum = (vectors: readonly Float64Array[], k: number): readonly boolean[] => {
  const majority = vectors.reduce((sum, vector) => sum + vector[k]!, 0) >= 0 ? 1 : -1;
  return vectors.map((vector) => Math.sign(vector[k]!) === majority);
};

/** Marks the indices of the `count` largest magnitudes; ties go to the lower index. */
export const largestElements = (values: Float64Array, count: number): Uint8Array => {
  const order = Array.from(values.keys()).sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!) || a - b);
  const chosen = new Uint8Array(values.length);
  for (const index of order.slice(0, count)) chosen[index] = 1;
  return chosen;
};
