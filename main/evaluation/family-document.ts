import type { FamilyDocument, FamilyModel, FamilyPair, FamilyThreshold } from '../contract/family.ts';
import type { SweepDocument, SweepResult } from '../contract/sweep.ts';
import { familyModels, familySizes } from './family-models.ts';
import { pastThreshold, type measurePairs } from './family-pairs.ts';
import { safeCounts } from './family-safe-counts.ts';
import { familyThresholds } from './family-thresholds.ts';
import { expertTrends } from './family-trends.ts';
import { pairFindings } from './finding-pairs.ts';
import { safeTaskFindings } from './finding-safe-tasks.ts';
import { counted } from './finding-text.ts';
import { thresholdTrendFindings } from './finding-threshold-trend.ts';
import { thresholdFindings } from './finding-thresholds.ts';
import { sweepThresholds } from './sweep-thresholds.ts';
import { itemsNeeded } from './threshold.ts';

export type MeasuredPairs = ReturnType<typeof measurePairs>;

const distinct = <T>(items: readonly T[]): T[] => [...new Set(items)];

const notesOf = (
  models: readonly FamilyModel[],
  trainings: readonly FamilyModel[],
  thresholds: readonly FamilyThreshold[],
  { missing, incomparable }: MeasuredPairs,
): string[] => {
  const sizes = familySizes(models);
  const open = thresholds.some(({ verdict }) => verdict === 'all-safe');
  if (sizes.length < 2) return [`One expert count (E = ${sizes.join()}): nothing to compare over E.`];
  return [
    'Models are read as one family by their number of experts alone; models with the same number count as trainings anew.',
    ...(trainings.length > 0
      ? [
          `Thresholds over E and counts of safe factors include ${counted(trainings.length, 'training')} with another seed ` +
            `(${trainings.map(({ name }) => name).join(', ')}): the results come with the workbench, the weights do not.`,
        ]
      : []),
    ...(open
      ? [
          'Where every tested factor is safe, the threshold is open above: no model can be pruned below top-k experts, so a ' +
            'small model cannot show how far it might have gone. Such a model never counts as the lower end of a rise.',
        ]
      : []),
    ...(missing > 0 ? [`${counted(missing, 'comparison')} with a smaller model left out: the outcomes are no longer stored.`] : []),
    ...(incomparable > 0
      ? [`${counted(incomparable, 'comparison')} with a smaller model left out: the two split the texts into different tokens.`]
      : []),
  ];
};

/**
 * A sweep read as a family of models that differ in E. Pure: `measured` holds the pairs of pruned-large and
 * scratch-small (measurePairs), which do not depend on delta; `recorded` holds points of trainings of these sizes that the
 * sweep did not run (comparableResults); everything else is in the document.
 */
export const familyDocument = (
  document: SweepDocument,
  delta: number,
  measured: MeasuredPairs,
  recorded: readonly SweepResult[] = [],
): FamilyDocument => {
  const { run, results, rule } = document;
  const models = familyModels(results);
  const sizes = familySizes(models);
  const thresholds = familyThresholds(document, models);
  const trainings = familyModels(recorded);
  const trained = [...thresholds, ...familyThresholds({ results: [...recorded], thresholds: sweepThresholds(recorded, delta) }, trainings)];
  const tasks = distinct(results.map(({ task }) => task));
  const methods = distinct(thresholds.map(({ method }) => method));
  const trends = sizes.length > 1 ? expertTrends(trained, tasks, methods) : [];
  const counts = safeCounts(trained, [...results, ...recorded], methods, sizes);
  const pairs: FamilyPair[] = measured.pairs.map((pair) => ({ ...pair, pastThreshold: pastThreshold(pair, thresholds) }));
  return {
    run,
    delta,
    rule,
    needed: { items: itemsNeeded(delta), texts: itemsNeeded(delta, 'perplexity') },
    models,
    trainings,
    tasks,
    methods,
    thresholds,
    trends,
    safeCounts: counts,
    pairs,
    findings: [
      ...thresholdTrendFindings(trends),
      ...safeTaskFindings(counts, sizes.length === models.length + trainings.length),
      ...pairFindings(pairs),
      ...thresholdFindings(thresholds, methods),
    ],
    notes: notesOf(models, trainings, thresholds, measured),
  };
};
