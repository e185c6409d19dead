import { join } from 'node:path';
import { z } from 'zod';
import { calls } from '../../contract/calls.ts';
import { providerName, type RunDevice } from '../../contract/device.ts';
import { refuse } from '../../contract/errors.ts';
import { reproduction } from '../../contract/reproduction.ts';
import type { RunManifest } from '../../contract/run.ts';
import { recordedSweepSettings } from '../../contract/sweep.ts';
import type { Job } from '../../jobs/job-context.ts';
import { reproduceJob, REPRODUCTION_FILE } from '../../reproduction/reproduce-job.ts';
import { readResult } from '../../runs/read-result.ts';
import { recordedSpec } from '../../runs/recorded-spec.ts';
import type { ApprovedManifest } from '../approved-run.ts';
import { answer, type Answers, type EngineContext } from '../engine-context.ts';
import { reopenSubjects } from '../run-subjects.ts';
import { startRun } from '../start-run.ts';
import { reopenCandidates } from '../sweep-candidates.ts';

type ReproduceCall = 'run.reproduce' | 'reproduction.read';

const reproduceSpec = z.object({ of: z.string(), settings: recordedSweepSettings });
type ReproduceSpec = z.infer<typeof reproduceSpec>;

const readFinishedSweep = async ({ workspace }: EngineContext, run: string): Promise<RunManifest> => {
  const manifest = await workspace.runs.read(run);
  if (manifest.kind !== 'sweep')
    throw refuse(
      'not-a-sweep',
      `${run} is a ${manifest.kind}, not a sweep.`,
      'Choose a sweep: only sweeps are reproduced.',
    );
  if (manifest.state !== 'done')
    throw refuse(
      'not-done',
      `${run} is not finished (${manifest.state}).`,
      'Resume it first: what is compared must be complete.',
    );
  return manifest;
};

/**
 * Makes the job of a reproduction on a device from its manifest's settings. Refuses models and tasks that have changed.
 */
export const reproductionOf = async (
  context: EngineContext,
  { of, settings }: ReproduceSpec,
  device: RunDevice,
): Promise<{
  readonly original: RunManifest;
  readonly job: Job;
  readonly subjects: Awaited<ReturnType<typeof reopenSubjects>>;
}> => {
  const original = await readFinishedSweep(context, of);
  const isTrusted = await context.bindings.isBound(original);
  const subjects = await reopenSubjects(context, original, isTrusted);
  const folder = context.workspace.runs.folder(of);
  const { versions } = context;
  const job = reproduceJob({
    original,
    folder,
    sweep: { ...subjects, settings, candidates: await reopenCandidates(context, original, isTrusted) },
    circumstances: { device, versions: { ...versions } },
    createPool: () => context.createPool(providerName.parse(device.provider)),
  });
  return { original, job, subjects };
};

/** Makes the job of a recorded reproduction. */
export const resumedReproduction = async (context: EngineContext, manifest: ApprovedManifest): Promise<Job> => {
  const spec = recordedSpec(manifest, reproduceSpec);
  return (await reproductionOf(context, spec, manifest.device)).job;
};

export const reproduceCalls = (context: EngineContext): Pick<Answers, ReproduceCall> => ({
  'run.reproduce': answer(calls['run.reproduce'], async ({ run }) => {
    const settings = recordedSpec(await readFinishedSweep(context, run), recordedSweepSettings);
    const spec: ReproduceSpec = { of: run, settings };
    const { original, job, subjects } = await reproductionOf(context, spec, context.device);
    return startRun(context, { kind: 'reproduce', title: `Reproduction of ${original.title}`, spec, ...subjects }, job);
  }),
  'reproduction.read': answer(calls['reproduction.read'], async ({ run }) => {
    const { runs } = context.workspace;
    const manifest = await runs.read(run);
    if (manifest.kind !== 'reproduce')
      throw refuse('not-a-reproduction', `${run} is a ${manifest.kind}, not a reproduction.`, 'Choose a reproduction.');
    const found = await readResult(join(runs.folder(run), REPRODUCTION_FILE), reproduction);
    if (found === null)
      throw refuse(
        'no-reproduction',
        `${manifest.title} has no result (${manifest.state}).`,
        'Wait until it is done, or resume it.',
      );
    return found;
  }),
});
