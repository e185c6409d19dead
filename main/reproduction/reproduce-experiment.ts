import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArmTreatment, ExperimentRecord, ExperimentReproduction } from '../contract/experiment.ts';
import type { RunManifest } from '../contract/run.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { type ExperimentInput, measureExperiment } from '../jobs/experiment-job.ts';
import type { Job } from '../jobs/job-context.ts';
import type { RunnerCache } from '../jobs/runner-cache.ts';
import { EXPERIMENT_REPRODUCTION_FILE } from '../runs/experiment-record.ts';
import { createStepStore } from '../workspace/step-store.ts';
import { readSealedFiles } from '../workspace/sealed-files.ts';
import { compareExperiments, experimentSentence, isExperimentMatch } from './experiment-differences.ts';
import { OVERLAYS_FOLDER, STEPS_FOLDER } from './reproduce-job.ts';

export interface ReproduceExperimentInput {
  /** The finished experiment, and what it had measured. */
  readonly original: RunManifest;
  readonly recorded: ExperimentRecord;
  /** The folder that holds it. */
  readonly recordedFolder: string;
  readonly experiment: ExperimentInput;
  /** Treatments whose arms cannot be made here, and why. */
  readonly without: { readonly treatments: readonly ArmTreatment[]; readonly reason: string } | null;
  /** What computes now. */
  readonly circumstances: Pick<RunManifest, 'versions' | 'device'>;
  /** Runners that merge experts into a folder of their own. */
  readonly openRunners: (overlayFolder: string) => RunnerCache;
}

/**
 * Runs a finished experiment again from profiles to fine-tuned arms, in the run's own step store and with merged
 * experts of its own, so that nothing stored is reused; then compares every arm item by item, and leaves
 * `reproduction.json`. A resumed reproduction goes on from its own finished steps.
 */
export const reproduceExperimentJob =
  ({
    original,
    recorded,
    recordedFolder,
    experiment,
    without,
    circumstances,
    openRunners,
  }: ReproduceExperimentInput): Job =>
  async (context) => {
    const [stepsFolder, overlayFolder] = [join(context.folder, STEPS_FOLDER), join(context.folder, OVERLAYS_FOLDER)];
    await mkdir(overlayFolder, { recursive: true });
    // Models that are open for other jobs would count twice against the memory budget.
    await context.runners.dispose();
    const runners = openRunners(overlayFolder);
    const steps = createStepStore(stepsFolder, context.temporaryFolder);
    const treatments = experiment.settings.treatments.filter((one) => without?.treatments.includes(one) !== true);
    let second: ExperimentRecord;
    try {
      const settings = { ...experiment.settings, treatments };
      second = await measureExperiment({ ...experiment, settings }, { ...context, steps, runners, overlayFolder });
    } finally {
      await runners.dispose();
    }
    const { changed: edited } = await readSealedFiles(recordedFolder);
    const findings = compareExperiments(recorded, second, edited);
    const sentence = experimentSentence(findings);
    const found: ExperimentReproduction = {
      of: original.id,
      matches: isExperimentMatch(findings),
      sentence,
      ...findings,
      reason: findings.missing.length === 0 ? null : (without?.reason ?? null),
      before: { versions: original.versions, device: original.device, python: recorded.python },
      after: { ...circumstances, python: second.python },
    };
    const output = join(context.folder, EXPERIMENT_REPRODUCTION_FILE);
    await context.requireRun();
    await writeFileAtomically(output, `${JSON.stringify(found, null, 1)}\n`, context.temporaryFolder);
    for (const scratch of [stepsFolder, overlayFolder]) await rm(scratch, { recursive: true, force: true });
    return { output, summary: sentence };
  };
