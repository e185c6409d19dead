import {
  BEST_REFERENCE,
  type CompareDocument,
  type CompareMethod,
  type CompareReading,
  type CompareRow,
  type CompareTask,
} from '../contract/compare.ts';
import { assertNever } from '../contract/errors.ts';
import type { PairedOverDraws } from '../contract/paired-numbers.ts';
import type { Finding, SizePair } from '../contract/size-trend.ts';
import {
  type PointName,
  type PointVerdict,
  type SweepDocument,
  type Threshold,
  UNPRUNED,
  type Verdict,
} from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { methodInProse } from '../figures/method-titles.ts';
import {
  bareFactor,
  formatCount,
  formatDifference,
  formatFactor,
  formatFixed,
  formatInterval,
} from '../figures/numbers.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { type DrawCount, safeDrawsAt } from './draws.ts';

// Wording of findings, shared by window, command line, report and figures.

/** "a", "a and b", "a, b and c". */
export const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;

/** "1 task", "9 tasks". */
export const counted = (count: number, one: string, several = `${one}s`): string =>
  `${count} ${count === 1 ? one : several}`;

/** "uncurl-8 add reap (seed 1)". */
export const curveWords = ({ model, task, method, seed }: Omit<PointName, 'factor'>): string =>
  `${model} ${task} ${method}${seed === null ? '' : ` (seed ${seed})`}`;

/** "uncurl-8 add reap factor 2"; the factor with all its digits, since it identifies the point. */
export const pointWords = (point: PointName): string => `${curveWords(point)} factor ${point.factor}`;

/** Warnings about a sweep whose files were edited; empty for any other. */
export const checkNotes = ({ check }: Pick<SweepDocument, 'check'>): readonly string[] =>
  check?.state === 'differs' ? check.sentences : [];

/** Notes on the parts of a sweep that could not be checked. */
export const uncheckedNotes = ({ check }: Pick<SweepDocument, 'check'>): readonly string[] =>
  check?.state === 'unchecked' ? check.sentences : [];

/** "E = 8", "E = 8 to 64". */
export const sizesText = (sizes: readonly number[]): string =>
  sizes.length === 1 ? `E = ${sizes[0]}` : `E = ${minOf(sizes)} to ${maxOf(sizes)}`;

/** Items (of perplexity: texts) below which no threshold can be determined. */
export interface Needed {
  readonly items: number;
  readonly texts: number;
}

/** "149 items", "20 texts". */
export const neededText = ({ items, texts }: Needed, metric: MetricName | undefined): string =>
  metric === 'perplexity' ? `${formatCount(texts)} texts` : `${formatCount(items)} items`;

/** A threshold's verdict in words. */
export const verdictText = (verdict: Verdict): string => {
  switch (verdict) {
    case 'found':
      return 'found';
    case 'all-safe':
      return 'every tested factor is safe';
    case 'none-safe':
      return 'no tested factor is safe';
    case 'cannot-tell':
      return 'cannot tell: too few items';
    default:
      return assertNever(verdict);
  }
};

/**
 * A point's verdict in words: safe at the margin, unsafe (worse by more), or undecided. "Not safe" covers the last two.
 */
export const pointVerdictText = (verdict: PointVerdict): string => {
  switch (verdict) {
    case 'safe':
      return 'safe';
    case 'worse':
      return 'unsafe';
    case 'undecided':
      return 'cannot tell';
    default:
      return assertNever(verdict);
  }
};

type Bracket = Pick<Threshold, 'lastSafe' | 'firstUnsafe' | 'firstWorse'>;

/**
 * The threshold itself, short: "×2"; "≥ ×8" where every tested factor is safe, "< ×2" where none is, "?" where it
 * cannot be determined.
 */
export const thresholdValue = ({
  verdict,
  factor,
  lastSafe,
  firstUnsafe,
}: Pick<Threshold, 'verdict' | 'factor' | 'lastSafe' | 'firstUnsafe'>): string => {
  switch (verdict) {
    case 'found':
      return factor === null ? '?' : formatFactor(factor);
    case 'all-safe':
      return `\u2265 ${formatFactor(lastSafe ?? factor ?? 1)}`;
    case 'none-safe':
      return firstUnsafe === null ? 'none' : `< ${formatFactor(firstUnsafe)}`;
    case 'cannot-tell':
      return '?';
    default:
      return assertNever(verdict);
  }
};

/**
 * "[2, 4) worse 8": safe up to and including 2, no longer safe at 4, worse from 8 on; open where nothing larger was
 * tested, empty where it cannot be determined.
 */
export const bracketText = ({ lastSafe, firstUnsafe, firstWorse }: Bracket): string =>
  lastSafe === null
    ? ''
    : `[${bareFactor(lastSafe)}, ${firstUnsafe === null ? '\u2026' : bareFactor(firstUnsafe)})` +
      (firstWorse === null ? '' : ` worse ${bareFactor(firstWorse)}`);

