import { z } from 'zod';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import {
  type DropPlan,
  type GatesName,
  type MethodName,
  type MethodOptions,
  type Plan,
  plan as planSchema,
} from '../contract/plan.ts';
import type { MetricName, TaskItem } from '../contract/task.ts';
import { noLabels } from '../contract/start-rules.ts';
import { isRight } from '../evaluation/item-answers.ts';
import { requireMergeable } from '../inference/merged-layer.ts';
import type { ModelRunner, RunControl } from '../inference/model-runner.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { keepByCounts } from '../pruning/budget.ts';
import { withGates } from '../pruning/gates.ts';
import { scoresForModel } from '../pruning/make-plan.ts';
import type { SearchBehaviour } from '../pruning/method.ts';
import { methodNamed } from '../pruning/methods.ts';
import { type BudgetSearchSettings, searchBudgets } from '../pruning/search/search-budgets.ts';
import { BLEND_ROUTER, candidatePlan, searchExperts, type SearchSettings } from '../pruning/search/search-experts.ts';
import { hashItems } from '../tasks/items.ts';
import { isTextItem, profiledText } from '../tasks/task.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import { searchKey, type SingleStep } from './step.ts';
import type { CalibrationTokens } from './task-work.ts';
import { answerItems, writingIdentity } from './write-items.ts';

/** Work of a progressive search per token: every expert runs on every token, and subsets are tried. */
const PROGRESSIVE_WORK = 20;
/** Work of a merge fitted to outputs per token: every expert runs on every token. */
const OUTPUTS_WORK = 20;

/** A model and the calibration items that its plans are made from. */
export interface PlanSubject {
  readonly model: RunModel;
  readonly task: RunTask;
  readonly statistics: RoutingStatistics | null;
  readonly calibration: CalibrationTokens;
}

const asItIs = (plan: Plan): Plan => plan;

export interface BudgetPlanRequest {
  readonly runner: ModelRunner;
  readonly statistics: RoutingStatistics;
  readonly calibration: readonly TaskItem[];
  readonly keep: number;
  readonly seed: number;
  readonly settings: BudgetSearchSettings;
  /** A candidate with the gates that the plan will have; absent: as plain deletion leaves them. */
  readonly gated?: (plan: Plan) => Plan;
  readonly signal: AbortSignal;
  readonly onProgress?: (measured: number, best: number) => void;
}

/**
 * The item with its right answer as the only choice, so that distributions are compared at the answer's tokens; a
 * prompt alone as a text.
 */
export const atAnswer = (item: TaskItem): TaskItem => {
  if (isTextItem(item)) return item;
  const { id, context } = item;
  const answer = profiledText(item).slice(context.length);
  return answer === '' ? { id, text: context } : { id, context, choices: [answer], answer: 0 };
};

/** A task of such items: the right answer of each, whose log-probability is compared. */
export const scoringTask = ({ name, task: { judging: _judging, ...task } }: RunTask): RunTask => ({
  name,
  task: { ...task, metric: task.metric === 'perplexity' ? 'perplexity' : 'acc' },
});

/**
 * Refuses a search over budgets where experts are chosen in groups.
 *
 * @throws WorkbenchError `groups-uneven`.
 */
export const requireNoGroups = ({ name, info }: Pick<Checkpoint, 'name' | 'info'>): void => {
  if (info.expertGroups === undefined) return;
  throw refuse(
    'groups-uneven',
    `The method evo-esap moves single experts between layers, and ${name} chooses them in groups of equal size.`,
    'Use a method that takes a number of experts to keep.',
  );
};

/**
 * The experts that EvoESAP keeps: the best of each layer by the scores of `order`, as many as the search finds by the
 * expected acceptance on the first calibration items.
 *
 * @throws WorkbenchError `groups-uneven`.
 */
