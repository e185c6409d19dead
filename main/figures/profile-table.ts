import type { TaskProfile } from '../contract/profile.ts';
import { atIndices, type CellMatrix, type Hatch, matrixDifference, type Subtracted } from './cell-matrix.ts';
import type { Columns } from './columns.ts';
import { csvTable } from './csv.ts';
import type { FigureManifest } from './figure-manifest.ts';

export interface ProfileMetric {
  /** Part of file names and the name of the CSV column. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly matrix: (profile: TaskProfile) => CellMatrix;
}

const perToken = (sums: TaskProfile['counts'], tokens: number): CellMatrix =>
  sums.map((row) => row.map((sum) => (tokens > 0 ? sum / tokens : null)));

const perChoice = (sums: TaskProfile['counts'], counts: TaskProfile['counts']): CellMatrix =>
  sums.map((row, layer) =>
    row.map((sum, expert) => {
      const count = counts[layer]?.[expert] ?? 0;
      return count > 0 ? sum / count : null;
    }),
  );

/** Statistics of a profile in heatmaps: sums and counts divided once. Usage alone misleads, so none shows it alone. */
export const profileMetrics: readonly ProfileMetric[] = [
  {
    name: 'share',
    title: 'Share of tokens that choose the expert',
    unit: 'tokens routed to the expert / tokens (a layer sums to top-k)',
    matrix: ({ counts, tokens }) => perToken(counts, tokens),
  },
  {
    name: 'gate',
    title: 'Gate mass per token',
    unit: 'sum of combine weights / tokens',
    matrix: ({ gateMass, tokens }) => perToken(gateMass, tokens),
  },
  {
    name: 'reap',
    title: 'REAP saliency',
    unit: 'mean of combine weight x norm of the expert output, over the tokens that choose it',
    matrix: ({ reapSum, counts }) => perChoice(reapSum, counts),
  },
  {
    name: 'ean',
    title: 'Expert activation norm',
    unit: 'mean norm of the expert output, over the tokens that choose it',
    matrix: ({ eanSum, counts }) => perChoice(eanSum, counts),
  },
];

/** The statistic with this name, which must exist. */
export const profileMetric = (name: ProfileMetric['name']): ProfileMetric => {
  const metric = profileMetrics.find((entry) => entry.name === name);
  if (metric === undefined) throw new RangeError(`no statistic ${name}`);
  return metric;
};

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
