import type { RecordChange } from '../contract/compute.ts';
import { CancelledError } from '../contract/errors.ts';
import type { EngineEvent } from '../contract/events.ts';
import type { RunManifest } from '../contract/run.ts';
import type { RunStore } from '../workspace/run-store.ts';
import type { Job, JobContext, JobResult } from './job-context.ts';
import type { ProgressMeter } from './progress-meter.ts';
import { type SourceWatch, watchSources } from './watch-sources.ts';

/** A run whose turn has come. */
export interface RunToCarryOut {
  readonly manifest: RunManifest;
  readonly job: Job;
  readonly signal: AbortSignal;
  readonly meter: ProgressMeter;
  emit(event: EngineEvent): void;
  /** As of the job's context. */
  requireRun(): Promise<void>;
  readonly recordChanged?: ((change: RecordChange) => void) | undefined;
}

/** Does the work of a run to its end, in this process or in one of its own; rejects with what ended it otherwise. */
export type CarryOut = (run: RunToCarryOut) => Promise<JobResult>;

/** What of a job's context depends on the device that the run's manifest names. */
export type JobResources = Omit<
  JobContext,
  'run' | 'folder' | 'signal' | 'meter' | 'now' | 'emit' | 'requireRun' | 'recordChanged'
>;

/** Works in this process: nothing else is answered while a block of a model runs. */
export const carryOutHere =
  (
    runs: Pick<RunStore, 'folder'>,
    resourcesOf: (manifest: RunManifest) => Promise<JobResources>,
    now: () => number,
  ): CarryOut =>
  async ({ manifest, job, ...own }) => {
    let watch: SourceWatch | null = null;
    try {
      const resources = await resourcesOf(manifest);
      watch = watchSources(resources);
      const { steps, runners } = watch;
      const { id: run } = manifest;
      const result = await job({ ...resources, ...own, steps, runners, run, folder: runs.folder(run), now });
      await watch.settle();
      return result;
    } catch (error) {
      throw await settled(watch, error);
    }
  };

/** Why a run ended: with an error of its own, unless the files of its model changed, which explains any other. */
const settled = async (watch: SourceWatch | null, error: unknown): Promise<unknown> => {
  try {
    await watch?.settle(error instanceof CancelledError);
    return error;
  } catch (change) {
    return change;
  }
};
