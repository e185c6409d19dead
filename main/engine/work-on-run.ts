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

/** A context for a run that this engine does not hold: nothing is announced, and its folder's record is left alone. */
const contextOf = async (
  { workspace, now }: EngineContext,
  resourcesOf: ResourcesOf,
  manifest: RunManifest,
  signal: AbortSignal,
): Promise<JobContext> => {
  const { id, kind, title, createdAt } = manifest;
  return {
    ...(await resourcesOf(manifest)),
    run: id,
    folder: workspace.runs.folder(id),
    madeAt: new Date(createdAt),
    signal,
    meter: createProgressMeter({ run: id, kind, title }, now),
    now,
    emit: () => undefined,
    requireRun: () => Promise.resolve(),
  };
};

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
  return fillSteps(await contextOf(context, resourcesOf, manifest, signal), input, {
    share,
    task,
    worker: `process ${String(process.pid)} on ${hostname()}`,
    hardware: { provider: device.provider, precision: device.precision, processor: device.name ?? device.processor },
    say,
  });
};

export const listStepsOfRun = async (
  context: EngineContext,
  resourcesOf: ResourcesOf,
  run: string,
  confirmed?: string,
): Promise<readonly ListedStep[]> => {
  const manifest = await approveRun(context, run, confirmed);
  const input = await sweepInputOf(context, manifest);
  return listSteps(await contextOf(context, resourcesOf, manifest, new AbortController().signal), input);
};

/** How many parts a sweep has that processes can measure by themselves. */
export const countPartsOfRun = async (
  context: EngineContext,
  resourcesOf: ResourcesOf,
  manifest: ApprovedManifest,
): Promise<number> => {
  const input = await sweepInputOf(context, manifest);
  return countParts(await contextOf(context, resourcesOf, manifest, new AbortController().signal), input);
};
