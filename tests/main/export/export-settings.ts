import path from 'node:path';
import { openCheckpoint, type Checkpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import type { MergePlan, Plan } from '../../../main/contract/plan.ts';
import type { ExportRequest } from '../../../main/export/export-plan.ts';
import { exportSettingsIn } from '../../open-model-runner.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

/** Everything needed to export `folder` into a new folder named "pruned". */
export const exportRequest = async (
  folder: string,
  plan: Plan,
): Promise<ExportRequest & { readonly parent: string }> => {
  const parent = await temporaryFolder();
  return {
    checkpoint: await openCheckpoint(folder),
    plan,
    parent,
    destination: path.join(parent, 'pruned'),
    settings: exportSettingsIn(await temporaryFolder()),
    control: { signal: new AbortController().signal },
  };
};

/** Merges expert e with e + E / groups, e + 2 E / groups, ... in every layer. */
export const mergeEvenly = ({ info }: Checkpoint, groups: number, router: MergePlan['router']): MergePlan => ({
  groups: Array.from({ length: info.moeLayers }, () =>
    Array.from({ length: groups }, (_, first) => {
      const members = Array.from({ length: info.experts / groups }, (_m, index) => first + index * groups);
      return { members, reference: members.at(-1) ?? 0, weights: members.map((_m, index) => index + 1) };
    }),
  ),
  router,
  align: true,
});
