import { type AnswerKind, answerKind } from '../../contract/task.ts';
import { z } from 'zod';
import { boundedList, boundedText } from '../../contract/bounds.ts';
import { distinct } from '../../contract/distinct.ts';
import type { MethodOptions } from '../../contract/plan.ts';
import { runManifest, type RunManifest } from '../../contract/run.ts';
import type {
  EqualKeptPair,
  Finding,
  SafeCount,
  SizedModel,
  SizePair,
  SizeThreshold,
  SizeTrendDocument,
} from '../../contract/size-trend.ts';
import {
  isSameFactor,
  sweepSettings,
  type SweepDocument,
  type SweepResult,
  sweepResult,
  type SweepSettings,
  UNPRUNED,
} from '../../contract/sweep.ts';
import { writtenTasks } from '../choice-and-writing.ts';
import { sweepThresholds } from '../threshold.ts';
import { levelOf, type ThresholdReading, thresholdsAfterSelection } from '../threshold-family.ts';
import { testedPoints, unmeasuredPoints } from '../curtailed-points.ts';
import { itemsNeeded } from '../verdicts.ts';
import { counted } from '../../words/numbers.ts';
import { equalKeptFindings } from './equal-kept.ts';
import { safeDraws, safeTaskFindings, thresholdFindings } from './findings.ts';
import { type measurePairs, pairFindings, pastThreshold } from './pairs.ts';
import { shareFindings, sharePoints, shareTrends } from './share-trends.ts';
import { thresholdTrendFindings } from './threshold-findings.ts';
import { safeCounts, sizedModels, sizeThresholds, trendSizes } from './thresholds.ts';
import { expertTrends } from './trends.ts';

export type MeasuredPairs = ReturnType<typeof measurePairs> & { readonly equalKept?: readonly EqualKeptPair[] };

const notesOf = (
  models: readonly SizedModel[],
  trainings: readonly SizedModel[],
  thresholds: readonly SizeThreshold[],
  { missing, incomparable }: MeasuredPairs,
): string[] => {
  const sizes = trendSizes(models);
  const open = thresholds.some(({ verdict }) => verdict === 'all-safe');
  if (sizes.length < 2) return [`One expert count (E = ${sizes.join()}): nothing to compare over E.`];
  return [
    'Models are ordered by their number of experts alone; models with the same number count as repeated trainings.',
    ...(trainings.length > 0
      ? [
          `Thresholds over E and counts of safe factors include ${counted(trainings.length, 'training')} with ` +
            `another seed ` +
            `(${trainings.map(({ name }) => name).join(', ')}): their results are bundled, their ` +
            `weights are not.`,
        ]
      : []),
    ...(open
      ? [
          'Where every tested factor is safe, the threshold is open above: no model can be pruned below ' +
            'top-k experts, so a small model ' +
            'cannot show how much further it could go. Such a model never counts as the lower end of a rise.',
        ]
      : []),
    ...(missing > 0
      ? [`${counted(missing, 'comparison')} with a smaller model left out: the outcomes are no longer stored.`]
      : []),
    ...(incomparable > 0
      ? [
          `${counted(incomparable, 'comparison')} with a smaller model left out: the two split the texts into ` +
            `different tokens.`,
        ]
      : []),
  ];
};

interface Kind {
  readonly answers: AnswerKind;
  readonly isOwn: (entry: { readonly task: string }) => boolean;
}

/** The kinds of tasks that a sweep measured, chosen first; counts over tasks are made for each kind separately. */
const kindsOf = (results: readonly SweepResult[]): readonly Kind[] => {
  const written = writtenTasks(results);
  return answerKind.options
    .map((answers): Kind => ({ answers, isOwn: ({ task }) => written.has(task) === (answers === 'written') }))
    .filter(({ isOwn }) => results.some(isOwn));
};

