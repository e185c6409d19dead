import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { RecordChange } from '../contract/compute.ts';
import type { EngineEvent } from '../contract/events.ts';
import type { Task } from '../tasks/task.ts';
import type { ProgressMeter } from './progress-meter.ts';
import type { Computing } from './source-gate.ts';
import type { Numerics } from './step-key.ts';

/** A model of a run; `name` is unique within it. */
export interface RunModel {
  readonly name: string;
  readonly checkpoint: Checkpoint;
}

/** A task of a run; `name` is unique within it. */
export interface RunTask {
  readonly name: string;
  readonly task: Task;
}

/** What a job may use. Whatever it announces must be on disk by then. */
export interface JobContext extends Computing {
  readonly run: string;
  /** The run's folder. */
  readonly folder: string;
  /**
   * When the run was made: what a chat template says of the day stays the same for whoever works on the run, whenever.
   */
  readonly madeAt: Date;
  /** Where files are written before they are renamed into the workspace. */
  readonly temporaryFolder: string;
  readonly numerics: Numerics;
  readonly memoryBudgetBytes: number;
  readonly signal: AbortSignal;
  readonly meter: ProgressMeter;
  readonly now: () => number;
  emit(event: EngineEvent): void;
  /**
   * To be asked before anything is written into the run's folder: who has taken the run over writes there alone.
   *
   * @throws WorkbenchError `taken-over`.
   */
  requireRun(): Promise<void>;
  /** Told how the record of a sweep changes, where another process keeps a copy of it. */
  readonly recordChanged?: ((change: RecordChange) => void) | undefined;
}

/** What a finished job leaves: a file or folder, and a sentence on what was done. */
export interface JobResult {
  readonly output: string | null;
  readonly summary: string;
}

/** The work of a run. */
export interface Job {
  /** Models that it reads: their files are watched from its first moment on. */
  readonly sources: readonly Checkpoint[];
  readonly work: (context: JobContext) => Promise<JobResult>;
}

/** A job that reads these models. */
export const jobOn = (sources: readonly Checkpoint[], work: Job['work']): Job => ({ sources, work });
