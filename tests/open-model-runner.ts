import type { Checkpoint } from '../main/checkpoint/open-checkpoint.ts';
import type { ExportSettings } from '../main/export/export-progress.ts';
import type { ModelRunner, ModelRunnerSettings, RunnerTuning } from '../main/inference/model-runner.ts';
import { openModel } from '../main/inference/open-model-runner.ts';
import type { Overlays } from '../main/inference/overlays.ts';
import { createStepStore } from '../main/workspace/step-store.ts';

/** Runners and exports beside the gate, for what tests and benchmarks compute by themselves. */

/** Overlays in a folder, unwatched. */
export const overlaysIn = (folder: string): Overlays =>
  createStepStore({ steps: folder, overlays: folder, temporary: folder }).overlays;

export interface RunnerSettings extends Omit<ModelRunnerSettings, 'scratchFolder' | 'provider'>, RunnerTuning {
  /** Overlays and scratch files. */
  readonly overlayFolder: string;
}

/** A runner of its own; the caller disposes of it. */
export const openModelRunner = async (
  checkpoint: Checkpoint,
  { threads, memoryBudgetBytes, overlayFolder, ...tuning }: RunnerSettings,
): Promise<ModelRunner> => {
  const model = await openModel(checkpoint, { threads, memoryBudgetBytes, scratchFolder: overlayFolder }, tuning);
  return model.runner(overlaysIn(overlayFolder));
};

/** Everything that an export runs with, on one thread; overlays and scratch files in `folder`. */
export const exportSettingsIn = (folder: string, memoryBudgetBytes = Number.MAX_SAFE_INTEGER): ExportSettings => ({
  threads: 1,
  memoryBudgetBytes,
  overlays: overlaysIn(folder),
  openRunner: (checkpoint, tuning) =>
    openModelRunner(checkpoint, { threads: 1, memoryBudgetBytes, overlayFolder: folder, ...tuning }),
});