/** A single kind needs no name. */
const byKind = (kinds: readonly Kind[], findingsOf: (kind: Kind) => Finding[]): Finding[] =>
  kinds.flatMap((kind) =>
    findingsOf(kind).map((entry) =>
      kinds.length === 1
        ? entry
        : { ...entry, answers: kind.answers, sentence: `Answers ${kind.answers}: ${entry.sentence}` },
    ),
  );

/**
 * A sweep read over the sizes of its models, which differ in E. Pure: `measured` contains the pairs of pruned-large and
 * scratch-small (measurePairs), which do not depend on delta; `recorded` contains points of trainings of these sizes
 * that the sweep did not run (comparableResults); everything else is in the document.
 */
export const sizeTrendDocument = (
  document: SweepDocument,
  reading: ThresholdReading,
  measured: MeasuredPairs,
  recorded: readonly SweepResult[] = [],
): SizeTrendDocument => {
  const { run, results, rule } = document;
  const { delta } = reading;
  const alpha = levelOf([...results, ...(document.curtailed ?? [])], reading, document.level);
  const models = sizedModels(results);
  const sizes = trendSizes(models);
  const thresholds = sizeThresholds(document, models);
  // A familywise level holds for all methods already.
  const selected =
    reading.familywise === true
      ? thresholds
      : sizeThresholds({ ...document, thresholds: thresholdsAfterSelection(document, delta, alpha) }, models);
  const trainings = sizedModels(recorded);
  const trained = [
    ...thresholds,
    ...sizeThresholds({ results: [...recorded], thresholds: sweepThresholds(recorded, delta, alpha) }, trainings),
  ];
  const tasks = distinct(results.map(({ task }) => task));
  const methods = distinct(thresholds.map(({ method }) => method));
  const trends = sizes.length > 1 ? expertTrends(trained, tasks, methods) : [];
  const kinds = kindsOf(results);
  const tested = testedPoints(document);
  const countsOf = ({ answers, isOwn }: Kind): SafeCount[] =>
    safeCounts(trained.filter(isOwn), [...tested, ...recorded].filter(isOwn), methods, sizes, answers);
  // Means over only the candidates that were safe would overstate the quality of pruning.
  const points = sizes.length > 1 && unmeasuredPoints(document).length === 0 ? sharePoints(results, models) : [];
  const ofShares = shareTrends(points);
  const recordedNames = new Set(trainings.map(({ name }) => name));
  const seriesOf = (model: string): string => (recordedNames.has(model) ? 'recorded' : 'of the sweep');
  const pairs: SizePair[] = measured.pairs.map((pair) => ({ ...pair, pastThreshold: pastThreshold(pair, thresholds) }));
  return {
    run,
    delta,
    rule,
    needed: { items: itemsNeeded(delta, 'acc', alpha), texts: itemsNeeded(delta, 'perplexity') },
    models,
    trainings,
    tasks,
    written: tasks.filter((task) => writtenTasks(results).has(task)),
    methods,
    thresholds,
    selected,
    trends,
    safeCounts: kinds.flatMap(countsOf),
    pairs,
    equalKept: [...(measured.equalKept ?? [])],
    sharePoints: points,
    shareTrends: ofShares,
    findings: byKind(kinds, (kind) => [
      ...thresholdTrendFindings(trends.filter(kind.isOwn), safeDraws(document.thresholds.filter(kind.isOwn)), seriesOf),
      ...shareFindings(ofShares.filter(({ answers }) => answers === kind.answers)),
      ...safeTaskFindings(
        countsOf(kind),
        sizes.length === models.length + sizedModels(recorded.filter(kind.isOwn)).length,
      ),
      ...pairFindings(pairs.filter(kind.isOwn)),
      ...equalKeptFindings((measured.equalKept ?? []).filter(kind.isOwn)),
      ...thresholdFindings(thresholds.filter(kind.isOwn), methods, safeDraws(document.thresholds.filter(kind.isOwn))),
    ]),
    notes: [
      ...(document.multiplicity === undefined ? [] : [document.multiplicity.sentence]),
      ...notesOf(models, trainings, thresholds, measured),
    ],
  };
};

