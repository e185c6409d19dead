import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { EngineEvent } from '../contract/events.ts';
import type { RecordedModel } from '../contract/recorded.ts';
import type { TransformersCheck } from '../contract/transformers-check.ts';
import type { TextJudge } from '../harness/judge-texts.ts';
import { produceFileAtomically } from '../files/write-atomically.ts';
import type { Task } from '../tasks/task.ts';
import type { ProgressMeter } from './progress-meter.ts';
import type { Computing, Runners } from './source-gate.ts';

/** A model of a run; `name` is unique within it. */
export interface RunModel {
  readonly name: string;
  readonly checkpoint: Checkpoint;
  /** What a recorded run says of it, where the model was reopened. */
  readonly recorded?: RecordedModel | undefined;
}

/** A task of a run; `name` is unique within it. */
export interface RunTask {
  readonly name: string;
  readonly task: Task;
}

/** Properties of the engine and its device that may change a number. */
export interface Numerics {
  readonly version: number;
  readonly runtime: string;
  readonly provider: string;
  readonly precision: string;
}

/** The services of a job. Results must be on disk before they are announced. */
export interface JobContext extends Computing {
  readonly run: string;
  readonly folder: string;
  /** Creation time of the run: a chat template that contains the date uses this one, whenever the run is resumed. */
  readonly madeAt: Date;
  /** Folder in which files are written before they are renamed into the workspace. */
  readonly temporaryFolder: string;
  readonly numerics: Numerics;
  readonly memoryBudgetBytes: number;
  /** Judges written answers where a task's own Python does; absent where nothing is measured. */
  readonly judge?: TextJudge | undefined;
  /** onnxruntime's runners, where another engine computes. */
  readonly referee?: Runners | undefined;
  /**
   * Compares a model, which is identified, with transformers; refuses one that differs. Absent where the numbers are
   * not those of onnxruntime on the processor.
   */
  readonly compareWithTransformers?: ((checkpoint: Checkpoint) => Promise<TransformersCheck>) | undefined;
  /** Set where a model is never read block by block, whatever its size. */
  readonly keepsWhole?: true | undefined;
  readonly signal: AbortSignal;
  /** Aborted to end a job that writes texts early, keeping the text so far; other jobs ignore it. */
  readonly finish?: AbortSignal | undefined;
  readonly meter: ProgressMeter;
  /** Milliseconds for durations, on a clock that does not follow the machine's date. */
  readonly now: () => number;
  emit(event: EngineEvent): void;
  /**
   * Call before writing into the run's folder: only the engine that holds the run may write there.
   *
   * @throws WorkbenchError `taken-over`.
   */
  requireRun(): Promise<void>;
}

/** The result of a finished job: a file or folder, and a summary sentence. */
export interface JobResult {
  readonly output: string | null;
  readonly summary: string;
}

export interface Job<Result = JobResult> {
  /** Models that the job reads: their files are watched from the start. */
  readonly sources: readonly Checkpoint[];
  readonly work: (context: JobContext) => Promise<Result>;
}

/**
 * Writes a result file into the run's folder and returns its path, unless another engine holds the run or the models
 * have changed.
 *
 * @throws WorkbenchError `taken-over`, `model-changed`.
 */
export const writeResult = async (
  context: JobContext,
  name: string,
  produce: (file: string) => Promise<void>,
): Promise<string> => {
  const output = join(context.folder, name);
  await context.requireRun();
  await context.requireUnchanged();
  await produceFileAtomically(output, produce, context.temporaryFolder);
  return output;
};

/** A job that reads these models. */
export const jobOn = <Result>(sources: readonly Checkpoint[], work: Job<Result>['work']): Job<Result> => ({
  sources,
  work,
});
