import type { CompareDocument } from '../contract/compare.ts';
import { at, fail, present, refuse } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { ItemSlice } from '../contract/slices.ts';
import { isSamePoint, type SweepDocument, type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import { type AnsweredItems, answeredItems } from '../evaluation/item-answers.ts';
import { compareSlices, type SlicedItems, slicedItems } from '../evaluation/item-slices.ts';
import { type Frontier, type FrontierWords, frontierWords } from '../evaluation/frontier.ts';
import { type AskedReading, withThresholds } from '../evaluation/threshold-family.ts';
import type { Plan } from '../contract/plan.ts';
import type { MetricName } from '../contract/task.ts';
import { emptyRoutingStatistics } from '../profile/routing-statistics.ts';
import { expertAffinity } from '../pruning/clustering/affinity.ts';
import { leafOrder, averageLinkageTree } from '../pruning/clustering/linkage.ts';
import { withGates } from '../pruning/gates.ts';
import { taskShares } from '../pruning/weighed-profiles.ts';
import { readCheckedSweep } from '../runs/checked-sweep.ts';
import {
  readComparisons,
  readFigureSource,
  readFrontier,
  readSizeTrend,
  readSweepsComparison,
  sweepManifestOf,
} from '../runs/read-run.ts';
import { sweepDelta } from '../runs/recorded-spec.ts';
import type { RunSource } from '../runs/run-source.ts';
import { readPointOutcomes } from '../runs/stored-outcomes.ts';
import { keptAnswer, keptText, vouchedAnswer } from './kept-reading.ts';
import { itemOfRepeat } from '../tasks/task.ts';
import { createProfileCache, type ProfileCache, profileCacheLimits } from '../workspace/profile-cache.ts';
import { openProfileParts, type ProfileParts, PROFILED } from '../workspace/profile-file.ts';
import { MOST_THREADS, type ParsedQuestion, type QuestionOf } from './questions.ts';

/** A sweep's results and thresholds; no results if nothing was measured yet. */
const readSweep = async (source: RunSource, run: string, asked: AskedReading): Promise<SweepDocument> => {
  const manifest = await sweepManifestOf(source, run);
  const reading = { delta: asked.delta ?? sweepDelta(manifest), familywise: asked.familywise };
  const document = await readCheckedSweep(source, manifest);
  return withThresholds(document ?? { run, results: [], thresholds: [], rule: '', notes: [] }, reading);
};

const requireMeasured = (document: SweepDocument): SweepDocument => {
  if (document.results.length > 0) return document;
  throw refuse(
    'nothing-measured',
    `${document.run} has not measured anything yet.`,
    'Wait for its first point, or resume it.',
  );
};

/** The items behind a point, with the answers of the unpruned model and the candidate. */
export interface PointAnswers extends AnsweredItems {
  readonly result: SweepResult;
}

type AskedPoint = Pick<QuestionOf<'answers'>, 'model' | 'task' | 'method' | 'seed' | 'factor'>;

/** A point of a sweep; refuses one that it does not have. */
const measuredPoint = ({ results }: SweepDocument, point: AskedPoint): SweepResult => {
  const found = results.find((result) => isSamePoint(result, point));
  const { model, task, method, seed, factor } = point;
  if (found !== undefined) return found;
  throw refuse(
    'no-such-point',
    `The sweep contains no point for ${model}, ${task}, ` +
      `${method}${seed === null ? '' : `, seed ${seed}`}, factor ${factor}.`,
    'Choose a point that was measured.',
  );
};

/** The outcomes of two points on the same items, in the task's order. */
const outcomesOfTwo = async (
  source: RunSource,
  run: string,
  first: SweepResult,
  second: SweepResult,
): Promise<readonly [readonly ItemOutcome[], readonly ItemOutcome[]]> => {
  const outcomesOf = await readPointOutcomes(source, run, [first, second]);
  const [before, after] = [outcomesOf(first), outcomesOf(second)];
  if (before === null || after === null)
    throw fail(
      'outcomes-missing',
      `The outcomes of this point are no longer stored in this workspace.`,
      'Resume the run to compute them again.',
    );
  return [before, after];
};

const readAnswers = async (source: RunSource, { run, ...point }: QuestionOf<'answers'>): Promise<PointAnswers> => {
  const document = await readSweep(source, run, {});
  const result = measuredPoint(document, point);
  const unpruned = measuredPoint(document, { ...point, method: UNPRUNED, seed: null, factor: 1 });
  const [before, after] = await outcomesOfTwo(source, run, unpruned, result);
  return { result, ...answeredItems(result.metric, before, after) };
};

/** Two points slice by slice, every item with its answers, and the slices that each belongs to. */
export interface SlicedAnswers {
  readonly metric: MetricName;
  readonly slices: readonly ItemSlice[];
  /** The places in `items` of each slice's items, in the order of `slices`. */
  readonly places: readonly (readonly number[])[];
  readonly items: AnsweredItems['items'];
}

const readSlices = async (
  source: RunSource,
  { run, model, task, first, second, traits, unit }: QuestionOf<'slices'>,
): Promise<SlicedAnswers> => {
  const document = await readSweep(source, run, {});
  const [one, other] = [
    measuredPoint(document, { model, task, ...first }),
    measuredPoint(document, { model, task, ...second }),
  ];
  const [before, after] = await outcomesOfTwo(source, run, one, other);
  const { metric } = other;
  const { items } = answeredItems(metric, before, after);
  const known = new Map((traits ?? []).map((of) => [of.item, of]));
  const outcomes = items.map(({ item }) => known.get(item) ?? known.get(itemOfRepeat(item)));
  const all: SlicedItems = { by: 'all', name: '', places: items.map((_, place) => place) };
  const sliced = outcomes.every((of) => of !== undefined) ? slicedItems(outcomes, unit) : [all];
  return {
    metric,
    slices: compareSlices(metric, before, after, sliced),
    places: sliced.map(({ places }) => places),
    items,
  };
};

const comparisonOf = async (
  source: RunSource,
  { run, delta, familywise, ...choice }: QuestionOf<'comparison'>,
): Promise<CompareDocument> => {
  const document = requireMeasured(await readSweep(source, run, { delta, familywise }));
  return at(await readComparisons(source, document, [choice]), 0, 'a choice without a comparison');
};

/** Accuracy against bytes, and whether models are better pruned or quantised to the same bytes. */
export interface FrontierDocument extends Frontier, FrontierWords {
  readonly run: string;
}

const frontierOf = async (source: RunSource, { run }: QuestionOf<'frontier'>): Promise<FrontierDocument> => {
  const frontier = await readFrontier(source, requireMeasured(await readSweep(source, run, {})));
  if (frontier === null)
    throw refuse(
      'no-rounded-weights',
      `${run} has measured stored weights only.`,
      'Sweep with --weights, for example stored,q8_0,q4_0.',
    );
  return { run, ...frontier, ...frontierWords(frontier) };
};

let cached: { readonly budgetBytes: number; readonly profiles: ProfileCache } | null = null;

/** The profiles that this thread has read last. */
const cacheOf = (budgetBytes: number): ProfileCache => {
  if (cached?.budgetBytes === budgetBytes) return cached.profiles;
  const { mostBytes, keptMs } = profileCacheLimits(budgetBytes);
  const profiles = createProfileCache({ mostBytes: mostBytes / MOST_THREADS, keptMs });
  cached = { budgetBytes, profiles };
  return profiles;
};

const makePlan = async ({
  subject,
  tasks,
  profiles,
  order,
  leavesConstants,
  memoryBudgetBytes,
}: Extract<ParsedQuestion, { read: 'plan' }>): Promise<Plan> => {
  const cache = cacheOf(memoryBudgetBytes);
  const statistics = [];
  for (const file of profiles) {
    const read = present(await cache.read(file), `${file} contains no profile`);
    statistics.push(read);
  }
  const { planForModel } = await import('../pruning/make-plan.ts');
  const plan = planForModel(subject, { ...order, statistics, tasks });
  const shares = taskShares(order.taskWeights, statistics.length);
  return leavesConstants ? plan : withGates(plan, order.gates, subject.info, { statistics, taskShares: shares });
};

/** Expert order of one layer that puts similar experts side by side. */
const likenessOrder = async (parts: ProfileParts, layer: number): Promise<number[]> => {
  const layerStatistics = emptyRoutingStatistics(1, parts.experts, parts.topK);
  layerStatistics.logitGram.set(await parts.required(PROFILED.logitGram, layer));
  const affinity = expertAffinity('centred-cosine', layerStatistics, 0);
  const merges = averageLinkageTree(
    affinity.map((value) => 1 - value),
    parts.experts,
  );
  return [...leafOrder(merges, parts.experts)];
};

// Loaded on use: a thread answers few questions, and answers that are kept need no page.
const reportPage = () => import('../report/report-page.ts');
const experimentPage = () => import('../report/experiment-page.ts');

export const readings = {
  sweep: (source: RunSource, question: QuestionOf<'sweep'>) => {
    const { run, ...asked } = question;
    return keptAnswer(source, question, () => readSweep(source, run, asked));
  },
  'sweep-text': (source: RunSource, { read: _read, ...question }: QuestionOf<'sweep-text'>) => {
    const { run, ...asked } = question;
    return keptText(source, { read: 'sweep', ...question }, () => readSweep(source, run, asked));
  },
  'size-trend': (source: RunSource, question: QuestionOf<'size-trend'>) => {
    const { run, ...asked } = question;
    return keptAnswer(source, question, async () => {
      const manifest = await sweepManifestOf(source, run);
      return readSizeTrend(source, manifest, await readSweep(source, run, asked), asked);
    });
  },
  comparison: (source: RunSource, question: QuestionOf<'comparison'>) =>
    keptAnswer(source, question, () => comparisonOf(source, question)),
  frontier: (source: RunSource, question: QuestionOf<'frontier'>) =>
    vouchedAnswer(source, question.run, frontierOf(source, question)),
  sweeps: (source: RunSource, { runs }: QuestionOf<'sweeps'>) => readSweepsComparison(source, runs),
  answers: (source: RunSource, question: QuestionOf<'answers'>) =>
    vouchedAnswer(source, question.run, readAnswers(source, question)),
  slices: (source: RunSource, question: QuestionOf<'slices'>) =>
    vouchedAnswer(source, question.run, readSlices(source, question)),
  report: (source: RunSource, question: QuestionOf<'report'>) => {
    const { run, ...asked } = question;
    return keptAnswer(source, question, async () => (await reportPage()).makeReport(source, run, asked));
  },
  figures: (source: RunSource, { run }: QuestionOf<'figures'>) => readFigureSource(source, run),
  experiment: (source: RunSource, { run, delta }: QuestionOf<'experiment'>) =>
    vouchedAnswer(
      source,
      run,
      experimentPage().then(({ readExperimentDocument }) => readExperimentDocument(source, run, delta)),
    ),
  'experiment-report': (source: RunSource, { run, delta }: QuestionOf<'experiment-report'>) =>
    vouchedAnswer(
      source,
      run,
      experimentPage().then(({ makeExperimentReport }) => makeExperimentReport(source, run, delta)),
    ),
  plan: (_source: RunSource, question: Extract<ParsedQuestion, { read: 'plan' }>) => makePlan(question),
  likeness: async (_source: RunSource, { profile }: QuestionOf<'likeness'>): Promise<number[][]> => {
    const parts = await openProfileParts(profile);
    const order: number[][] = [];
    for (let layer = 0; layer < parts.layers; layer += 1) order.push(await likenessOrder(parts, layer));
    return order;
  },
};
type Readings = typeof readings;
export type ReadingAnswer<N extends keyof Readings> = Awaited<ReturnType<Readings[N]>>;
