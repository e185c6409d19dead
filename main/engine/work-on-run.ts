import { hostname } from 'node:os';
import type { RunManifest } from '../contract/run.ts';
import {
  countParts,
  fillSteps,
  type FilledSteps,
  type ListedStep,
  listSteps,
  type WorkShare,
} from '../jobs/fill-steps.ts';
import type { JobResources } from '../jobs/job-queue.ts';
import type { JobContext } from '../jobs/job-context.ts';
import { createProgressMeter } from '../jobs/progress-meter.ts';
import { type SweepInput, sweepSources } from '../jobs/sweep-stages.ts';
import { type ApprovedManifest, approveToWork } from './approved-run.ts';
import type { EngineContext } from './engine-context.ts';
import { sweepInputOf } from './calls/sweeps.ts';

/** Order to a worker. */
export interface FillOrder {
  /** Code of a run that was not made here and that the user confirmed. */
  readonly confirmed?: string | undefined;
  readonly share: WorkShare;
  /** The worker's index in the array of a cluster; null outside of one. */
  readonly task: number | null;
  readonly signal: AbortSignal;
  /** Called with a line for every part that is done. */
  readonly say: (line: string) => void;
}

export type ResourcesOf = (manifest: RunManifest) => Promise<JobResources>;

/**
 * Works on a sweep that this engine has not locked: emits no events and does not touch the run's record. Watches its
 * models as for any run.
 */
const workOn = async <T>(
  { workspace, now }: EngineContext,
  resourcesOf: ResourcesOf,
  manifest: RunManifest,
  input: SweepInput,
  { signal, say }: Pick<FillOrder, 'signal' | 'say'>,
  work: (context: JobContext) => Promise<T>,
): Promise<T> => {
  const { id, kind, title, createdAt } = manifest;
  const { pool, refereePool: _, steps, ...resources } = await resourcesOf(manifest);
  return pool.compute({ sources: sweepSources(input), steps, say }, (computing) =>
    work({
      ...resources,
      ...computing,
      run: id,
      folder: workspace.runs.folder(id),
      madeAt: new Date(createdAt),
      signal,
      meter: createProgressMeter({ run: id, kind, title }, now),
      now,
      emit: () => undefined,
      requireRun: () => Promise.resolve(),
    }),
  );
};

/** For reading only: unusable steps are reported where they are computed again. */
const LOOKING = { signal: new AbortController().signal, say: (): void => undefined };

export const fillStepsOfRun = async (
  context: EngineContext,
  resourcesOf: ResourcesOf,
  run: string,
  { confirmed, share, task, signal, say }: FillOrder,
): Promise<FilledSteps> => {
  const manifest = await approveToWork(context, run, confirmed);
  const input = await sweepInputOf(context, manifest);
  // The device that computes here, not the one that the run was made on.
  const { device } = await context.devices.open(manifest.device);
  const order = {
    share,
    task,
    worker: `process ${String(process.pid)} on ${hostname()}`,
    hardware: { provider: device.provider, precision: device.precision, processor: device.name ?? device.processor },
    say,
  };
  return workOn(context, resourcesOf, manifest, input, { signal, say }, (job) => fillSteps(job, input, order));
};

export const listStepsOfRun = async (
  context: EngineContext,
  resourcesOf: ResourcesOf,
  run: string,
  confirmed?: string,
): Promise<readonly ListedStep[]> => {
  const manifest = await approveToWork(context, run, confirmed);
  const input = await sweepInputOf(context, manifest);
  return workOn(context, resourcesOf, manifest, input, LOOKING, (job) => listSteps(job, input));
};

/** Number of parts of a sweep that processes can measure independently. */
export const countPartsOfRun = async (
  context: EngineContext,
  resourcesOf: ResourcesOf,
  manifest: ApprovedManifest,
): Promise<number> => {
  const input = await sweepInputOf(context, manifest);
  return workOn(context, resourcesOf, manifest, input, LOOKING, (job) => countParts(job, input));
};
