import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ModelRunner, ModelRunnerSettings, RunnerTuning } from '../inference/model-runner.ts';
import type { Overlays } from '../inference/overlays.ts';

/** The machine on which exports are proven. */
export type ExportMachine = Pick<ModelRunnerSettings, 'threads' | 'memoryBudgetBytes'>;

/** What an export runs with. */
export interface ExportSettings extends ExportMachine {
  readonly overlays: Overlays;
  /** Whoever asks disposes of it. */
  readonly openRunner: (checkpoint: Checkpoint, tuning: RunnerTuning) => Promise<ModelRunner>;
}
