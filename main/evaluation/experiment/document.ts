import {
  armTreatment,
  type ExperimentAnswer,
  type ExperimentDocument,
  type ExperimentQuestion,
  experimentQuestion,
  type ExperimentRecord,
  type ExperimentReproduction,
  type ExperimentRow,
  type ExperimentThreshold,
  type ExperimentTrend,
  hasNewRouter,
  isTrained,
  type ModelThreshold,
  type PublishedTable,
} from '../../contract/experiment.ts';
import { isNothingToLose } from '../../contract/sweep.ts';
import { sizeThresholds } from '../size-trend/thresholds.ts';
import { expertTrends, permuteModels } from '../size-trend/trends.ts';
import { sweepThresholds } from '../threshold.ts';
import { counted, formatFactor, listed } from '../../words/numbers.ts';
import { truncationSentence } from '../../words/truncation.ts';
import { experimentCells, experimentRows, largestHeld, modelThresholds } from './rows.ts';
import { curveOf, type ExperimentCurve, experimentPairs, isSameCurve } from './pairs.ts';
import { armWords, methodTitle } from '../../words/methods.ts';
import { maxOf, minOf } from '../../statistics/extremes.ts';

/** The question in one line, the heading of its tables and charts. */
const questionTitle = (question: ExperimentQuestion): string =>
  question === 'scratch'
    ? "Pruned against scratch: is a member pruned to E' experts worse than the one pretrained with E'?"
    : 'Pruned against unpruned: is a pruned member worse than itself before pruning?';

/** 0.02 -> "2". */
const points = (delta: number): string => String(Math.round(delta * 1e5) / 1e3);

const questionRule = (question: ExperimentQuestion, delta: number): string => {
  const reference = question === 'scratch' ? "the member pretrained with E' experts, treated alike" : 'the same member';
  const paper =
    question === 'scratch'
      ? ' The paper reads bare differences, without intervals: "by sign" is the largest tested factor up to which no ' +
        'difference of any draw is below 0.'
      : '';
  return (
    `A factor E / E' holds for a task if accuracy(pruned) - accuracy(${reference}), paired on the same items, is not ` +
    `below -${points(delta)} points by its one-sided 95 % interval; the threshold is the largest tested factor that ` +
    'holds with every smaller one. Plus and minus: the two-sided 95 % interval excludes 0. Of several draws a sign ' +
    'is one that every draw has by its own interval, and a factor holds if it does in every draw; where draws differ ' +
    `it cannot be determined.${paper}`
  );
};

/** " of 5 draws each"; empty for a single draw. */
const drawsWords = (rows: readonly ExperimentRow[]): string => {
  const counts = rows.map(({ draws }) => draws);
  const [least, most] = [minOf(counts), maxOf(counts)];
  if (most === 1) return '';
  return ` of ${least === most ? String(most) : `${least} to ${most}`} draws each`;
};

const matrixSentence = (rows: readonly ExperimentRow[]): string => {
  const sum = (read: (row: ExperimentRow) => number): number => rows.reduce((total, row) => total + read(row), 0);
  const all = sum(({ tasks }) => tasks);
  const ceilings = sum(({ atCeiling }) => atCeiling);
  return (
    `of ${counted(all, 'comparison')}${drawsWords(rows)}, ${sum(({ plus }) => plus)} are better, ` +
    `${sum(({ minus }) => minus)} worse, and ${sum(({ cannotTell }) => cannotTell)} undecided` +
    (ceilings === 0 ? '' : ` (better was impossible in ${ceilings}: the reference is right nearly everywhere)`)
  );
};

