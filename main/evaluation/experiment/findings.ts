import type {
  ExperimentAnswer,
  ExperimentQuestion,
  ExperimentRow,
  ExperimentTrend,
  ModelThreshold,
} from '../../contract/experiment.ts';
import { armWords, methodTitle } from '../../words/methods.ts';
import { counted, formatFactor, listed } from '../../words/numbers.ts';
import { maxOf, minOf } from '../../statistics/extremes.ts';
import { permuteModels } from '../size-trend/trends.ts';
import { curveOf, type ExperimentCurve, isSameCurve } from './pairs.ts';

/** The question in one line, the heading of its tables and charts. */
export const questionTitle = (question: ExperimentQuestion): string =>
  question === 'scratch'
    ? "Pruned against scratch: is a member pruned to E' experts worse than the one pretrained with E'?"
    : 'Pruned against unpruned: is a pruned member worse than itself before pruning?';

/** 0.02 -> "2". */
const points = (delta: number): string => String(Math.round(delta * 1e5) / 1e3);

/** The threshold rule of a question. */
export const questionRule = (question: ExperimentQuestion, delta: number): string => {
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
  return ` of ${least === most ? String(most) : `${String(least)} to ${String(most)}`} draws each`;
};

const matrixSentence = (rows: readonly ExperimentRow[]): string => {
  const sum = (read: (row: ExperimentRow) => number): number => rows.reduce((total, row) => total + read(row), 0);
  const all = sum(({ tasks }) => tasks);
  const ceilings = sum(({ atCeiling }) => atCeiling);
  return (
    `of ${counted(all, 'comparison')}${drawsWords(rows)}, ${String(sum(({ plus }) => plus))} are better, ` +
    `${String(sum(({ minus }) => minus))} worse, and ${String(sum(({ cannotTell }) => cannotTell))} undecided` +
    (ceilings === 0 ? '' : ` (better was impossible in ${String(ceilings)}: the reference is right nearly everywhere)`)
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
      : ` (relabelling whole models: ${String(test.asStrong)} of ${String(test.relabellings)} orders show a trend as ` +
        'strong)';
  return (
    `with E the threshold rises on ${String(count('rises'))} of ${counted(trends.length, 'task')}, falls on ` +
    `${String(count('falls'))}, shows neither on ${String(count('stays'))} and cannot be determined on ` +
    `${String(count('cannot-tell'))}${chance}`
  );
};

const modelSentence = (models: readonly ModelThreshold[]): string =>
  'by the bare difference on most tasks, the factor that holds is ' +
  listed(
    models.map(({ experts, factor, largestTested }) => {
      const held = factor === 1 ? 'none' : formatFactor(factor);
      return `${held} at E = ${String(experts)} (tested to ${formatFactor(largestTested)})`;
    }),
  );

/** Findings of a question, one sentence per curve. */
export const experimentFindings = ({
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