export const budgetPlan = async (request: BudgetPlanRequest): Promise<Pick<DropPlan, 'kept'>> => {
  const { runner, statistics, calibration, keep, seed, settings, signal, onProgress, gated = asItIs } = request;
  const { checkpoint } = runner;
  requireNoGroups(checkpoint);
  const { moeLayers: layers, experts, topK } = checkpoint.info;
  const scores = scoresForModel(checkpoint, {
    method: settings.order,
    statistics: [statistics],
    keep,
    budget: 'uniform',
    pins: [],
    seed: 0,
    tasks: [],
  });
  const items = calibration.slice(0, settings.items).map(atAnswer);
  const keptBy = (counts: readonly number[]): number[][] => keepByCounts(scores, counts, []);
  const { counts } = await searchBudgets({
    layers,
    experts,
    keep,
    least: Math.max(1, topK),
    seed,
    settings,
    signal,
    ...(onProgress === undefined ? {} : { onProgress }),
    fitness: async (tried) => {
      const candidate = { key: 'candidate', plan: gated({ kept: keptBy(tried) }) };
      const control = { signal, fidelity: 'expected acceptance' };
      const outcomes = (await runner.evaluate(items, [candidate], control)).get('candidate') ?? [];
      const compared = outcomes.flatMap(({ fidelity }) => fidelity ?? []);
      const positions = compared.reduce((sum, part) => sum + part.positions, 0);
      return compared.reduce((sum, part) => sum + part.acceptance * part.positions, 0) / Math.max(1, positions);
    },
  });
  return { kept: keptBy(counts) };
};

/** Work of a search in tokens. */
export const searchWork = (search: SearchBehaviour, { profiling, scoring }: CalibrationTokens): number =>
  search.search === 'evolution' || search.search === 'budgets'
    ? search.settings.evaluations * scoring
    : (search.search === 'outputs' ? OUTPUTS_WORK : PROGRESSIVE_WORK) * profiling;

const storedSearch = z.object({ kind: z.literal('search'), plan: planSchema });

/**
 * Refuses searches that this model does not allow, before any candidate is measured.
 *
 * @throws WorkbenchError `groups-uneven`; `merge-unsupported` where matrices would be tried.
 */
export const requireSearchable = (
  checkpoint: Checkpoint,
  method: MethodName,
  { switchAfter, evaluations }: Pick<SearchSettings, 'switchAfter' | 'evaluations'>,
): void => {
  const { name, info, descriptor } = checkpoint;
  if (info.expertGroups !== undefined)
    throw refuse(
      'groups-uneven',
      `The method ${method} draws experts at random, and ${name} chooses them in groups of equal size.`,
      'Use a method that takes a number of experts to keep.',
    );
  if (switchAfter !== null && switchAfter < evaluations)
    for (const { moe } of descriptor.moeLayers) requireMergeable(checkpoint, moe, BLEND_ROUTER);
};

/**
 * Calibration items with an answer, by which a search judges its candidates.
 *
 * @throws WorkbenchError `no-labels` where there are none.
 */
export const labelledItems = (method: MethodName, { name, task }: RunTask): readonly TaskItem[] => {
  const items = task.calibration.filter((item) => !isTextItem(item));
  if (items.length > 0) return items;
  throw noLabels(name, method);
};

