import type { TaskProfile } from '../contract/profile.ts';

/** [L][E]; null for an expert without a value, because no token chose it. */
export type CellMatrix = readonly (readonly (number | null)[])[];

/** How a plan marks an expert's cell: not at all, as dropped, or as merged into another. */
export type Hatch = 'none' | 'dropped' | 'merged';

/** Largest value of several matrices, at least 0: the upper end of a colour scale that starts at 0. */
export const largestCell = (matrices: readonly CellMatrix[]): number => {
  let largest = 0;
  for (const matrix of matrices) {
    for (const row of matrix) for (const value of row) if (value !== null && value > largest) largest = value;
  }
  return largest;
};

/** left - right; null where one has no value. */
export const matrixDifference = (left: CellMatrix, right: CellMatrix): CellMatrix =>
  left.map((row, layer) =>
    row.map((value, expert) => {
      const other = right[layer]?.[expert] ?? null;
      return value === null || other === null ? null : value - other;
    }),
  );

/** Largest absolute value, at least 0: the ends of a scale of differences. */
export const largestDifference = (matrix: CellMatrix): number =>
  matrix.reduce(
    (largest, row) => row.reduce<number>((most, value) => Math.max(most, Math.abs(value ?? 0)), largest),
    0,
  );

/** The expert at each position of its layer, [L][position]; every layer has its own order. */
export type ExpertOrder = readonly (readonly number[])[];

/** Experts of a layer by falling value; ties go to the lower expert, those without a value come last. */
export const byFallingValue = (row: readonly (number | null)[]): readonly number[] =>
  row
    .map((value, expert) => ({ value: value ?? -Infinity, expert }))
    .sort((left, right) => (left.value === right.value ? left.expert - right.expert : right.value - left.value))
    .map(({ expert }) => expert);

/** The order of every layer by falling value. */
export const orderByValue = (matrix: CellMatrix): ExpertOrder => matrix.map(byFallingValue);

/** Cells in an order; null: by the experts' numbers. */
export const inOrder = <T>(cells: readonly (readonly T[])[], order: ExpertOrder | null): readonly (readonly T[])[] =>
  order === null
    ? cells
    : cells.map((row, layer) =>
        (order[layer] ?? []).flatMap((expert) => {
          const cell = row[expert];
          return cell === undefined ? [] : [cell];
        }),
      );

/** Whether an order names every expert of every layer once. */
export const isOrderOf = (order: ExpertOrder, layers: number, experts: number): boolean =>
  order.length === layers &&
  order.every((row) => row.length === experts && new Set(row).size === experts && row.every((e) => e < experts));

/** For each expert of the model on screen its index in another model, [L][E]; null if it is missing there. */
export type ExpertIndices = readonly (readonly (number | null)[])[];

/** A profile that is subtracted from another one. */
export interface Subtracted {
  /** The task, or the other model. */
  readonly name: string;
  readonly profile: TaskProfile;
  /** Null: both models number their experts alike. */
  readonly indices: ExpertIndices | null;
}

/**
 * Indices of a source's experts in its pruned copy. `standsFor`: per layer, for each expert of the copy the source's
 * expert that it is or (merged) was aligned to.
 */
export const indicesInCopy = (standsFor: readonly (readonly number[])[], experts: number): ExpertIndices =>
  standsFor.map((layer) => {
    const indices = new Array<number | null>(experts).fill(null);
    layer.forEach((expert, index) => {
      indices[expert] = index;
    });
    return indices;
  });

/** Another model's matrix in the numbering on screen; null if its expert is missing or has no value. */
export const atIndices = (matrix: CellMatrix, indices: ExpertIndices | null): CellMatrix =>
  indices === null
    ? matrix
    : indices.map((row, layer) => row.map((index) => (index === null ? null : (matrix[layer]?.[index] ?? null))));

/** Experts of the model on screen that the subtracted profile lacks, [L][E]; null if it has all of them. */
export const goneThere = ({ indices }: Subtracted): readonly (readonly boolean[])[] | null =>
  indices === null || indices.every((row) => !row.includes(null))
    ? null
    : indices.map((row) => row.map((index) => index === null));

const hasShape = (profile: TaskProfile, layers: number, experts: (layer: number) => number): boolean =>
  profile.counts.length === layers && profile.counts.every((row, layer) => row.length === experts(layer));

/** Whether a profile can be subtracted from another: they have the same shape, or known indices. */
export const canSubtract = (from: TaskProfile, { profile, indices }: Subtracted): boolean =>
  indices === null
    ? hasShape(profile, from.counts.length, (layer) => from.counts[layer]?.length ?? 0)
    : indices.length === from.counts.length &&
      indices.every((row, layer) => row.length === from.counts[layer]?.length) &&
      indices.every((row, layer) =>
        row.every((index) => index === null || index < (profile.counts[layer]?.length ?? 0)),
      );
