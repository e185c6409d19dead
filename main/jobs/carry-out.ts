import type { RecordChange } from '../contract/compute.ts';
import { WorkbenchError } from '../contract/errors.ts';
import type { EngineEvent } from '../contract/events.ts';
import type { RunManifest } from '../contract/run.ts';
import type { RunStore } from '../workspace/run-store.ts';
import type { StepStore } from '../workspace/step-store.ts';
import type { Job, JobContext, JobResult } from './job-context.ts';
import type { ProgressMeter } from './progress-meter.ts';
import type { Computing, ModelPool, Runners } from './source-gate.ts';

/** A run whose turn in the queue has come. */
export interface RunToCarryOut {
  readonly manifest: RunManifest;
  readonly job: Job;
  readonly signal: AbortSignal;
  readonly finish?: AbortSignal | undefined;
  readonly meter: ProgressMeter;
  emit(event: EngineEvent): void;
  /** Rejects where another engine has taken the run over. */
  requireRun(): Promise<void>;
  readonly recordChanged?: ((change: RecordChange) => void) | undefined;
}

/** Does the work of a run, in this process or a separate one; rejects where the run fails or is cancelled. */
export type CarryOut = (run: RunToCarryOut) => Promise<JobResult>;

/** The part of a job's context that depends on the device that the run's manifest names. */
export interface JobResources extends Omit<
  JobContext,
  | keyof Computing
  | 'run'
  | 'folder'
  | 'madeAt'
  | 'signal'
  | 'finish'
  | 'meter'
  | 'now'
  | 'emit'
  | 'requireRun'
  | 'recordChanged'
  | 'referee'
> {
  readonly steps: StepStore;
  readonly pool: ModelPool;
  /** Models of onnxruntime, where another engine computes. */
  readonly refereePool?: ModelPool | undefined;
}

/** The error of an engine whose run was taken over by another one. */
export const takeoverOf = async (runs: Pick<RunStore, 'holder'>, run: string): Promise<WorkbenchError> => {
  const holder = await runs.holder(run);
  const who = holder === null ? 'another engine' : `process ${String(holder.pid)} on ${holder.host}`;
  return new WorkbenchError(
    'taken-over',
    'failed',
    `${run} was taken over by ${who} while this engine did not respond.`,
    'Follow it there; steps finished here are on disk and are not computed again.',
  );
};

/** Works in this process, which answers nothing else while a block of a model runs. */
export const carryOutHere =
  (
    runs: Pick<RunStore, 'folder'>,
    resourcesOf: (manifest: RunManifest) => Promise<JobResources>,
    now: () => number,
  ): CarryOut =>
  async ({ manifest, job, ...own }) => {
    const { pool, refereePool, steps, ...resources } = await resourcesOf(manifest);
    const { id: run, createdAt } = manifest;
    const runFields = { run, folder: runs.folder(run), madeAt: new Date(createdAt) };
    const say = (text: string): void => own.emit({ type: 'job.problem', run, text });
    const order = { sources: job.sources, steps, say };
    const work = (computing: Computing, referee?: Runners): Promise<JobResult> =>
      job.work({ ...resources, ...own, ...runFields, ...computing, referee, now });
    return pool.compute(order, (computing) =>
      refereePool === undefined
        ? work(computing)
        : refereePool.compute(order, ({ runners: referee }) => work(computing, referee)),
    );
  };