const trendSentence = (trends: readonly ExperimentTrend[]): string => {
  const count = (direction: ExperimentTrend['direction']): number =>
    trends.filter((trend) => trend.direction === direction).length;
  if (trends.length === 0) return 'fewer than two sizes were pruned, so there is no trend over E';
  const test = permuteModels(trends);
  const least = test === null ? null : test.asStrong / test.relabellings;
  const chance =
    test === null || least === null
      ? ''
      : ` (relabelling whole models: ${test.asStrong} of ${test.relabellings} orders show a trend as strong)`;
  return (
    `with E the threshold rises on ${count('rises')} of ${counted(trends.length, 'task')}, falls on ` +
    `${count('falls')}, shows neither on ${count('stays')} and cannot be determined on ` +
    `${count('cannot-tell')}${chance}`
  );
};

const modelSentence = (models: readonly ModelThreshold[]): string =>
  'by the bare difference on most tasks, the factor that holds is ' +
  listed(
    models.map(({ experts, factor, largestTested }) => {
      const held = factor === 1 ? 'none' : formatFactor(factor);
      return `${held} at E = ${experts} (tested to ${formatFactor(largestTested)})`;
    }),
  );

/** Findings of a question, one sentence per curve. */
const experimentFindings = ({
  question,
  rows,
  models,
  trends,
}: Pick<ExperimentAnswer, 'question' | 'rows' | 'models' | 'trends'>): ExperimentAnswer['findings'] => {
  const curves = new Map(rows.map((row) => [curveOf(row), row]));
  return [...curves.values()].map((curve) => {
    const { method, treatment, gates } = curve;
    const isOwn = (other: ExperimentCurve): boolean => isSameCurve(other, curve);
    const said = [
      matrixSentence(rows.filter(isOwn)),
      modelSentence(models.filter(isOwn)),
      trendSentence(trends.filter(isOwn)),
    ];
    const lead = `${methodTitle(method)}, ${armWords(curve)}, against ${question}`;
    return { question, method, treatment, gates, sentence: `${lead}: ${said.join('; ')}.` };
  });
};

/** Decimals of the published accuracies, in percent. */
const DECIMALS = 2;

const rounded = (value: number): number => Number(value.toFixed(DECIMALS));

/** Every published row compared with the scratch model of its size, as in the paper: by the bare difference. */
export const publishedDifferences = (table: PublishedTable): NonNullable<ExperimentDocument['published']> => ({
  ...table,
  rows: table.rows.map((row) => {
    const scratch = table.scratch.find(({ experts }) => experts === row.kept)?.values ?? [];
    const differences = row.values.map((value, index) => {
      const against = scratch[index];
      return value === null || against === undefined ? null : rounded(value - against);
    });
    const known = differences.filter((difference) => difference !== null);
    return {
      ...row,
      factor: row.experts / row.kept,
      differences,
      above: known.filter((difference) => difference > 0).length,
      of: known.length,
    };
  }),
});

/** The curves of a record in the order of its settings; of gates those that its arms have. */
const curvesOf = ({ settings, arms }: ExperimentRecord): ExperimentCurve[] =>
  settings.methods.flatMap((method) =>
    armTreatment.options
      .filter((treatment) => settings.treatments.includes(treatment))
      .flatMap((treatment) => {
        const matchingArms = arms.filter((arm) => arm.method === method && arm.treatment === treatment);
        return (['folded', null] as const)
          .filter((gates) => matchingArms.some((arm) => arm.gates === gates))
          .map((gates) => ({ method, treatment, gates }));
      }),
  );

