import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ModelRunner, ModelRunnerSettings, RunnerTuning } from '../inference/model-runner.ts';
import type { Overlays } from '../inference/overlays.ts';

/** The machine that verifies exports. */
export type ExportMachine = Pick<ModelRunnerSettings, 'threads' | 'memoryBudgetBytes'>;

export interface ExportSettings extends ExportMachine {
  readonly overlays: Overlays;
  /** Opens a runner; the caller disposes of it. */
  readonly openRunner: (checkpoint: Checkpoint, tuning: RunnerTuning) => Promise<ModelRunner>;
}
