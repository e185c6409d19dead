import { access } from 'node:fs/promises';
import type { EngineContext } from '../engine/engine-context.ts';
import { explainFileError, fileErrorCode } from '../workspace/file-errors.ts';
import { SAMPLE_RUN } from './add-sample.ts';
import { restoreProfiles } from './restore-profiles.ts';

/** Puts the profiles of the sample, where the workspace has it, into the step store: its heatmaps need no compute then. */
export const restoreSample = async (context: Pick<EngineContext, 'workspace' | 'bundled' | 'task' | 'numerics' | 'emit'>): Promise<void> => {
  const { workspace, bundled, numerics, emit } = context;
  const folder = workspace.runs.folder(SAMPLE_RUN);
  try {
    await access(folder);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return;
    throw explainFileError(error, folder);
  }
  const tasks = await Promise.all([...bundled.tasks.values()].map((path) => context.task(path)));
  await restoreProfiles({ workspace, numerics, tasks, emit }, SAMPLE_RUN);
};
