import { CancelledError } from '../contract/errors.ts';
import type { ExportedTensor } from './exported-tensors.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ModelRunner, ModelRunnerSettings, RunnerTuning } from '../inference/model-runner.ts';
import type { Overlays } from '../inference/overlays.ts';

export interface ExportControl {
  /** Checked between chunks of a file and between block runs: an abort rejects with CancelledError within a second. */
  readonly signal: AbortSignal;
  /** Bytes done and total; running a model counts as moving its bytes once. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

export const weightBytes = (tensors: readonly ExportedTensor[]): number =>
  tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Bytes that a verification moves: it compares every tensor and runs the original and each format of the export. */
export const verificationBytes = (tensors: readonly ExportedTensor[], forms: number): number =>
  (2 + forms) * weightBytes(tensors);

export class VerifyProgress {
  readonly signal: AbortSignal;
  readonly #onProgress: NonNullable<ExportControl['onProgress']>;
  readonly #weightBytes: number;
  readonly #total: number;
  #done = 0;

  /** `forms`: formats of the export, each of which is run. */
  constructor({ signal, onProgress }: ExportControl, tensors: readonly ExportedTensor[], forms: number) {
    this.signal = signal;
    this.#onProgress = onProgress ?? (() => undefined);
    this.#weightBytes = weightBytes(tensors);
    this.#total = verificationBytes(tensors, forms);
  }

  /** Counts compared bytes. Throws if the job was cancelled. */
  readonly compared = (bytes: number): void => {
    if (this.signal.aborted) throw new CancelledError('The verification');
    this.#report(this.#done + bytes);
  };

  /** Records a share of one of the model runs; run 0 is the original's. */
  ran(run: number, share: number): void {
    this.#report(Math.round(this.#weightBytes * (1 + run + share)));
  }

  #report(done: number): void {
    this.#done = Math.max(this.#done, done);
    this.#onProgress(this.#done, this.#total);
  }
}

/** The machine that verifies exports. */
export type ExportMachine = Pick<ModelRunnerSettings, 'threads' | 'memoryBudgetBytes'>;

export interface ExportSettings extends ExportMachine {
  readonly overlays: Overlays;
  /** Opens a runner; the caller disposes of it. */
  readonly openRunner: (checkpoint: Checkpoint, tuning: RunnerTuning) => Promise<ModelRunner>;
}