/** The step that searches a plan of a method, or fits one, with `keep` experts per layer. */
export const searchStep = async (
  context: JobContext,
  subject: PlanSubject,
  {
    method,
    options: given,
    gates,
    seed,
  }: {
    readonly method: MethodName;
    readonly options: MethodOptions;
    readonly gates: GatesName;
    readonly seed: number | null;
  },
  search: SearchBehaviour,
  keep: number,
): Promise<SingleStep<Plan>> => {
  const { model, task, calibration } = subject;
  const { checkpoint } = model;
  const { identity, info } = checkpoint;
  const isEvolution = search.search === 'evolution';
  const isDrawn = isEvolution || search.search === 'budgets';
  if (isEvolution) requireSearchable(checkpoint, method, search.settings);
  const { options } = methodNamed(method).prepare(given);
  const key = searchKey({
    model: identity,
    itemsHash: hashItems(task.task.calibration),
    method,
    options,
    keep,
    seed: isDrawn ? (seed ?? 0) : null,
    metric: isEvolution ? task.task.metric : null,
    numerics: context.numerics,
    writing: isEvolution ? await writingIdentity(checkpoint, task.task, context.judge) : undefined,
    gates: isDrawn && info.gatesGrow === true && gates !== 'renormalised' ? gates : undefined,
  });
  const title = `Searching experts of ${model.name} on ${task.name}`;
  return {
    key,
    work: searchWork(search, calibration),
    title:
      search.search === 'outputs'
        ? `Merging experts of ${model.name} on ${task.name}, layer by layer`
        : isDrawn
          ? title
          : `${title}, layer by layer`,
    checkpoint,
    read: async (steps) => {
      const plan = (await steps.readJson(key, storedSearch))?.plan ?? null;
      if (plan?.recovery === undefined) return plan;
      return (await context.steps.overlays.read(plan.recovery.weights)).isSound ? plan : null;
    },
    write: (steps, plan) => steps.writeJson(key, { kind: 'search', plan }),
    compute: async (control) => ({
      ...(await searchedPlan(context, subject, { method, search, keep, gates, seed: seed ?? 0, title }, control)),
      method,
      options,
      experts: info.experts,
      topK: info.topK,
      factor: info.experts / keep,
      budget: search.search === 'budgets' ? ('global' as const) : ('uniform' as const),
      ...(isDrawn ? { seed: seed ?? 0 } : {}),
    }),
  };
};

/** Share of the items that a candidate answers correctly by the task's metric; 0 without items. */
export const searchFitness = (metric: MetricName, outcomes: readonly ItemOutcome[]): number => {
  const right = outcomes.filter((outcome) => outcome.kind !== 'text' && isRight(metric, outcome));
  return right.length / Math.max(1, outcomes.length);
};

/** A plan without provenance, by one of the four kinds of search. */
const searchedPlan = async (
  { runners, meter, signal, judge }: JobContext,
  { model: { checkpoint }, task: planTask, statistics }: PlanSubject,
  {
    method,
    search,
    keep,
    gates,
    seed,
    title,
  }: {
    readonly method: MethodName;
    readonly search: SearchBehaviour;
    readonly keep: number;
    readonly gates: GatesName;
    readonly seed: number;
    readonly title: string;
  },
  control: RunControl,
): Promise<Plan> => {
  const profiles = { statistics: statistics === null ? [] : [statistics], taskShares: [1] };
  const gated = (plan: Plan): Plan => withGates(plan, gates, checkpoint.info, profiles);
  const runner = await runners.open(checkpoint);
  const { moeLayers: layers, experts } = checkpoint.info;
  const { calibration, metric, name } = planTask.task;
  const reporting =
    (evaluations: number, tried: string, best: string) =>
    (measured: number, value: number): void => {
      const found = `${best} ${(100 * value).toFixed(1)} %`;
      meter.describe(`${title}: ${measured} of ${evaluations} ${tried}, ${found}`);
      meter.advance(measured / evaluations);
    };
  switch (search.search) {
    case 'evolution': {
      const { settings } = search;
      const items = labelledItems(method, planTask);
      const { best } = await searchExperts({
        layers,
        experts,
        keep,
        seed,
        settings,
        signal,
        fitness: async (candidate) => {
          const tried = [{ key: 'candidate', plan: gated(candidatePlan(candidate)) }];
          const outcomes = await answerItems(runner, planTask.task, items, tried, { signal, judge });
          return searchFitness(metric, outcomes.get('candidate') ?? []);
        },
        onProgress: reporting(settings.evaluations, 'candidates', 'best'),
      });
      return candidatePlan(best);
    }
    case 'budgets': {
      if (statistics === null) throw new Error('a search over budgets without a profile');
      const { settings } = search;
      const onProgress = reporting(settings.evaluations, 'allocations', 'best acceptance');
      return budgetPlan({ runner, statistics, calibration, keep, seed, settings, gated, signal, onProgress });
    }
    case 'outputs':
      return runner.mergeByOutputs(calibration, keep, search.settings, [name], control);
    case 'progressive': {
      const counts = Array.from({ length: layers }, () => keep);
      return { kept: await runner.pruneProgressively(calibration, counts, control) };
    }
  }
};
