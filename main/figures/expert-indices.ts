import type { TaskProfile } from '../contract/profile.ts';
import type { CellMatrix } from './cell-matrix.ts';

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
