import type { CompareDocument } from '../contract/compare.ts';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { isSameFactor, type SweepDocument, type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import { type AnsweredItems, answeredItems } from '../evaluation/item-answers.ts';
import { type FrontierPair, type FrontierPoint, type FrontierWords, frontierWords } from '../evaluation/frontier.ts';
import { type AskedReading, withThresholds } from '../evaluation/threshold-family.ts';
import type { Plan } from '../contract/plan.ts';
import type { RunProvenance } from '../contract/provenance.ts';
import { emptyRoutingStatistics } from '../profile/routing-statistics.ts';
import { expertAffinity } from '../pruning/clustering/affinity.ts';
import { leafOrder, averageLinkageTree } from '../pruning/clustering/linkage.ts';
import { withGates } from '../pruning/gates.ts';
import { planForModel } from '../pruning/make-plan.ts';
import { taskShares } from '../pruning/weighed-profiles.ts';
import { makeExperimentReport, readExperimentDocument } from '../report/experiment-page.ts';
import { makeReport } from '../report/report-page.ts';
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

const readAnswers = async (
  source: RunSource,
  { run, model, task, method, seed, factor }: QuestionOf<'answers'>,
): Promise<PointAnswers> => {
  const { results } = await readSweep(source, run, {});
  const ofTask = results.filter((one) => one.model === model && one.task === task);
  const result = ofTask.find((one) => one.method === method && one.seed === seed && isSameFactor(one.factor, factor));
  const unpruned = ofTask.find((one) => one.method === UNPRUNED);
  if (result === undefined || unpruned === undefined)
    throw refuse(
      'no-such-point',
      `The sweep contains no point for ${model}, ${task}, ` +
        `${method}${seed === null ? '' : `, seed ${String(seed)}`}, factor ${String(factor)}.`,
      'Choose a point that was measured.',
    );
  const outcomesOf = await readPointOutcomes(source, run, [unpruned, result]);
  const [before, after] = [outcomesOf(unpruned), outcomesOf(result)];
  if (before === null || after === null)
    throw new WorkbenchError(
      'outcomes-missing',
      'failed',
      `The outcomes of this point are no longer stored in this workspace.`,
      'Resume the run to compute them again.',
    );
  return { result, ...answeredItems(result.metric, before, after) };
};

const comparisonOf = async (
  source: RunSource,
  { run, delta, familywise, ...choice }: QuestionOf<'comparison'>,
): Promise<CompareDocument> => {
  const document = requireMeasured(await readSweep(source, run, { delta, familywise }));
  const [comparison] = await readComparisons(source, document, [choice]);
  if (comparison === undefined) throw new Error('a choice without a comparison');
  return comparison;
};

/** Accuracy against bytes, and whether models are better pruned or quantised to the same bytes. */
export interface FrontierDocument extends FrontierWords {
  readonly run: string;
  readonly points: readonly FrontierPoint[];
  readonly pairs: readonly FrontierPair[];
}

const frontierOf = async (source: RunSource, { run }: QuestionOf<'frontier'>): Promise<FrontierDocument> => {
  const frontier = await readFrontier(source, requireMeasured(await readSweep(source, run, {})));
  if (frontier === null)
    throw refuse(
      'no-rounded-weights',
      `${run} has measured stored weights only.`,
      'Sweep with --weights, for example stored,q8_0,q4_0.',
    );
  return { run, ...frontier, ...frontierWords(frontier.pairs) };
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
    const read = await cache.read(file);
    if (read === null) throw new Error(`${file} contains no profile`);
    statistics.push(read);
  }
  const plan = planForModel(subject, { ...order, statistics, tasks });
  const shares = taskShares(order.taskWeights, statistics.length);
  return leavesConstants ? plan : withGates(plan, order.gates, subject.info, { statistics, taskShares: shares });
};

/** Expert order of one layer that puts similar experts side by side. */
const likenessOrder = async (parts: ProfileParts, layer: number): Promise<number[]> => {
  const one = emptyRoutingStatistics(1, parts.experts, parts.topK);
  one.logitGram.set(await parts.required(PROFILED.logitGram, layer));
  const affinity = expertAffinity('centred-cosine', one, 0);
  const merges = averageLinkageTree(
    affinity.map((value) => 1 - value),
    parts.experts,
  );
  return [...leafOrder(merges, parts.experts)];
};

/** An answer about a run with the run's provenance. */
const vouchedAnswer = async <T extends object>(
  source: RunSource,
  run: string,
  answer: Promise<T>,
): Promise<T & { readonly provenance?: RunProvenance }> => {
  const found = await answer;
  const { provenance } = await source.vouched(run);
  return provenance === undefined ? found : { ...found, provenance };
};

/** The same of an answer that is kept for the next time, at the margin of the sweep's settings. */
const keptAnswer = async <T extends object>(
  source: RunSource,
  question: QuestionOf<'sweep' | 'size-trend' | 'comparison' | 'report'>,
  make: () => Promise<T>,
): Promise<T & { readonly provenance?: RunProvenance }> => {
  const { run, delta, familywise } = question;
  const own = sweepDelta(await sweepManifestOf(source, run));
  const isOwn = delta === undefined || delta === own;
  const what = { ...question, delta: own, familywise: familywise === true };
  return vouchedAnswer(source, run, isOwn ? source.kept.of(source, run, what, make) : make());
};

export const readings = {
  sweep: (source: RunSource, question: QuestionOf<'sweep'>) => {
    const { run, ...asked } = question;
    return keptAnswer(source, question, () => readSweep(source, run, asked));
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
  report: (source: RunSource, question: QuestionOf<'report'>) => {
    const { run, ...asked } = question;
    return keptAnswer(source, question, () => makeReport(source, run, asked));
  },
  figures: (source: RunSource, { run }: QuestionOf<'figures'>) => readFigureSource(source, run),
  experiment: (source: RunSource, { run, delta }: QuestionOf<'experiment'>) =>
    vouchedAnswer(source, run, readExperimentDocument(source, run, delta)),
  'experiment-report': (source: RunSource, { run, delta }: QuestionOf<'experiment-report'>) =>
    vouchedAnswer(source, run, makeExperimentReport(source, run, delta)),
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
