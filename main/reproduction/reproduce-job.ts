import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReroutedChoices, Reproduction } from '../contract/reproduction.ts';
import type { RunManifest } from '../contract/run.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { jobOn, type Job, type JobContext } from '../jobs/job-context.ts';
import type { ModelPool } from '../jobs/source-gate.ts';
import { askedTasks, requireTokenizer } from '../jobs/task-work.ts';
import { sweepJob } from '../jobs/sweep-job.ts';
import { type SweepInput, sweepSources } from '../jobs/planned-stages.ts';
import { SweepRecord } from '../runs/sweep-record.ts';
import { createStepStore } from '../workspace/step-store.ts';
import { compareSweepFolders } from './compare-sweep-folders.ts';
import { type Findings, isMatch, reproductionSentence } from './differences.ts';
import { nearestChoice } from './nearest-choice.ts';

export const REPRODUCTION_FILE = 'reproduction.json';
/** Folders of a reproduction's run for its own results. */
export const STEPS_FOLDER = 'steps';
export const OVERLAYS_FOLDER = 'overlays';

export interface ReproduceInput {
  /** The finished sweep, and the folder of its files. */
  readonly original: RunManifest;
  readonly folder: string;
  readonly sweep: SweepInput;
  /** Versions and device of the reproduction. */
  readonly circumstances: Reproduction['after'];
  /** Creates a pool of models apart from those that jobs share. */
  readonly createPool: () => ModelPool;
}

/** Measures how close the choices were that a profile counts for other experts than the first run's. */
const withNearest = async (
  rerouted: readonly ReroutedChoices[],
  { runners, signal }: Pick<JobContext, 'runners' | 'signal'>,
  { original, sweep }: ReproduceInput,
): Promise<ReroutedChoices[]> => {
  const measured: ReroutedChoices[] = [];
  for (const choices of rerouted) {
    const model = sweep.models.find(({ name }) => name === choices.model);
    const task = sweep.tasks.find(({ name }) => name === choices.task);
    if (model === undefined || task === undefined) {
      measured.push(choices);
      continue;
    }
    const [asked = task] = await askedTasks(model, [task], sweep.settings.chat, new Date(original.createdAt));
    const [runner, tokenizer] = [await runners.open(model.checkpoint), await requireTokenizer(model.checkpoint)];
    const nearest = await nearestChoice(runner, tokenizer, asked.task.calibration, choices, { signal });
    measured.push({ ...choices, nearest });
  }
  return measured;
};

/**
 * Runs a finished sweep again from its settings, in the run's own step store and with its own merged experts, so that
 * nothing stored is reused; a resumed reproduction continues from its own finished steps. Then compares every value and
 * every item's outcome with the stored ones, and writes `reproduction.json`.
 */
export const reproduceJob = (input: ReproduceInput): Job =>
  jobOn(sweepSources(input.sweep), async (context) => {
    const { original, sweep } = input;
    const { settings } = sweep;
    const folders = {
      steps: join(context.folder, STEPS_FOLDER),
      overlays: join(context.folder, OVERLAYS_FOLDER),
    };
    const own = createStepStore({ ...folders, temporary: context.temporaryFolder });
    const order = {
      models: sweep.models.map(({ name }) => name),
      tasks: sweep.tasks.map(({ name }) => name),
      methods: settings.methods,
    };
    await mkdir(folders.overlays, { recursive: true });
    // Models open for other jobs would count twice against the memory budget.
    await context.runners.closeAll();
    const pool = input.createPool();
    const again = sweepJob(sweep, (jobContext, notes) => new SweepRecord(jobContext, order, settings.delta, notes));
    const say = (text: string): void => context.emit({ type: 'job.problem', run: context.run, text });
    let findings: Findings;
    try {
      findings = await pool.compute({ sources: again.sources, steps: own, say }, async (computing) => {
        await again.work({
          ...context,
          ...computing,
          // Chat templates must print the date of the original run.
          madeAt: new Date(original.createdAt),
          // Its points and profiles do not belong to the workspace: only progress is reported.
          emit: () => undefined,
          recordChanged: undefined,
        });
        context.meter.describe(`Comparing with ${original.title}`);
        const experts = new Map(sweep.models.map(({ name, checkpoint }) => [name, checkpoint.info.experts]));
        const found = await compareSweepFolders(input.folder, context.folder, (model) => experts.get(model) ?? 0);
        return { ...found, rerouted: await withNearest(found.rerouted ?? [], { ...context, ...computing }, input) };
      });
    } finally {
      await pool.dispose();
    }
    const sentence = reproductionSentence(findings);
    const found: Reproduction = {
      run: context.run,
      of: original.id,
      matches: isMatch(findings),
      sentence,
      ...findings,
      before: { versions: original.versions, device: original.device },
      after: input.circumstances,
    };
    const output = join(context.folder, REPRODUCTION_FILE);
    await context.requireRun();
    await context.requireUnchanged();
    await writeFileAtomically(output, `${JSON.stringify(found, null, 1)}\n`, context.temporaryFolder);
    for (const scratch of Object.values(folders)) await rm(scratch, { recursive: true, force: true });
    return { output, summary: sentence };
  });
