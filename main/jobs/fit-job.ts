import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { at, refuse } from '../contract/errors.ts';
import {
  type FitCandidate,
  type FitChoice,
  fitChoice,
  type FitDocument,
  type FitPrediction,
  type FitSettings,
  type FitTested,
  type RecordedFitSettings,
} from '../contract/fit.ts';
import { curveLabel } from '../contract/method.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import { halvingRungs, splitItems } from '../evaluation/fit.ts';
import { nothingToLose } from '../evaluation/nothing-to-lose.ts';
import { levelAfterLooks } from '../evaluation/planned-looks.ts';
import { summarise } from '../evaluation/summarise.ts';
import { scoreWords } from '../evaluation/written-forecast.ts';
import { untriedWords } from '../words/fit.ts';
import { itemsForVerdictText, ONE_SIDED_ALPHA, verdictOf } from '../evaluation/verdicts.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import type { Overlays } from '../inference/overlays.ts';
import { combinedExtras, planNeeds } from '../pruning/plan-needs.ts';
import { minOf } from '../statistics/extremes.ts';
import { hashItems, hashTask } from '../tasks/items.ts';
import { countedTimes } from '../words/numbers.ts';
import { planCandidates, roundedOf } from './fit-candidates.ts';
import { measureCanaries, readProbes } from './fit-canaries.ts';
import { foretell } from './fit-forecast.ts';
import { FitSearch, requireTwoParts, scoredItems, weighted } from './fit-search.ts';
import {
  type Job,
  type JobContext,
  jobOn,
  type JobResult,
  type RunModel,
  type RunTask,
  writeResult,
} from './job-context.ts';
import {
  type AnsweredItems,
  evaluatePlan,
  evaluateAll,
  type EvaluationStep,
  evaluationStep,
  measurementOf,
} from './measurement.ts';
import { profileStep, requireCalibration } from './plan-step.ts';
import { folderCost } from './point-cost.ts';
import { RoundedModels } from './rounded-models.ts';
import { choiceKey, chosenKey, runStep } from './step.ts';
import { askedTasks, openTokenCounter } from './task-work.ts';

/** Names of the files in the run's folder: the result, and the choice that was made before the test. */
export const FIT_FILE = 'fit.json';
export const CHOICE_FILE = 'choice.json';
/** How long the search has taken, over interruptions. */
export const TIME_FILE = 'search-time.json';

/** The most bytes of such a file: thousands of candidates, and plans. */
export const MOST_FIT_BYTES = 64 * 2 ** 20;

/** A search for the best model that fits: a model, the task that decides, and tasks on which it is tried too. */
export interface FitInput {
  readonly model: RunModel;
  readonly task: RunTask;
  readonly elsewhere: readonly RunTask[];
  readonly settings: RecordedFitSettings;
}

/** The task with a part of its calibration items. */
const withCalibration = ({ name, task }: RunTask, calibration: RunTask['task']['calibration']): RunTask => ({
  name,
  task: { ...task, calibration, hash: hashTask(task.metric, calibration, task.test, task.judging?.rule) },
});

interface Parts {
  /** The task whose calibration items are those of profiles. */
  readonly profiled: RunTask;
  readonly scoring: ReturnType<typeof scoredItems>;
}

const partsOf = (task: RunTask, { profileShare, seed, scoringItems }: FitSettings): Parts => {
  requireCalibration(task.task);
  const parts = splitItems(task.task.calibration, profileShare, seed);
  requireTwoParts(parts, task.task.path);
  return { profiled: withCalibration(task, parts.profile), scoring: scoredItems(parts.scoring, scoringItems) };
};

/**
 * Refuses a search before a run exists.
 *
 * @throws WorkbenchError `nothing-fits`, `too-few-items`, and any refusal of the format.
 */
export const checkFit = async (
  { model, task, settings }: Omit<FitInput, 'settings'> & { readonly settings: FitSettings },
  overlays: Overlays,
  now: Date,
): Promise<void> => {
  for (const method of settings.methods) planNeeds({ method, budget: 'uniform' });
  const [asked] = await askedTasks(model, [task], settings.chat, now);
  partsOf(asked ?? task, settings);
  if (settings.canaries !== undefined) await readProbes(model.checkpoint, settings.canaries);
  await planCandidates(model.checkpoint, settings, overlays);
};

/** Floating-point operations per second that a thread reaches on small and on large models, roughly. */
const SLOW_RATE = 2e9;
const FAST_RATE = 4e10;
/** What a candidate takes beside its tokens: weights are read, and rounded. */
const CANDIDATE_SECONDS = { low: 0.1, high: 4 };

