import type { TaskProfile } from '../contract/profile.ts';
import type { RunManifest } from '../contract/run.ts';
import { csvFile } from './csv.ts';

/** [L][E]; null where an expert has no value because no token chose it. */
export type CellMatrix = readonly (readonly (number | null)[])[];

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

/** What heatmaps show of a profile: sums and counts divided once. Usage alone misleads, so it is never drawn alone. */
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

/** Largest value of several matrices, at least 0: the upper end of a colour scale that starts at 0. */
export const largestCell = (matrices: readonly CellMatrix[]): number => {
  let largest = 0;
  for (const matrix of matrices) {
    for (const row of matrix) for (const value of row) if (value !== null && value > largest) largest = value;
  }
  return largest;
};

const COLUMNS = ['model', 'task', 'layer', 'expert', 'tokens', 'count', 'gate_sum', 'reap_sum', 'ean_sum'];

/** A profile as long-form CSV, one expert of one MoE layer per line: counts, sums and every metric of the heatmaps. */
export const profileCsv = (model: string, profile: TaskProfile, manifest: RunManifest): string => {
  const matrices = profileMetrics.map(({ matrix }) => matrix(profile));
  return csvFile(
    manifest,
    [...COLUMNS, ...profileMetrics.map(({ name }) => name)],
    profile.counts.flatMap((row, layer) =>
      row.map((count, expert) => [
        model,
        profile.task,
        layer,
        expert,
        profile.tokens,
        count,
        profile.gateMass[layer]?.[expert] ?? null,
        profile.reapSum[layer]?.[expert] ?? null,
        profile.eanSum[layer]?.[expert] ?? null,
        ...matrices.map((matrix) => matrix[layer]?.[expert] ?? null),
      ]),
    ),
  );
};
