import type { TaskProfile } from '../contract/profile.ts';
import { atIndices, type CellMatrix, type Hatch, matrixDifference, type Subtracted } from './cell-matrix.ts';
import type { Columns } from './columns.ts';
import { csvTable } from './csv.ts';
import type { FigureManifest } from './figure-manifest.ts';
import { profileMetrics } from './profile-matrices.ts';

interface ProfileLine {
  readonly layer: number;
  readonly expert: number;
}

/** Additional columns of a profile's table. */
interface ProfileExtras {
  /** Another task or model, subtracted from every metric. */
  readonly minus?: Subtracted | null;
  /** Effect of a plan on each expert, [L][E]. */
  readonly hatches?: readonly (readonly Hatch[])[] | null;
}

/** A profile as long-form CSV, one expert of one MoE layer per line: counts, sums and every metric of the heatmaps. */
export const profileCsv = (
  model: string,
  profile: TaskProfile,
  manifest: FigureManifest,
  { minus = null, hatches = null }: ProfileExtras = {},
): string => {
  const cellOf =
    (matrix: CellMatrix) =>
    ({ layer, expert }: ProfileLine): number | null =>
      matrix[layer]?.[expert] ?? null;
  const columns: Columns<ProfileLine> = [
    ['model', () => model],
    ['task', () => profile.task],
    ['layer', ({ layer }) => layer],
    ['expert', ({ expert }) => expert],
    ['tokens', () => profile.tokens],
    ['count', cellOf(profile.counts)],
    ['gate_sum', cellOf(profile.gateMass)],
    ['reap_sum', cellOf(profile.reapSum)],
    ['ean_sum', cellOf(profile.eanSum)],
    ...profileMetrics.map(({ name, matrix }) => [name, cellOf(matrix(profile))] as const),
    ...(minus === null
      ? []
      : [
          ['minus', () => minus.name] as const,
          ...profileMetrics.map(
            ({ name, matrix }) =>
              [
                `${name}_difference`,
                cellOf(matrixDifference(matrix(profile), atIndices(matrix(minus.profile), minus.indices))),
              ] as const,
          ),
        ]),
    ...(hatches === null
      ? []
      : [['plan', ({ layer, expert }: ProfileLine) => hatches[layer]?.[expert] ?? null] as const]),
  ];
  const lines = profile.counts.flatMap((row, layer) => row.map((_, expert) => ({ layer, expert })));
  return csvTable(manifest, columns, lines);
};
