import type { ExpertTrend, SizeThreshold, SizeTrendDocument } from '../contract/size-trend.ts';
import { type AnswerKind, answerKind } from '../contract/task.ts';
import { maxOf } from '../statistics/extremes.ts';
import { type AxisScale, expertScale, factorScale } from './scales.ts';

/** Position of a task's threshold at one size, in pixels. */
export interface DrawnThreshold {
  readonly experts: number;
  readonly x: number;
  readonly y: number;
  /** From every training of this size with a decided threshold. */
  readonly thresholds: readonly SizeThreshold[];
}

/** One task's thresholds by rising E; sizes with undecided thresholds are left out. */
export interface DrawnTask {
  readonly task: string;
  readonly answers: AnswerKind;
  readonly points: readonly DrawnThreshold[];
}

/** The factor that at least half of the tasks reach, at one size. */
export interface DrawnMedian {
  readonly experts: number;
  readonly x: number;
  readonly y: number;
  readonly factor: number;
  /** Number of tasks with a decided threshold. */
  readonly tasks: number;
}

export interface TrendLayout {
  readonly x: AxisScale;
  readonly y: AxisScale;
  readonly tasks: readonly DrawnTask[];
  /** Medians over tasks with multiple-choice answers, and over those with written answers, if there are any. */
  readonly medians: readonly { readonly answers: AnswerKind; readonly points: readonly DrawnMedian[] }[];
  /** Largest tested factor per size, as far as the axis reaches: no threshold lies above. */
  readonly limits: readonly { readonly x: number; readonly y: number; readonly half: number }[];
}

/** A chart's rectangle in pixels, and its axes: E across, factors from 1 upwards. */
export interface TrendFrame {
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
  readonly top: number;
  /** E of the models, rising. */
  readonly sizes: readonly number[];
  readonly largestFactor: number;
  /** Tasks with written answers. */
  readonly written: readonly string[];
}

/** Styles of a task's line and of the medians' lines, by kind of answers. */
export const TASK_LINE = { width: 0.8, opacity: 0.45, written: '3 2' } as const;
export const MEDIAN_LINE = { width: 2.2, written: '6 4' } as const;

/** Lines of equal thresholds are drawn beside each other: the distance between two, and the limit for all of them. */
const BESIDE_PX = 1.6;
const BUNDLE_PX = 16;
/** Distance of the medians of both kinds from the middle. */
const KIND_PX = 2.5;
/** Half the length of a mark of the largest tested factor. */
const LIMIT_PX = 9;
/** Space from the rectangle to the first and last size, and to factor 1 and the largest. */
const INSET = { side: LIMIT_PX + 4, end: 14 } as const;

const geometricMean = (values: readonly number[]): number =>
  2 ** (values.reduce((sum, value) => sum + Math.log2(value), 0) / values.length);

/** Upper end of the axis of factors: a doubling above the largest threshold, and not above the tested factors. */
export const largestDrawnFactor = ({ trends }: Pick<SizeTrendDocument, 'trends'>): number => {
  const points = trends.flatMap((trend) => trend.points);
  const tested = maxOf([2, ...points.map(({ largestTested }) => largestTested)]);
  return Math.min(tested, 2 * maxOf([1, ...points.map(({ lastSafe }) => lastSafe ?? 1)]));
};

/** The largest of some factors that at least half of them reach; undefined for none. */
export const reachedByHalf = (factors: readonly number[]): number | undefined =>
  [...factors].sort((left, right) => left - right)[Math.floor(factors.length / 2)];

/** Last safe factor of a task at a size: the geometric mean over several trainings; null if undecided. */
const valueAt = (points: readonly SizeThreshold[]): number | null => {
  const known = points.flatMap(({ lastSafe }) => lastSafe ?? []);
  return known.length === 0 ? null : geometricMean(known);
};

/** Positions of the lines of one method's panel: E across, threshold upwards, both doubling; a line per task. */
export const trendLayout = (trends: readonly ExpertTrend[], frame: TrendFrame): TrendLayout => {
  const { left, right, bottom, top, sizes, largestFactor, written } = frame;
  const answersOf = ({ task }: ExpertTrend): AnswerKind => (written.includes(task) ? 'written' : 'chosen');
  const x = expertScale(sizes, [left + INSET.side, right - INSET.side]);
  const y = factorScale(largestFactor, [bottom - INSET.end, top + INSET.end]);
  const step = Math.min(BESIDE_PX, BUNDLE_PX / Math.max(1, trends.length));
  const ofSize = ({ points }: ExpertTrend, experts: number): readonly SizeThreshold[] =>
    points.filter((point) => point.experts === experts);
  const tasks = trends.map((trend, index): DrawnTask => {
    const beside = (index - (trends.length - 1) / 2) * step;
    return {
      task: trend.task,
      answers: answersOf(trend),
      points: sizes.flatMap((experts) => {
        const thresholds = ofSize(trend, experts).filter(({ lastSafe }) => lastSafe !== null);
        const value = valueAt(thresholds);
        return value === null ? [] : [{ experts, x: x.position(experts), y: y.position(value) - beside, thresholds }];
      }),
    };
  });
  const kinds = answerKind.options.filter((answers) => trends.some((trend) => answersOf(trend) === answers));
  const medians = kinds.map((answers, index) => {
    const own = trends.filter((trend) => answersOf(trend) === answers);
    const beside = kinds.length === 1 ? 0 : index === 0 ? -KIND_PX : KIND_PX;
    const points = sizes.flatMap((experts): DrawnMedian[] => {
      const known = own.flatMap((trend) => valueAt(ofSize(trend, experts)) ?? []);
      const factor = reachedByHalf(known);
      return factor === undefined
        ? []
        : [{ experts, x: x.position(experts), y: y.position(factor) + beside, factor, tasks: known.length }];
    });
    return { answers, points };
  });
  const limits = sizes.flatMap((experts) => {
    const tested = trends.flatMap((trend) => ofSize(trend, experts)).map(({ largestTested }) => largestTested);
    return tested.length === 0 ? [] : [{ x: x.position(experts), y: y.position(maxOf(tested)), half: LIMIT_PX }];
  });
  return { x, y, tasks, medians, limits };
};
