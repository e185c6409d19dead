import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArmTreatment, ExperimentRecord, ExperimentReproduction } from '../contract/experiment.ts';
import type { RunManifest } from '../contract/run.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { type ExperimentInput, experimentSources, measureExperiment } from '../jobs/experiment-job.ts';
import { type Job, jobOn } from '../jobs/job-context.ts';
import type { ModelPool } from '../jobs/source-gate.ts';
import { EXPERIMENT_REPRODUCTION_FILE } from '../runs/experiment-record.ts';
import { createStepStore } from '../workspace/step-store.ts';
import { readSealedFiles } from '../workspace/sealed-files.ts';
import { compareExperiments, experimentSentence, isExperimentMatch } from './experiment-differences.ts';
import { OVERLAYS_FOLDER, STEPS_FOLDER } from './reproduce-job.ts';

export interface ReproduceExperimentInput {
  /** The finished experiment and its measurements. */
  readonly original: RunManifest;
  readonly recorded: ExperimentRecord;
  /** Its folder. */
  readonly recordedFolder: string;
  readonly experiment: ExperimentInput;
  /** Treatments whose arms cannot be made here, and why. */
  readonly without: { readonly treatments: readonly ArmTreatment[]; readonly reason: string } | null;
  /** Versions and device of the reproduction. */
  readonly circumstances: Pick<RunManifest, 'versions' | 'device'>;
  /** Creates a pool of models apart from those that jobs share. */
  readonly createPool: () => ModelPool;
}

/**
 * Runs a finished experiment again from profiles to fine-tuned arms, in the run's own step store and with its own
 * merged experts, so that nothing stored is reused. Then compares every arm item by item, and writes
 * `reproduction.json`. A resumed reproduction continues from its own finished steps.
 */
export const reproduceExperimentJob = ({
  original,
  recorded,
  recordedFolder,
  experiment,
  without,
  circumstances,
  createPool,
}: ReproduceExperimentInput): Job =>
  jobOn(experimentSources(experiment), async (context) => {
    const folders = {
      steps: join(context.folder, STEPS_FOLDER),
      overlays: join(context.folder, OVERLAYS_FOLDER),
    };
    await mkdir(folders.overlays, { recursive: true });
    // Models open for other jobs would count twice against the memory budget.
    await context.runners.closeAll();
    const pool = createPool();
    const order = {
      sources: experimentSources(experiment),
      steps: createStepStore({ ...folders, temporary: context.temporaryFolder }),
      say: (text: string): void => context.emit({ type: 'job.problem', run: context.run, text }),
    };
    const treatments = experiment.settings.treatments.filter((one) => without?.treatments.includes(one) !== true);
    let second: ExperimentRecord;
    try {
      const settings = { ...experiment.settings, treatments };
      second = await pool.compute(order, (computing) =>
        measureExperiment({ ...experiment, settings }, { ...context, ...computing }),
      );
    } finally {
      await pool.dispose();
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
    await context.requireUnchanged();
    await writeFileAtomically(output, `${JSON.stringify(found, null, 1)}\n`, context.temporaryFolder);
    for (const scratch of Object.values(folders)) await rm(scratch, { recursive: true, force: true });
    return { output, summary: sentence };
  });