/** From where quality is known to fall by more than the margin; a factor that is not safe need not be worse. */
const worseText = ({ firstWorse }: Pick<Bracket, 'firstWorse'>): string =>
  firstWorse === null ? ', none known to be worse' : `, worse from ${formatFactor(firstWorse)}`;

/** "safe in 3 of 5 draws". */
export const safeDrawsText = ({ count, of }: DrawCount): string => `safe in ${count} of ${counted(of, 'draw')}`;

/**
 * Reading of single draws where a threshold over draws ends: "; \u00d74 is safe in 3 of 5 draws". Empty for a method
 * without draws or a verdict.
 */
const drawsWords = (threshold: Pick<Threshold, 'firstUnsafe' | 'lastSafe' | 'draws'>): string => {
  const { firstUnsafe, lastSafe } = threshold;
  const draws = safeDrawsAt(threshold, firstUnsafe ?? lastSafe ?? 1);
  if (draws.of < 2) return '';
  return firstUnsafe === null
    ? ` in every one of ${draws.of} draws`
    : `; ${formatFactor(firstUnsafe)} is ${safeDrawsText(draws)}`;
};

/** The same short, for a cell: "3/5"; empty for one draw, or without a verdict. */
export const drawsFraction = (threshold: Pick<Threshold, 'firstUnsafe' | 'draws'>): string => {
  if (threshold.firstUnsafe === null) return '';
  const { count, of } = safeDrawsAt(threshold, threshold.firstUnsafe);
  return of < 2 ? '' : `${count}/${of}`;
};

/** Bracket and verdict in words; for a threshold over draws with the reading of single draws where it ends. */
export const bracketWords = (threshold: Bracket & Pick<Threshold, 'verdict' | 'draws'>): string => {
  const { verdict, lastSafe, firstUnsafe, firstWorse } = threshold;
  switch (verdict) {
    case 'found':
      return (
        `safe at ${formatFactor(lastSafe ?? 1)}, not safe at ${formatFactor(firstUnsafe ?? 1)}` +
        worseText(threshold) +
        drawsWords(threshold)
      );
    case 'none-safe':
      return `${verdictText(verdict)}${worseText(threshold)}${drawsWords(threshold)}`;
    case 'all-safe':
      return `${verdictText(verdict)}${drawsWords(threshold)}`;
    case 'cannot-tell':
      return `${verdictText(verdict)}${firstWorse === null ? '' : worseText(threshold)}`;
    default:
      return assertNever(verdict);
  }
};

/** Caption of a matrix of thresholds. */
export const MATRIX_CAPTION =
  'Bold: the threshold. With it the bracket [last safe, first not safe): between the two no factor was tested. ' +
  'Worse: from this factor on the quality is known to have fallen by more than the margin; below it a factor that ' +
  'is not safe is undecided. \u2265: every tested factor is safe, so the threshold is this or more. <: no tested ' +
  'factor is safe. ?: too few items to determine it. For a method that draws, safe means safe in every draw, ' +
  'and 3/5 that the first factor that is not is safe in 3 of 5 draws.';

/** The question of a sweep's chart, which its findings answer. */
export const chartQuestion = (chart: Finding['chart']): string => {
  switch (chart) {
    case 'threshold-over-experts':
      return 'Does the threshold rise with the number of pretraining experts?';
    case 'loss-over-share':
      return 'At an equal dropped share, does a larger E lose less?';
    case 'safe-tasks':
      return 'How many tasks are safe?';
    case 'pruned-against-scratch':
      return 'Prune many experts, or train fewer?';
    case 'thresholds':
      return 'How far can the models be pruned?';
    default:
      return assertNever(chart);
  }
};

/** A finding's verdict in a word or two; null where it only counts. */
export const findingVerdictText = (verdict: Finding['verdict']): string | null => {
  switch (verdict) {
    case 'supported':
    case 'opposed':
    case 'mixed':
      return verdict;
    case 'unchanged':
      return 'no change seen';
    case 'cannot-tell':
      return 'cannot tell';
    case 'counted':
      return null;
    default:
      return assertNever(verdict);
  }
};

/** Position of a pruned model relative to its threshold. */
export type Standing = 'past' | 'within' | 'unknown';

export const standingOf = ({ pastThreshold }: Pick<SizePair, 'pastThreshold'>): Standing =>
  pastThreshold === null ? 'unknown' : pastThreshold ? 'past' : 'within';

export const standingText = (standing: Standing): string => {
  switch (standing) {
    case 'past':
      return 'past the threshold';
    case 'within':
      return 'within the threshold';
    case 'unknown':
      return 'threshold undetermined';
    default:
      return assertNever(standing);
  }
};

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