/** What is known before the work begins; reads no weights. */
export const predictFit = async (
  { model, task, elsewhere, settings }: FitInput,
  {
    overlays,
    threads,
    now,
    signal,
  }: {
    readonly overlays: Overlays;
    readonly threads: number;
    readonly now: Date;
    readonly signal: AbortSignal;
  },
): Promise<FitPrediction> => {
  const { checkpoint } = model;
  const [asked, ...others] = await askedTasks(model, [task, ...elsewhere], settings.chat, now);
  if (asked === undefined) throw new Error('a task without its form');
  const { profiled, scoring } = partsOf(asked, settings);
  const planned = await planCandidates(checkpoint, settings, overlays);
  const count = await openTokenCounter(checkpoint, signal);
  const perItem = (await count.scoring(scoring)) / scoring.length;
  const rungs = halvingRungs(planned.candidates.length, scoring.length);
  const answered = rungs.reduce(
    (sum, rung, index) => sum + rung.candidates * (rung.items - (rungs[index - 1]?.items ?? 0)),
    scoring.length,
  );
  const tested = minOf([planned.candidates.length, 1 + settings.finalists]);
  let tokens = answered * perItem + (1 + tested) * (await count.scoring(asked.task.test));
  for (const other of others) tokens += 2 * (await count.scoring(other.task.test));
  tokens += await count.profiling(profiled.task.calibration);
  if (settings.canaries !== undefined) {
    const { items } = await readProbes(checkpoint, settings.canaries);
    tokens += 2 * (await count.scoring(items)) + (await count.profiling(items));
  }
  const operations = 2 * checkpoint.info.parameters.active * tokens;
  const seconds = (rate: number, each: number): number =>
    operations / (rate * Math.max(1, threads)) + each * planned.candidates.length * rungs.length;
  const level = levelAfterLooks(settings.earlierLooks);
  const notes = [
    itemsForVerdictText(asked.task.test.length, settings.delta, asked.task.metric),
    ...untriedWords(planned.untried),
  ];
  const score = scoreWords(settings.earlierCalls ?? { tested: 0, held: 0 });
  if (score !== null) notes.push(score);
  if (settings.earlierLooks > 0)
    notes.unshift(
      `The test items were looked at ${countedTimes(settings.earlierLooks)} before in this workspace: this look ` +
        `tests at ${Number((100 * level).toPrecision(2))} % instead of 5 %.`,
    );
  return {
    candidates: planned.candidates.length,
    smallestBytes: planned.smallestBytes,
    largestBytes: planned.largestBytes,
    items: { profile: profiled.task.calibration.length, scoring: scoring.length, test: asked.task.test.length },
    tokens: Math.round(tokens),
    minutes: {
      low: Math.min(settings.minutes, seconds(FAST_RATE, CANDIDATE_SECONDS.low) / 60),
      high: Math.min(settings.minutes, seconds(SLOW_RATE, CANDIDATE_SECONDS.high) / 60),
    },
    memoryBytes: checkpoint.info.memory.resident,
    notes,
  };
};

const labelOf = ({ method, refit, weights }: Pick<FitCandidate, 'method' | 'refit' | 'weights'>): string =>
  curveLabel(method ?? UNPRUNED, refit ? 'experts' : null, roundedOf(weights) ?? undefined);

const meanKept = (plan: Plan): number => {
  const layers = isMergePlan(plan) ? plan.groups : plan.kept;
  return layers.reduce((sum, { length }) => sum + length, 0) / layers.length;
};

const storedTime = z.object({ elapsedMs: z.number().nonnegative() });

/** SHA-256 of the text of a choice, as its file holds it. */
export const choiceHashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

interface MadeChoice {
  readonly choice: FitChoice;
  readonly hash: string;
}

/** The job of a search: two parts of the calibration items, a choice on disk, and then the test. */
export const fitJob = (input: FitInput): Job =>
  jobOn([input.model.checkpoint], (context) => measureFit(input, context));

