import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RoutingRule } from '../checkpoint/descriptor.ts';
import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ArmTreatment, ExperimentRecord, ExperimentReproduction } from '../contract/experiment.ts';
import type { NearestChoice, Reproduction, ReroutedChoices } from '../contract/reproduction.ts';
import type { RunManifest } from '../contract/run.ts';
import type { TaskItem } from '../contract/task.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { profileSequences } from '../inference/encode-item.ts';
import type { ModelRunner, RunControl } from '../inference/model-runner.ts';
import { type ExperimentInput, experimentSources, measureExperiment } from '../jobs/experiment-job.ts';
import { type FitInput, measureFit } from '../jobs/fit-job.ts';
import { type Job, type JobContext, jobOn } from '../jobs/job-context.ts';
import type { ModelPool } from '../jobs/source-gate.ts';
import { sweepJob } from '../jobs/sweep-job.ts';
import { type SweepInput, sweepSources } from '../jobs/sweep-stages.ts';
import { askedTasks, requireTokenizer } from '../jobs/task-work.ts';
import { REPRODUCTION_FILE } from '../runs/experiment-record.ts';
import { SweepRecord } from '../runs/sweep-record.ts';
import { readSealedFiles } from '../workspace/sealed-files.ts';
import type { ManifestAgain } from './compare-manifests.ts';
import { compareFitFolders } from './compare-fit-folders.ts';
import { compareSweepFolders } from './compare-sweep-folders.ts';
import { type Findings, isMatch, reproductionSentence } from './differences.ts';
import { compareExperiments, experimentSentence, isExperimentMatch } from './experiment-differences.ts';
import { ROUNDING } from './field-ledger.ts';
import { OVERLAYS_FOLDER, STEPS_FOLDER } from '../jobs/state-folders.ts';

interface Repeated {
  /** The finished run with its provenance, what a manifest of it says now, and the folder of its files. */
  readonly original: RunManifest;
  readonly again: ManifestAgain;
  readonly folder: string;
  /** Versions and device of the reproduction. */
  readonly circumstances: Reproduction['after'];
  /** Creates a pool of models apart from those that jobs share. */
  readonly createPool: () => ModelPool;
}

export interface ReproduceInput extends Repeated {
  readonly sweep: SweepInput;
}

export interface ReproduceFitInput extends Repeated {
  readonly fit: FitInput;
}

export interface ReproduceExperimentInput extends Repeated {
  /** The measurements of the finished experiment. */
  readonly recorded: ExperimentRecord;
  readonly experiment: ExperimentInput;
  /** Treatments whose arms cannot be made here, and why. */
  readonly without: { readonly treatments: readonly ArmTreatment[]; readonly reason: string } | null;
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
    const [asked = task] = await askedTasks(
      model,
      [task],
      sweep.settings.chat,
      new Date(original.createdAt),
      sweep.settings,
    );
    const [runner, tokenizer] = [await runners.open(model.checkpoint), await requireTokenizer(model.checkpoint)];
    const nearest = await nearestChoice(runner, tokenizer, asked.task.calibration, choices, { signal });
    measured.push({ ...choices, nearest });
  }
  return measured;
};

/**
 * Measures again in the run's own step store and with its own merged experts, so that nothing stored is reused; a
 * resumed reproduction continues from its own finished steps. Then writes the findings as `reproduction.json`.
 */
const reproducing = (
  sources: readonly Checkpoint[],
  createPool: () => ModelPool,
  findAgain: (context: JobContext) => Promise<{ readonly sentence: string }>,
): Job =>
  jobOn(sources, async (context) => {
    const folders = { steps: join(context.folder, STEPS_FOLDER), overlays: join(context.folder, OVERLAYS_FOLDER) };
    await mkdir(folders.overlays, { recursive: true });
    // Models open for other jobs would count twice against the memory budget.
    await context.runners.closeAll();
    const pool = createPool();
    const order = {
      sources,
      steps: context.steps.inFolders(folders),
      say: (text: string): void => context.emit({ type: 'job.problem', run: context.run, text }),
    };
    let found: { readonly sentence: string };
    try {
      found = await pool.compute(order, (computing) => findAgain({ ...context, ...computing }));
    } finally {
      await pool.dispose();
    }
    const output = join(context.folder, REPRODUCTION_FILE);
    await context.requireRun();
    await context.requireUnchanged();
    await writeFileAtomically(output, `${JSON.stringify(found, null, 1)}\n`, context.temporaryFolder);
    for (const scratch of Object.values(folders)) await rm(scratch, { recursive: true, force: true });
    return { output, summary: found.sentence };
  });

const foundAgain = (
  { run }: JobContext,
  { original: { id, versions, device }, circumstances }: Repeated,
  findings: Findings,
  sentence: string,
): Reproduction => ({
  run,
  of: id,
  matches: isMatch(findings),
  sentence,
  ...findings,
  before: { versions, device },
  after: circumstances,
});

/**
 * Runs a finished sweep again from its settings, then compares every value and every item's outcome with the stored
 * ones.
 */