const answerTo = (record: ExperimentRecord, question: ExperimentQuestion, delta: number): ExperimentAnswer => {
  const measured = experimentPairs(record, question, delta);
  const pairs = measured.map(({ pair }) => pair);
  // A factor whose reference has nothing to lose is no test.
  const results = measured.flatMap(({ pair, result }) => (isNothingToLose(pair.verdict) ? [] : [result]));
  const curves = new Map(curvesOf(record).map((curve) => [curveOf(curve), curve]));
  const bare = sizeThresholds({ results, thresholds: sweepThresholds(results, delta) }, record.models);
  const thresholds = bare.flatMap((threshold): ExperimentThreshold[] => {
    const curve = curves.get(threshold.method);
    if (curve === undefined) return [];
    const matchingPairs = pairs.filter(
      (pair) => pair.model === threshold.model && pair.task === threshold.task && isSameCurve(pair, curve),
    );
    const bySign = largestHeld(matchingPairs.map(({ factor, difference }) => ({ factor, holds: difference >= 0 })));
    return [{ ...threshold, ...curve, bySign }];
  });
  const tasks = record.tasks.map(({ name }) => name);
  const trends = expertTrends(bare, tasks, [...curves.keys()]).flatMap((trend) => {
    const curve = curves.get(trend.method);
    return curve === undefined ? [] : [{ ...trend, ...curve }];
  });
  const grouped = new Set(record.tasks.flatMap(({ name, groups }) => (groups === null ? [] : [name])));
  const cells = experimentCells(measured);
  const rows = experimentRows(cells, pairs, grouped);
  const models = modelThresholds(rows);
  return {
    question,
    title: questionTitle(question),
    rule: questionRule(question, delta),
    pairs,
    cells,
    rows,
    thresholds,
    models,
    trends,
    findings: experimentFindings({ question, rows, models, trends }),
  };
};

/** Notes needed to read the tables. */
const notesOf = ({ settings, models, arms, mixture }: ExperimentRecord): string[] => {
  const tuned = arms.filter(({ treatment }) => isTrained(treatment)).length;
  const draws = new Set(arms.flatMap(({ seed }) => seed ?? [])).size;
  return [
    ...arms
      .filter(({ method, treatment }) => method === null && treatment === 'as-is')
      .flatMap((arm) =>
        arm.ranOut === undefined ? [] : [truncationSentence({ ...arm, ranOut: arm.ranOut, n: arm.right.length })],
      ),
    'A member that was not pruned is the scratch arm of its size: pretrained with as many experts, treated alike.',
    ...(arms.some(({ gates }) => gates === 'folded')
      ? [
          'Gates folded: the down projections of kept experts make up for gates that grow as others are deleted. ' +
            'Arms without the word are plain deletions.',
        ]
      : []),
    ...(settings.treatments.includes('refit')
      ? ['Scratch and unpruned members have no refit: a refitted arm is compared with them without one.']
      : []),
    ...(draws > 1
      ? [
          `${draws} draws of each arm whose plan depends on a seed` +
            (settings.trainingSeeds === 'drawn'
              ? '; each draw has a training seed of its own, which its reference shares.'
              : '; all of them trained with one seed.'),
        ]
      : ['One draw of each arm: the intervals do not cover the variation between draws.']),
    ...(mixture === null
      ? []
      : [
          `The general stage was trained on ${mixture.items} items (${mixture.name}), none of which is a ` +
            'test item of these tasks.',
        ]),
    ...(settings.treatments.some(hasNewRouter)
      ? [
          'Arms with a new random router are compared with members that keep their router: unpruned members ' +
            'have none to reinitialise.',
        ]
      : []),
    ...(tuned > 0
      ? [
          `Fine-tuned arms (${counted(tuned, 'arm')}) were trained on the calibration items of the task that they ` +
            'are measured on, all with the same settings (the general stage aside), and never on test items.',
        ]
      : []),
    `Which factors can be tested follows from the sizes of the family (E = ${models
      .map(({ experts }) => String(experts))
      .join(', ')}): a model with more experts was tested at more factors.`,
    'One model of each size: the intervals do not cover the variation between trainings of the same size.',
  ];
};

/** Results of an experiment at a margin. Pure: another margin needs only this. */
export const experimentDocument = (
  record: ExperimentRecord,
  {
    delta = record.settings.delta,
    published = null,
    reproduction = null,
  }: {
    readonly delta?: number | undefined;
    readonly published?: PublishedTable | null;
    readonly reproduction?: ExperimentReproduction | null;
  } = {},
): ExperimentDocument => ({
  ...record,
  delta,
  answers: experimentQuestion.options.map((question) => answerTo(record, question, delta)),
  published: published === null ? null : publishedDifferences(published),
  notes: notesOf(record),
  reproduction,
});
