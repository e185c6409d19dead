import { z } from 'zod';
import { profilePurpose } from '../contract/calls.ts';
import { damageSettings } from '../contract/damage.ts';
import { providerName } from '../contract/device.ts';
import { assertNever, refuse } from '../contract/errors.ts';
import { exportFormat, ggufType } from '../contract/export.ts';
import { plan } from '../contract/plan.ts';
import type { RunManifest } from '../contract/run.ts';
import { recordedSweepSettings } from '../contract/sweep.ts';
import { checkSweep } from '../jobs/check-sweep.ts';
import { damageJob } from '../jobs/damage-job.ts';
import { exportJob, verifyJob } from '../jobs/export-job.ts';
import type { Job, RunModel } from '../jobs/job-context.ts';
import type { SweepInput } from '../jobs/planned-stages.ts';
import { recordedSpec } from '../runs/recorded-spec.ts';
import { resumedExperiment } from './calls/experiments.ts';
import { curveFacts, exportMachine } from './calls/exports.ts';
import { resumedFinetune } from './calls/finetune.ts';
import { purposefulProfileJob } from './calls/profiles.ts';
import { resumedReproduction } from './calls/reproductions.ts';
import { liveSweepJob } from './calls/sweeps.ts';
import type { ApprovedManifest } from './approved-run.ts';
import type { EngineContext } from './engine-context.ts';
import { reopenSubjects } from './run-subjects.ts';
import { reopenCandidates } from './sweep-candidates.ts';

const exportSpec = z.object({ plan, destination: z.string(), format: exportFormat, ggufType: ggufType.optional() });
const verifySpec = z.object({ plan, exported: z.string() });

const onlyModel = (manifest: RunManifest, models: readonly RunModel[]): RunModel => {
  const [model] = models;
  if (model === undefined)
    throw refuse('bad-spec', `The manifest of ${manifest.id} names no model.`, 'Start a new run.');
  return model;
};

/** A run's numbers come from one kind of device, which its manifest names. Refuses if it is not usable here. */
const requireItsDevice = async ({ providers }: EngineContext, { id, device }: RunManifest): Promise<void> => {
  const provider = providerName.safeParse(device.provider);
  if (!provider.success)
    throw refuse(
      'other-device',
      `${id} was computed on ${device.provider}, which is not known here.`,
      'Start a new run.',
    );
  if (provider.data !== 'cpu') await providers.require(provider.data);
};

/** Inputs of a recorded sweep. Refuses models, tasks and devices that have changed. */
export const sweepInputOf = async (context: EngineContext, manifest: ApprovedManifest): Promise<SweepInput> => {
  if (manifest.kind !== 'sweep')
    throw refuse('not-a-sweep', `${manifest.id} is a ${manifest.kind}, not a sweep.`, 'Choose a sweep.');
  await requireItsDevice(context, manifest);
  return {
    ...(await reopenSubjects(context, manifest, null)),
    settings: recordedSpec(manifest, recordedSweepSettings),
    candidates: await reopenCandidates(context, manifest, null),
  };
};

/** Makes the job of a recorded run from its manifest. Refuses models, tasks and devices that have changed. */
export const jobOfRun = async (context: EngineContext, manifest: ApprovedManifest): Promise<Job> => {
  await requireItsDevice(context, manifest);
  const { models, tasks } = await reopenSubjects(context, manifest, null);
  switch (manifest.kind) {
    case 'sweep': {
      const input = await sweepInputOf(context, manifest);
      await checkSweep(input);
      return liveSweepJob(context, input);
    }
    case 'profile':
      return purposefulProfileJob(onlyModel(manifest, models), tasks, recordedSpec(manifest, profilePurpose));
    case 'damage': {
      const [task] = tasks;
      if (task === undefined)
        throw refuse('bad-spec', `The manifest of ${manifest.id} names no task.`, 'Start a new run.');
      return damageJob(onlyModel(manifest, models), task, recordedSpec(manifest, damageSettings));
    }
    case 'export': {
      if (manifest.state === 'done')
        throw refuse(
          'run-done',
          `${manifest.id} is done and wrote ${manifest.output ?? 'its folder'}.`,
          'Start a new export.',
        );
      const { checkpoint } = onlyModel(manifest, models);
      const spec = recordedSpec(manifest, exportSpec);
      return exportJob({
        checkpoint,
        ...spec,
        machine: exportMachine(context),
        card: await curveFacts(context, checkpoint, spec.plan),
      });
    }
    case 'verify': {
      const { checkpoint } = onlyModel(manifest, models);
      return verifyJob({ checkpoint, ...recordedSpec(manifest, verifySpec), machine: exportMachine(context) });
    }
    case 'finetune':
      return resumedFinetune(context, manifest, models, tasks);
    case 'experiment':
      return resumedExperiment(context, manifest, models, tasks);
    case 'reproduce':
      return resumedReproduction(context, manifest);
    default:
      return assertNever(manifest.kind);
  }
};
