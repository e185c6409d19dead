import type { TaskProfile } from '../contract/profile.ts';
import type { RunManifest } from '../contract/run.ts';
import { csvFile } from './csv.ts';
import { profileMetrics } from './profile-matrices.ts';

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