/** Does the work of a search, and writes its result and its choice into the run's folder. */
export const measureFit = async (
  { model, task: plain, elsewhere: others, settings }: FitInput,
  context: JobContext,
): Promise<JobResult> => {
  const { meter, finish, now, folder, run } = context;
  const { checkpoint } = model;
  meter.describe('Reading the task');
  const [task, ...elsewhere] = await askedTasks(model, [plain, ...others], settings.chat, context.madeAt);
  if (task === undefined) throw new Error('a task without its form');
  const { profiled, scoring } = partsOf(task, settings);
  const before = await readJsonIfThere(join(folder, TIME_FILE), storedTime, { mostBytes: 4096 }, (cause) =>
    refuse('time-unreadable', `${TIME_FILE} of ${run} is damaged.`, 'Start a new search.', cause),
  );
  const startedAt = now();
  const elapsedMs = (): number => (before?.elapsedMs ?? 0) + now() - startedAt;
  const isStopped = (): boolean => finish?.aborted === true;
  const isOver = (): boolean => isStopped() || elapsedMs() >= settings.minutes * 60_000;
  meter.describe(`Laying out candidates of ${model.name}`);
  const planned = await planCandidates(checkpoint, settings, context.steps.overlays);
  const count = await openTokenCounter(checkpoint, context.signal);
  const calibration = {
    profiling: await count.profiling(profiled.task.calibration),
    scoring: await count.scoring(profiled.task.calibration),
  };
  const needs = settings.methods.map((method) => planNeeds({ method, budget: 'uniform' }));
  const profile = profileStep(context, model, profiled, calibration.profiling, combinedExtras(needs));
  meter.setTotal(profile.work);
  const statistics = await runStep(context, profile);
  const roundings = new RoundedModels(context);
  const source = { model, task: profiled, statistics, calibration };
  let document: FitDocument = {
    run,
    model: model.name,
    task: task.name,
    metric: task.task.metric,
    settings,
    state: 'searching',
    items: { profile: profiled.task.calibration.length, scoring: scoring.length, test: task.task.test.length },
    experts: checkpoint.info.experts,
    unprunedBytes: planned.unprunedBytes,
    candidates: [],
    surrogates: [],
    recommended: null,
    finalists: [],
    plan: null,
    choiceHash: null,
    unpruned: null,
    tested: [],
    elsewhere: [],
    look: settings.earlierLooks + 1,
    level: levelAfterLooks(settings.earlierLooks),
    evaluations: 0,
    untried: [],
    otherEvaluations: 0,
    timeUsed: false,
  };
  const write = async (changed: Partial<FitDocument>): Promise<string> => {
    document = { ...document, ...changed };
    const output = await writeResult(context, FIT_FILE, (file) => writeFile(file, canonicalJson(document)));
    context.emit({ type: 'fit.changed', run });
    return output;
  };
  const search = new FitSearch({ context, settings, source, scoring, planned, roundings }, isOver, async () => {
    await writeResult(context, TIME_FILE, (file) => writeFile(file, canonicalJson({ elapsedMs: elapsedMs() })));
    await write({ ...found(), ...bestSoFar() });
  });
  /** What was scored before an interruption, where there was no time to read it again. */
  let chosen: FitChoice | null = null;
  /** What is recommended until the choice; nothing that is measured after it changes the answer. */
  const bestSoFar = (): Partial<FitDocument> => {
    if (chosen !== null) return {};
    const [best] = search.inOrder();
    return { recommended: best ?? null, plan: best === undefined ? null : search.planOf(best) };
  };
  const known = (): FitDocument['candidates'] => {
    const before = new Map(chosen?.scored.map((candidate) => [candidate.name, candidate]));
    const now = search.candidates.map((candidate) => {
      const scored = before.get(candidate.name);
      return scored !== undefined && scored.items > candidate.items ? scored : candidate;
    });
    const names = new Set(now.map(({ name }) => name));
    return [...now, ...[...before.values()].filter(({ name }) => !names.has(name))];
  };
  const found = (): Partial<FitDocument> => ({
    candidates: known(),
    surrogates: [...search.surrogates],
    evaluations: search.evaluations,
    otherEvaluations: search.otherEvaluations,
    untried: [...search.untried],
    timeUsed: search.timeUsed,
  });
  try {
    await search.run();
    if (isStopped())
      return {
        output: await write({ ...found(), state: 'stopped' }),
        summary: 'Stopped: the best so far, not tested.',
      };
    const made = await choiceOf(context, choiceKey(checkpoint.identity, hashItems(scoring), run), search, settings);
    chosen = made.choice;
    const { recommended, finalists, plans } = chosen;
    const plan = at(plans, 0, 'a choice without a plan');
    await write({ ...found(), state: 'testing', recommended, finalists, plan, choiceHash: made.hash });
    const forecast = await foretell({ settings, source, scoring, counts: planned.counts }, search, chosen);
    if (forecast !== undefined) await write({ forecast });
    const tested = await testChoice(context, { model, task, settings, roundings, level: document.level }, made);
    await write(tested);
    const away: FitDocument['elsewhere'] = [];
    for (const other of elsewhere) {
      const single = { ...made, choice: { ...made.choice, finalists: [], plans: [plan] } };
      const subject = { model, task: other, settings, roundings, level: ONE_SIDED_ALPHA };
      const result = await testChoice(context, subject, single);
      const [first] = result.tested;
      if (first !== undefined) away.push({ ...first, task: other.name, unpruned: result.unpruned });
      await write({ elsewhere: away });
    }
    const weights = chosen.scored.find(({ name }) => name === recommended)?.weights;
    if (settings.canaries !== undefined && weights !== undefined) {
      const asked = { model, task, canaries: settings.canaries, roundings };
      await write({ canaries: await measureCanaries(context, asked, plan, weights) });
    }
    await search.measureOthers(recommended);
    meter.describe('Writing');
    return { output: await write({ ...found(), state: 'done' }), summary: `Recommended: ${recommended}.` };
  } finally {
    await roundings.close();
  }
};

