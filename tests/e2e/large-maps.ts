import { cp, mkdir } from 'node:fs/promises';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { engineVersions, numericsOf } from '../../main/engine/machine.ts';
import { taskProfileKey } from '../../main/jobs/plan-step.ts';
import { emptyRoutingStatistics, type RoutingStatistics } from '../../main/profile/routing-statistics.ts';
import { type RandomSource, seededRandom } from '../../main/statistics/random.ts';
import { loadTask } from '../../main/tasks/load-task.ts';
import { openWorkspace } from '../../main/workspace/open-workspace.ts';
import { profileContent } from '../../main/workspace/profile-file.ts';
import { stateFolder } from '../../main/workspace/user-key.ts';
import { writeSyntheticCheckpoint } from '../bench/synthetic-checkpoint.ts';
import { resources } from './page-steps.ts';
import type { Workbench } from './workbench.ts';
import path from 'node:path';

/** Sizes of published models: 94 MoE layers of 128 experts, and 48 of 512. */
export const largeSizes = [
  { name: 'large-94-128', layers: 94, experts: 128, topK: 8 },
  { name: 'large-48-512', layers: 48, experts: 512, topK: 10 },
] as const;
export interface LargeSize {
  readonly name: string;
  readonly layers: number;
  readonly experts: number;
  readonly topK: number;
}

const TOKENS = 20_000;

/** Statistics as skewed as in real models: a few experts take most tokens, and one value is an outlier. */
const largeStatistics = ({ layers, experts, topK }: LargeSize, random: RandomSource): RoutingStatistics => {
  const statistics = { ...emptyRoutingStatistics(layers, experts, topK), items: 100, tokens: TOKENS };
  for (let layer = 0; layer < layers; layer += 1) {
    const weights = Array.from({ length: experts }, () => random.float() ** 3 + 0.01);
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    weights.forEach((weight, expert) => {
      const at = layer * experts + expert;
      const count = Math.min(TOKENS, Math.round((TOKENS * topK * weight) / all));
      statistics.counts[at] = count;
      const [gate, norm] = [0.05 + 0.1 * random.float(), (1 + random.float()) * (at === 37 ? 500 : 1)];
      statistics.gateMass[at] = count * gate;
      statistics.eanSum[at] = count * norm;
      statistics.reapSum[at] = count * gate * norm;
      // gate^1 norm^1 under the model's own gate, the input of saliencies.
      statistics.gatedMoments[(layer * 18 + 1) * experts + expert] = count * gate * norm;
      const square = layer * experts * experts;
      statistics.coactivation[square + expert * experts + expert] = count;
      // Every eighth expert is wanted by the same tokens, so that there are similar experts.
      for (let other = 0; other < experts; other += 1)
        statistics.logitGram[square + expert * experts + other] =
          other === expert ? TOKENS : other % 8 === expert % 8 ? TOKENS * 0.8 : 0;
    });
  }
  return statistics;
};

/**
 * Adds models of published sizes (with minimal width) and their profiles on two tasks to a workspace: enough for a map,
 * without the weights. Returns their names. `settings`: the settings file of the engine that reads the profiles, beside
 * which its user's key lies: an engine computes profiles without a mark of its own user again.
 */
export const addLargeModels = async (
  { workspace, exports: folder, settings }: Pick<Workbench, 'workspace' | 'exports' | 'settings'>,
  sizes: readonly LargeSize[] = largeSizes,
): Promise<readonly string[]> => {
  const { library, steps } = await openWorkspace(workspace, Date.now, stateFolder(settings));
  const numerics = numericsOf(await engineVersions());
  const random = seededRandom(7);
  for (const size of sizes) {
    const at = path.join(folder, size.name);
    await mkdir(at, { recursive: true });
    const shape = { hidden: 8, heads: 1, keyValueHeads: 1, width: 2, vocabulary: 512, maxPositions: 256 } as const;
    await writeSyntheticCheckpoint(at, { ...shape, ...size, dtype: 'F32' }, 1);
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      await cp(path.join(resources, 'models', 'uncurl-16', file), path.join(at, file));
    const { identity, fingerprint } = await openCheckpoint(at);
    await library.add('models', at, fingerprint);
    for (const name of ['sort', 'add']) {
      const task = await loadTask(path.join(resources, 'tasks', name));
      const profiled = { name, hash: task.hash, statistics: largeStatistics(size, random) };
      const content = profileContent({ model: size.name, fingerprint, tasks: [profiled] });
      await steps.writeTensors(taskProfileKey(identity, task, numerics), 'profile', content);
    }
  }
  return sizes.map(({ name }) => name);
};
