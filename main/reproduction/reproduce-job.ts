import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkbenchError } from '../contract/errors.ts';
import type { FlippedItem, PointName, Reproduction, RewrittenItem } from '../contract/reproduction.ts';
import type { RunManifest } from '../contract/run.ts';
import { pointNameKey } from '../contract/sweep.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { withThresholds } from '../evaluation/threshold-family.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { evaluationRecord, type EvaluationRecord } from '../jobs/evaluation-record.ts';
import { type Job, type JobContext, jobOn } from '../jobs/job-context.ts';
import type { ModelPool } from '../jobs/source-gate.ts';
import { planContent } from '../jobs/step-key.ts';
import { type SweepInput, sweepJob } from '../jobs/sweep-job.ts';
import { sweepSources } from '../jobs/sweep-places.ts';
import { readPointBlocks } from '../runs/read-outcomes.ts';
import { type PointIndex, readPointIndex, readRunPlans, readSweepDocument, SweepRecord } from '../runs/sweep-record.ts';
import { createStepStore, type StepStore } from '../workspace/step-store.ts';
import {
  compareOutcomes,
  compareSweeps,
  type Findings,
  isMatch,
  pointNameOf,
  reproductionSentence,
} from './differences.ts';

export const REPRODUCTION_FILE = 'reproduction.json';
/** Folders of a reproduction's run for what it computes by itself. */
export const STEPS_FOLDER = 'steps';
export const OVERLAYS_FOLDER = 'overlays';

export interface ReproduceInput {
  /** The finished sweep, and the folder that holds its files. */
  readonly original: RunManifest;
  readonly folder: string;
  readonly sweep: SweepInput;
  /** What computes now. */
  readonly circumstances: Reproduction['after'];
  /** Models apart from those that jobs share. */
  readonly createPool: () => ModelPool;
}

const gone = (what: string): WorkbenchError =>
  new WorkbenchError(
    'outcomes-missing',
    'failed',
    `${what} is not there, so there is nothing to compare with.`,
    'Resume that run, then reproduce it.',
  );

/** What the second run stored of its points; the same step is read once for neighbours that share it. */
const createStepReader = (
  steps: StepStore,
  index: PointIndex,
): ((point: PointName) => Promise<EvaluationRecord | null>) => {
  const stepOf = new Map(index.map((point) => [pointNameKey(point), point.step]));
  let last: { readonly step: string; readonly record: EvaluationRecord } | null = null;
  return async (point) => {
    const step = stepOf.get(pointNameKey(point));
    if (step === undefined) return null;
    if (last?.step === step) return last.record;
    const record = await steps.readJson(step, evaluationRecord);
    if (record !== null) last = { step, record };
    return record;
  };
};

const compare = async (
  context: JobContext,
  steps: StepStore,
  { original, folder, sweep }: ReproduceInput,
): Promise<Findings> => {
  const { delta } = sweep.settings;
  const [first, second] = [await readSweepDocument(folder), await readSweepDocument(context.folder)];
  if (first === null || second === null) throw gone(`results.json of ${original.id}`);
  const readStep = createStepReader(steps, await readPointIndex(context.folder));
  const plans = await readRunPlans(folder);
  const firstSteps = new Map((await readPointIndex(folder)).map((point) => [pointNameKey(point), point.step]));
  const experts = new Map(sweep.models.map(({ name, checkpoint }) => [name, checkpoint.info.experts]));
  const flipped: FlippedItem[] = [];
  const rewritten: RewrittenItem[] = [];
  const replanned: PointName[] = [];
  let items = 0;
  let largestScoreDifference = 0;
  const unread = new Set(first.results.map(pointNameKey));
  const blocks = await readPointBlocks(join(folder, 'outcomes.parquet'));
  if (blocks === null) throw gone(`outcomes.parquet of ${original.id}`);
  for await (const { point, outcomes } of blocks) {
    unread.delete(pointNameKey(point));
    const again = await readStep(point);
    if (again === null) continue;
    const compared = compareOutcomes(outcomes, again.outcomes);
    items += outcomes.length;
    largestScoreDifference = Math.max(largestScoreDifference, compared.largestScoreDifference);
    for (const flip of compared.flipped) flipped.push({ ...pointNameOf(point), ...flip });
    for (const item of compared.rewritten) rewritten.push({ ...pointNameOf(point), ...item });
    const plan = plans?.get(firstSteps.get(pointNameKey(point)) ?? '');
    const contentOf = (made: EvaluationRecord['plan']): string =>
      canonicalJson(planContent(made, experts.get(point.model) ?? 0));
    if (plan !== undefined && contentOf(plan) !== contentOf(again.plan)) replanned.push(pointNameOf(point));
  }
  const [incomplete] = unread;
  if (incomplete !== undefined) throw gone(`The point ${incomplete} in outcomes.parquet of ${original.id}`);
  return {
    ...compareSweeps(withThresholds(first, { delta }), withThresholds(second, { delta })),
    points: second.results.length,
    items,
    flipped,
    rewritten,
    replanned: plans === null ? null : replanned,
    largestScoreDifference,
  };
};

/**
 * Runs a finished sweep again from its settings, in the run's own step store and with merged experts of its own, so
 * that nothing stored is reused; a resumed reproduction goes on from its own finished steps. Then compares every value
 * and every item's outcome with what the sweep had stored, and leaves `reproduction.json`.
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
    // Models that are open for other jobs would count twice against the memory budget.
    await context.runners.closeAll();
    const pool = input.createPool();
    const again = sweepJob(sweep, (place, notes) => new SweepRecord(place, order, settings.delta, notes));
    const say = (text: string): void => context.emit({ type: 'job.problem', run: context.run, text });
    const steps = own.telling(say);
    try {
      await pool.compute({ sources: again.sources, steps: own, say }, (computing) =>
        again.work({
          ...context,
          ...computing,
          // It asks what a chat template said of the day then.
          madeAt: new Date(original.createdAt),
          // Its points and profiles are not those of the workspace: only progress is told.
          emit: () => undefined,
          recordChanged: undefined,
        }),
      );
    } finally {
      await pool.dispose();
    }
    context.meter.describe(`Comparing with ${original.title}`);
    const findings = await compare(context, steps, input);
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