/**
 * The recommended model and the finalists, on disk before anything is tested: what the run chose before it was
 * interrupted, or else what is best now.
 */
const choiceOf = async (
  context: JobContext,
  key: string,
  search: FitSearch,
  settings: RecordedFitSettings,
): Promise<MadeChoice> => {
  const known = await context.steps.readJson(key, fitChoice);
  const choice = known ?? makeChoice(search, settings);
  const text = canonicalJson(choice);
  await writeResult(context, CHOICE_FILE, (file) => writeFile(file, text));
  if (known === null) await context.steps.writeJson(key, choice);
  return { choice, hash: choiceHashOf(text) };
};

const makeChoice = (search: FitSearch, { finalists: most }: RecordedFitSettings): FitChoice => {
  const [recommended, ...rest] = search.inOrder();
  if (recommended === undefined)
    throw refuse(
      'nothing-measured',
      `No candidate could be measured. ${search.untried.join(' ')}`,
      'Choose other methods, types or formats.',
    );
  const finalists = rest.slice(0, most);
  return {
    recommended,
    finalists,
    plans: [recommended, ...finalists].map((name) => search.planOf(name)),
    scored: search.candidates.filter(({ items }) => items > 0),
  };
};

/** The answers of a chosen plan to test items, under a key that contains the hash of the choice. */
export const testStep = (answered: AnsweredItems, plan: Plan, hash: string): EvaluationStep =>
  evaluationStep(answered, plan, chosenKey(evaluationStep(answered, plan).key, hash));

/** The unpruned model and the chosen ones on test items, under keys that contain the hash of the choice. */
const testChoice = async (
  context: JobContext,
  {
    model,
    task,
    settings,
    roundings,
    level,
  }: {
    readonly model: RunModel;
    readonly task: RunTask;
    readonly settings: RecordedFitSettings;
    readonly roundings: RoundedModels;
    readonly level: number;
  },
  { choice, hash }: MadeChoice,
): Promise<{ readonly unpruned: SweepResult; readonly tested: FitTested[] }> => {
  const { checkpoint } = model;
  const { experts } = checkpoint.info;
  const items = task.task.test;
  const measurement = await measurementOf(context, model, task, items);
  context.meter.addToTotal(measurement.work);
  const baseline = await evaluatePlan(context, measurement, null);
  const resultOf = (
    label: string,
    kept: number,
    outcomes: readonly ItemOutcome[] | null,
    cost: SweepResult['cost'],
  ): SweepResult => ({
    model: model.name,
    task: task.name,
    method: label,
    seed: null,
    factor: experts / kept,
    kept,
    ...summarise(task.task.metric, baseline, outcomes, { delta: settings.delta }),
    cost,
  });
  const unpruned = resultOf(UNPRUNED, experts, null, folderCost(checkpoint));
  const nothing = nothingToLose(unpruned, settings.delta);
  const tested: FitTested[] = [];
  for (const [index, name] of [choice.recommended, ...choice.finalists].entries()) {
    const [plan, scored] = [choice.plans[index], choice.scored.find((candidate) => candidate.name === name)];
    if (plan === undefined || scored === undefined) throw new Error(`the choice has no plan of "${name}"`);
    const rounded = weighted(measurement, roundings, scored.weights);
    const step = testStep(rounded, plan, hash);
    context.meter.addToTotal(step.work);
    const outcomes = at(await evaluateAll(context, rounded, [step]), 0, 'no outcomes of a chosen model');
    const cost = { ...folderCost(checkpoint), bytes: scored.bytes };
    const result = resultOf(labelOf(scored), meanKept(plan), outcomes, cost);
    tested.push({ name, result, verdict: nothing ?? verdictOf(result, settings.delta, level) });
  }
  return { unpruned, tested };
};
