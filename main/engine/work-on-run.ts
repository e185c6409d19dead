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
import type { JobResources } from '../jobs/carry-out.ts';
import type { JobContext } from '../jobs/job-context.ts';
import { createProgressMeter } from '../jobs/progress-meter.ts';
import { type SweepInput, sweepSources } from '../jobs/sweep-places.ts';
import { type ApprovedManifest, approveRun } from './approved-run.ts';
import type { EngineContext } from './engine-context.ts';
import { sweepInputOf } from './job-of-run.ts';

/** What a worker is asked to do. */
export interface FillOrder {
  /** Code of a run that was not made here, whose user confirmed what it names. */
  readonly confirmed?: string | undefined;
  readonly share: WorkShare;
  /** The worker's number in the array of a cluster; null outside of one. */
  readonly task: number | null;
  readonly signal: AbortSignal;
  /** Told of every part that is done. */
  readonly say: (line: string) => void;
}

export type ResourcesOf = (manifest: RunManifest) => Promise<JobResources>;

/**
 * Works on a sweep that this engine does not hold: nothing is announced, and its folder's record is left alone. Its
 * models are watched as those of any run.
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
  const { pool, steps, ...resources } = await resourcesOf(manifest);
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

/** For what only looks: steps that cannot be used are told where they are computed again. */
const LOOKING = { signal: new AbortController().signal, say: (): void => undefined };

export const fillStepsOfRun = async (
  context: EngineContext,
  resourcesOf: ResourcesOf,
  run: string,
  { confirmed, share, task, signal, say }: FillOrder,
): Promise<FilledSteps> => {
  const manifest = await approveRun(context, run, confirmed);
  const input = await sweepInputOf(context, manifest);
  // What computes here, not what the run was made on.
  const { device } = await context.devices.open(manifest.device.provider);
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
  const manifest = await approveRun(context, run, confirmed);
  const input = await sweepInputOf(context, manifest);
  return workOn(context, resourcesOf, manifest, input, LOOKING, (job) => listSteps(job, input));
};

/** How many parts a sweep has that processes can measure by themselves. */
export const countPartsOfRun = async (
  context: EngineContext,
  resourcesOf: ResourcesOf,
  manifest: ApprovedManifest,
): Promise<number> => {
  const input = await sweepInputOf(context, manifest);
  return workOn(context, resourcesOf, manifest, input, LOOKING, (job) => countParts(job, input));
};
