import type { TaskProfile } from '../contract/profile.ts';
import type { CellMatrix } from './cell-matrix.ts';

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
