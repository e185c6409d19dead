import type { RunKind } from '../contract/run.ts';
import type { Job } from '../jobs/job-context.ts';
import type { ApprovedManifest } from './approved-run.ts';
import { besideRun } from './calls/beside.ts';
import { damageRun } from './calls/damage.ts';
import { experimentRun } from './calls/experiments.ts';
import { exportRun, verifyRun } from './calls/exports.ts';
import { finetuneRun } from './calls/finetune.ts';
import { profileRun } from './calls/profiles.ts';
import { reproduceRun } from './calls/reproductions.ts';
import { sweepRun } from './calls/sweeps.ts';
import type { EngineContext } from './engine-context.ts';
import { requireItsDevice, type Restart, restarting } from './run-kind.ts';

/** Every kind of run, and how its manifest starts it again. */
const RESTARTS: Readonly<Record<RunKind, Restart>> = {
  sweep: restarting(sweepRun),
  profile: restarting(profileRun),
  damage: restarting(damageRun),
  beside: restarting(besideRun),
  export: restarting(exportRun),
  verify: restarting(verifyRun),
  finetune: restarting(finetuneRun),
  experiment: restarting(experimentRun),
  reproduce: restarting(reproduceRun),
};

/** Makes the job of a recorded run from its manifest. Refuses models, tasks and devices that have changed. */
export const jobOfRun = async (context: EngineContext, manifest: ApprovedManifest): Promise<Job> => {
  await requireItsDevice(context, manifest);
  return RESTARTS[manifest.kind](context, manifest);
};