export const reproduceJob = (input: ReproduceInput): Job => {
  const { original, sweep, createPool } = input;
  return reproducing(sweepSources(sweep), createPool, async (context) => {
    const again = sweepJob(sweep, (jobContext, begun) => new SweepRecord(jobContext, begun));
    await again.work({
      ...context,
      // Chat templates must print the date of the original run.
      madeAt: new Date(original.createdAt),
      // Its points and profiles do not belong to the workspace: only progress is reported.
      emit: () => undefined,
    });
    context.meter.describe(`Comparing with ${original.title}`);
    const experts = new Map(sweep.models.map(({ name, checkpoint }) => [name, checkpoint.info.experts]));
    const manifests = { before: original, again: input.again };
    const expertsOf = (model: string): number => experts.get(model) ?? 0;
    const compared = await compareSweepFolders(input.folder, context.folder, expertsOf, manifests);
    const findings = { ...compared, rerouted: await withNearest(compared.rerouted ?? [], context, input) };
    return foundAgain(context, input, findings, reproductionSentence(findings));
  });
};

/** More minutes than any search takes: a second one comes to its own end, as the first did. */
const UNTIMED_MINUTES = 100_000;

/** Searches again for the best model that fits, without any stored step, then compares every field of both. */
export const reproduceFitJob = (input: ReproduceFitInput): Job => {
  const { original, again, folder, fit, createPool } = input;
  return reproducing([fit.model.checkpoint], createPool, async (context) => {
    const settings = { ...fit.settings, minutes: UNTIMED_MINUTES };
    await measureFit(
      { ...fit, settings },
      { ...context, madeAt: new Date(original.createdAt), emit: () => undefined, finish: undefined },
    );
    context.meter.describe(`Comparing with ${original.title}`);
    const { findings, sentence } = await compareFitFolders(folder, context.folder, { before: original, again });
    return foundAgain(context, input, findings, sentence);
  });
};

/** Runs a finished experiment again from profiles to fine-tuned arms, then compares every arm item by item. */
export const reproduceExperimentJob = ({
  original,
  again,
  recorded,
  folder,
  experiment,
  without,
  circumstances,
  createPool,
}: ReproduceExperimentInput): Job =>
  reproducing(experimentSources(experiment), createPool, async (context) => {
    const treatments = experiment.settings.treatments.filter(
      (treatment) => without?.treatments.includes(treatment) !== true,
    );
    const settings = { ...experiment.settings, treatments };
    const second = await measureExperiment({ ...experiment, settings }, context);
    const { changed: edited } = await readSealedFiles(folder);
    const findings = compareExperiments(recorded, second, {
      edited,
      files: await readdir(folder),
      manifests: { before: original, again },
    });
    return {
      of: original.id,
      matches: isExperimentMatch(findings),
      sentence: experimentSentence(findings),
      ...findings,
      reason: findings.missing.length === 0 ? null : (without?.reason ?? null),
      before: { versions: original.versions, device: original.device, python: recorded.python },
      after: { ...circumstances, python: second.python },
    } satisfies ExperimentReproduction;
  });

/** Items whose logits are held at once. */
const ITEMS_AT_ONCE = 16;

/** Whether the experts with the largest router logits are chosen. */
const isByLogits = (routing: RoutingRule): boolean =>
  routing.kind === 'scores' && routing.correction === null && routing.groups === null && routing.table === null;

/**
 * The smallest distance of two router logits, over the tokens of calibration items that take an expert that is chosen
 * more often than in the first run, and not one that is chosen less often; null where routing does not follow from
 * logits alone, or no token does so.
 */
export const nearestChoice = async (
  runner: Pick<ModelRunner, 'checkpoint' | 'forward'>,
  tokenizer: TextTokenizer,
  items: readonly TaskItem[],
  { layer, from, to }: Pick<ReroutedChoices, 'layer' | 'from' | 'to'>,
  control: RunControl,
): Promise<NearestChoice | null> => {
  const { descriptor, info } = runner.checkpoint;
  const routing = descriptor.moeLayers[layer]?.moe.routing;
  if (routing === undefined || !isByLogits(routing)) return null;
  let nearest: NearestChoice | null = null;
  for (let first = 0; first < items.length; first += ITEMS_AT_ONCE) {
    const sequences = items
      .slice(first, first + ITEMS_AT_ONCE)
      .flatMap((item) =>
        profileSequences(tokenizer, item, descriptor.maxPositions).map((tokens) => ({ item: item.id, tokens })),
      );
    const results = await runner.forward(
      sequences.map(({ tokens }) => tokens),
      null,
      control,
    );
    for (const [index, { routerLogits, experts }] of results.entries()) {
      const { item = '', tokens = [] } = sequences[index] ?? {};
      const [rows, topK] = [routerLogits, experts].map(({ length }) => length / (info.moeLayers * tokens.length));
      if (rows === undefined || topK === undefined) continue;
      for (let token = 0; token < tokens.length; token += 1) {
        const at = layer * tokens.length + token;
        const chosen = new Set(experts.subarray(at * topK, (at + 1) * topK));
        const logitOf = (expert: number): number => routerLogits[at * rows + expert] ?? Number.NaN;
        for (const taken of to.filter((expert) => chosen.has(expert))) {
          for (const left of from.filter((expert) => !chosen.has(expert))) {
            const distance = Math.abs(logitOf(taken) - logitOf(left));
            if (nearest === null || distance < nearest.distance)
              nearest = { item, taken, left, distance, isRounding: distance <= ROUNDING.logit };
          }
        }
      }
    }
  }
  return nearest;
};
