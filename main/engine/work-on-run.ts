import { hostname } from 'node:os';
import type { RunManifest } from '../contract/run.ts';
import {
  countParts,
  type FilledSteps,
  fillSteps,
  type ListedStep,
  listSteps,
  type WorkShare,
} from '../jobs/fill-steps.ts';
import { type JobContext, jobOn } from '../jobs/job-context.ts';
import { carryOutHere, type JobResources } from '../jobs/job-queue.ts';
import { createProgressMeter, ticks } from '../jobs/progress-meter.ts';
import { type SweepInput, sweepSources } from '../jobs/sweep-stages.ts';
import { type ApprovedManifest, approveToWork } from './approved-run.ts';
import { sweepInputOf } from './calls/sweeps.ts';
import type { EngineContext } from './engine-context.ts';
import { identifyModels } from './run-subjects.ts';

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

/** Work on sweeps that this engine has not locked: emits no events and does not touch the run's record. */
export interface SweepWorker {
  /** Computes steps of a sweep next to other processes. */
  fill(run: string, order: FillOrder): Promise<FilledSteps>;
  /** Every part of a sweep and whether its steps are on disk; `confirmed` as for `fill`. */
  list(run: string, confirmed?: string): Promise<readonly ListedStep[]>;
  /** Number of parts of a sweep that processes can measure independently. */
  count(manifest: ApprovedManifest): Promise<number>;
}

/** For reading only: unusable steps are reported where they are computed again. */
const LOOKING = { signal: new AbortController().signal, say: (): void => undefined };

export const createSweepWorker = (
  context: EngineContext,
  resourcesOf: (manifest: RunManifest) => Promise<JobResources>,
): SweepWorker => {
  /** Whoever makes the run's record asks transformers and the referee. */
  const alone = async (manifest: RunManifest): Promise<JobResources> => {
    const { refereePool: _, compareWithTransformers: __, ...resources } = await resourcesOf(manifest);
    return resources;
  };
  const carryOut = carryOutHere(context.workspace.runs, alone);
  /** Watches the models of the sweep as for any run. */
  const workOn = async <T>(
    manifest: ApprovedManifest,
    work: (job: JobContext, input: SweepInput) => Promise<T>,
    { signal, say }: Pick<FillOrder, 'signal' | 'say'> = LOOKING,
  ): Promise<T> => {
    const { id, kind, title } = manifest;
    const input = await sweepInputOf(context, manifest);
    const sources = sweepSources(input);
    await identifyModels(context, sources, manifest, { signal });
    return carryOut({
      manifest,
      job: jobOn(sources, (job) => work(job, input)),
      signal,
      meter: createProgressMeter({ run: id, kind, title }, ticks),
      emit: (event) => {
        if (event.type === 'job.problem') say(event.text);
      },
      requireRun: () => Promise.resolve(),
    });
  };
  return {
    fill: async (run, { confirmed, share, task, signal, say }) => {
      const manifest = await approveToWork(context, run, confirmed);
      // The device that computes here, not the one that the run was made on.
      const { device } = await context.devices.open(manifest.device);
      const { provider, precision } = device;
      const order = {
        share,
        task,
        worker: `process ${process.pid} on ${hostname()}`,
        hardware: { provider, precision, processor: device.name ?? device.processor },
        say,
      };
      return workOn(manifest, (job, input) => fillSteps(job, input, order), { signal, say });
    },
    list: async (run, confirmed) => workOn(await approveToWork(context, run, confirmed), listSteps),
    count: (manifest) => workOn(manifest, countParts),
  };
};
