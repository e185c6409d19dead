import type { TaskProfile } from '../contract/profile.ts';
import type { CellMatrix } from './cell-matrix.ts';

/** For each expert of the model on screen its index in another model, [L][E]; null if it is missing there. */
export type ExpertPlaces = readonly (readonly (number | null)[])[];

/** A profile that is subtracted from another one. */
export interface Subtracted {
  /** The task, or the other model. */
  readonly name: string;
  readonly profile: TaskProfile;
  /** Null: both models number their experts alike. */
  readonly places: ExpertPlaces | null;
}

/**
 * Indices of a source's experts in its pruned copy. `standsFor`: per layer, for each expert of the copy the source's
 * expert that it is or (merged) was aligned to.
 */
export const placesInCopy = (standsFor: readonly (readonly number[])[], experts: number): ExpertPlaces =>
  standsFor.map((layer) => {
    const places = new Array<number | null>(experts).fill(null);
    layer.forEach((expert, place) => {
      places[expert] = place;
    });
    return places;
  });

/** Another model's matrix in the numbering on screen; null if its expert is missing or has no value. */
export const atPlaces = (matrix: CellMatrix, places: ExpertPlaces | null): CellMatrix =>
  places === null
    ? matrix
    : places.map((row, layer) => row.map((place) => (place === null ? null : (matrix[layer]?.[place] ?? null))));

/** Experts of the model on screen that the subtracted profile lacks, [L][E]; null if it has all of them. */
export const goneThere = ({ places }: Subtracted): readonly (readonly boolean[])[] | null =>
  places === null || places.every((row) => !row.includes(null))
    ? null
    : places.map((row) => row.map((place) => place === null));

const hasShape = (profile: TaskProfile, layers: number, experts: (layer: number) => number): boolean =>
  profile.counts.length === layers && profile.counts.every((row, layer) => row.length === experts(layer));

/** Whether a profile can be subtracted from another: they have the same shape, or known indices. */
export const canSubtract = (from: TaskProfile, { profile, places }: Subtracted): boolean =>
  places === null
    ? hasShape(profile, from.counts.length, (layer) => from.counts[layer]?.length ?? 0)
    : places.length === from.counts.length &&
      places.every((row, layer) => row.length === from.counts[layer]?.length) &&
      places.every((row, layer) =>
        row.every((place) => place === null || place < (profile.counts[layer]?.length ?? 0)),
      );
