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
