import {
  BEST_REFERENCE,
  type CompareDocument,
  type CompareMethod,
  type CompareReading,
  type CompareRow,
  type CompareTask,
} from '../contract/compare.ts';
import { assertNever } from '../contract/errors.ts';
import type { PairedSign } from '../contract/experiment.ts';
import type { PairedOverDraws } from '../contract/paired-numbers.ts';
import { UNPRUNED } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { methodInProse } from './methods.ts';
import { formatCount, formatDifference, formatFixed, formatInterval } from './numbers.ts';

/** Reading of a method against the reference; null: it is the reference. */
export const readingText = (reading: CompareReading | null): string => {
  switch (reading) {
    case null:
      return 'reference';
    case 'better':
    case 'worse':
      return reading;
    case 'cannot-tell':
      return 'cannot tell';
    case 'draws-differ':
      return 'draws differ';
    default:
      return assertNever(reading);
  }
};

/**
 * Range of a difference: the paired interval, "[-3.1, +0.4]", or for several draws the lowest and the highest
 * difference, "-3.1 to +0.4 in 5 draws" (in 25 pairs of draws, where both draw). Empty where there is no interval.
 */
export const pairedRangeText = (
  { interval, lowest, highest, pairs }: Pick<PairedOverDraws, 'interval' | 'lowest' | 'highest'> & PairList,
  metric: MetricName,
): string =>
  interval !== null
    ? formatInterval(interval, metric)
    : pairs.length === 1
      ? ''
      : `${formatDifference(lowest, metric)} to ${formatDifference(highest, metric)} in ${pairsText(pairs)}`;

interface PairList {
  readonly pairs: readonly { readonly seed: number | null; readonly otherSeed: number | null }[];
}

/** "5 draws", or "25 pairs of draws" where both sides draw. */
const pairsText = (pairs: PairList['pairs']): string =>
  pairs.every(({ seed, otherSeed }) => seed === null || otherSeed === null)
    ? `${pairs.length} draws`
    : `${pairs.length} pairs of draws`;

/** "better in 1, worse in 2 of 5 draws"; empty for a single pair. */
export const pairCountsText = ({
  better,
  worse,
  pairs,
}: Pick<PairedOverDraws, 'better' | 'worse' | 'pairs'>): string =>
  pairs.length === 1 ? '' : `better in ${better}, worse in ${worse} of ${pairsText(pairs)}`;

/** Effect of recovery in words. */
export const recoveryText = (reading: CompareReading): string =>
  reading === 'cannot-tell' ? 'nothing beyond the interval' : readingText(reading);

/** A mark beside a number: the interval excludes 0. */
export const readingMark = (reading: CompareReading | null): string =>
  reading === 'better' ? '\u25b2' : reading === 'worse' ? '\u25bc' : '';

/** "1", or "2\u20133" for two methods of the same value. */
export const taskRankText = ({ rank }: Pick<CompareRow, 'rank'>, { rows }: Pick<CompareTask, 'rows'>): string => {
  const half = (rows.filter((row) => row.rank === rank).length - 1) / 2;
  return half === 0 ? formatCount(rank) : `${formatCount(rank - half)}\u2013${formatCount(rank + half)}`;
};

/** The same, with "=" for a method that is best or not distinguishable from the best. */
export const sharedRankText = (row: Pick<CompareRow, 'rank' | 'sharesBest'>, task: Pick<CompareTask, 'rows'>): string =>
  `${taskRankText(row, task)}${row.sharesBest ? ' =' : ''}`;

export const rankText = ({ meanRank }: Pick<CompareMethod, 'meanRank'>): string =>
  meanRank === null ? '\u2013' : formatFixed(meanRank.value, 2);

export const rankIntervalText = ({ meanRank }: Pick<CompareMethod, 'meanRank'>): string =>
  meanRank === null ? '' : `[${formatFixed(meanRank.low, 2)}, ${formatFixed(meanRank.high, 2)}]`;

/** "the best method of each task", "the unpruned model", or the method's name. */
export const referenceText = (reference: string): string =>
  reference === BEST_REFERENCE
    ? 'the best method of each task'
    : reference === UNPRUNED
      ? 'the unpruned model'
      : methodInProse(reference);

/** ", answers written" for a comparison whose model is measured on both kinds of tasks; otherwise empty. */
export const answersText = ({
  answers,
  answersMeasured,
}: Pick<CompareDocument, 'answers' | 'answersMeasured'>): string =>
  answersMeasured.length > 1 ? `, answers ${answers}` : '';

/** Caption of a comparison of methods, per task and over all. */
export const RANK_CAPTION =
  'Rank by value, the mean over draws (= : best, or not distinguishable from the best in any draw); differences are ' +
  'to the reference, on the same items. ' +
  'Mean rank with the 95 % interval of a bootstrap over items.';

/** Legend of `readingMark`. */
export const MARK_CAPTION = '\u25b2 better, \u25bc worse: the paired 95 % interval excludes 0.';

const signMarks: Readonly<Record<PairedSign, string>> = {
  plus: '+',
  minus: '\u2212',
  'cannot-tell': '?',
};

export const signMark = (sign: PairedSign): string => signMarks[sign];