const { spec, tasks, versions, device, commandLine } = runManifest.shape;

/**
 * A sweep of models whose weights are not bundled: trainings of the bundled sizes with another seed. Its results are
 * kept, so that a figure over E can show the variation between trainings.
 */
export const recordedTrainings = z.object({
  spec,
  /**
   * `size`: fingerprint of the bundled model with as many experts. `gatesGrow`: as in the model's info; absent: may be.
   */
  models: boundedList(
    z.object({
      name: boundedText,
      fingerprint: boundedText,
      experts: z.number(),
      size: boundedText,
      gatesGrow: z.boolean().optional(),
    }),
  ),
  tasks,
  versions,
  device,
  commandLine,
  results: boundedList(sweepResult),
});
export type RecordedTrainings = z.infer<typeof recordedTrainings>;

/**
 * A method's options with its defaults filled in: a sweep may name a default or leave it out, and both are one rule.
 */
type CompleteOptions = (method: string, given: MethodOptions) => MethodOptions;

/**
 * Settings that determine a method's plans and their measurement, except the factors and seeds. `gatesStay`: the router
 * renormalises, so that every choice of gates is the same.
 */
const ruleOf = (
  settings: SweepSettings,
  method: string,
  completeOptions: CompleteOptions,
  gatesStay: boolean,
): string => {
  const { budget, protect, limit, recovery, refits, options, calibration = 'answers' } = settings;
  const [, given = {}] = Object.entries(options).find(([name]) => name === method) ?? [];
  const refitted = recovery === 'none' ? null : refits;
  const gates = gatesStay || method === UNPRUNED ? null : settings.gates;
  return JSON.stringify([
    budget,
    protect,
    limit,
    recovery,
    refitted,
    calibration,
    gates,
    completeOptions(method, given),
  ]);
};

const curveKey = ({ model, task, method, seed }: Pick<SweepResult, 'model' | 'task' | 'method' | 'seed'>): string =>
  JSON.stringify([model, task, method, seed]);

/**
 * The recorded points that can be shown beside a sweep: of sizes whose bundled model it swept, on the same items, by a
 * method with the same settings, at the same factors and (where a method draws) with the same seeds. None where it
 * swept other models.
 */
export const comparableResults = (
  recorded: RecordedTrainings,
  {
    models,
    tasks: swept,
    settings: ours,
    completeOptions,
  }: Pick<RunManifest, 'models' | 'tasks'> & {
    readonly settings: SweepSettings;
    readonly completeOptions: CompleteOptions;
  },
  results: readonly SweepResult[],
): readonly SweepResult[] => {
  const theirs = sweepSettings.parse(recorded.spec);
  const sizeOf = new Map(
    recorded.models.map(({ name, size }) => [name, models.find(({ fingerprint }) => fingerprint === size)?.name]),
  );
  const gatesStay = new Set(recorded.models.filter(({ gatesGrow }) => gatesGrow === false).map(({ name }) => name));
  const hashOf = new Map(recorded.tasks.map(({ name, hash }) => [name, hash]));
  const measured = new Map<string, number[]>();
  for (const result of results) {
    const key = curveKey(result);
    measured.set(key, [...(measured.get(key) ?? []), result.factor]);
  }
  return recorded.results.flatMap((result) => {
    const model = sizeOf.get(result.model);
    const task = swept.find(({ hash }) => hash === hashOf.get(result.task))?.name;
    if (model === undefined || task === undefined) return [];
    const ruleIn = (settings: SweepSettings): string =>
      ruleOf(settings, result.method, completeOptions, gatesStay.has(result.model));
    if (ruleIn(ours) !== ruleIn(theirs)) return [];
    const factors = measured.get(curveKey({ ...result, model, task })) ?? [];
    const isMeasured = factors.some((factor) => isSameFactor(factor, result.factor));
    return isMeasured ? [{ ...result, task }] : [];
  });
};
