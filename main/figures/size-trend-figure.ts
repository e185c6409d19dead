import type { ExpertTrend, SizeThreshold, SizeTrendDocument } from '../contract/size-trend.ts';
import { type AnswerKind, answerKind } from '../contract/task.ts';
import { maxOf } from '../statistics/extremes.ts';
import { methodTitle } from '../words/methods.ts';
import { counted, formatFactor } from '../words/numbers.ts';
import { type Chart, type ChartFigure, type ChartRule, type ChartSeries, countsAxis, factorAxis } from './chart.ts';
import type { FigureTheme } from './colors.ts';
import { type MethodMark, methodMarks } from './method-marks.ts';
import { thresholdText } from './point-words.ts';

/** Lines of equal thresholds are drawn beside each other: the distance between two, and the limit for all of them. */
const BESIDE_PX = 1.6;
const BUNDLE_PX = 7;

const geometricMean = (values: readonly number[]): number =>
  2 ** (values.reduce((sum, value) => sum + Math.log2(value), 0) / values.length);

/** Upper end of the axis of factors: a doubling above the largest threshold, and not above the tested factors. */
const largestDrawnFactor = ({ trends }: Pick<SizeTrendDocument, 'trends'>): number => {
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

/** How to read thresholds over experts, beside the threshold rule. */
const expertTrendCaption = ({ trends, tasks, written }: SizeTrendDocument): string => {
  const isRepeated = trends.some(({ spread }) => spread.some(({ models }) => models > 1));
  const hasBoth = written.length > 0 && written.length < tasks.length;
  return (
    'Thin line: one task, at its threshold, the largest safe factor (1: no factor above 1 is safe); lines of equal ' +
    'thresholds are drawn beside each other. Thick line: the factor that at least half of the tasks reach' +
    (hasBoth ? ', solid where answers are chosen, dashed and hollow where they are written. ' : '. ') +
    'A task has no point at a size where its threshold is undecided. Dotted: largest tested factor, never below ' +
    'top-k experts: a threshold there may be higher. ' +
    (isRepeated ? 'Several trainings of one size count by their geometric mean.' : 'Each size was trained once.')
  );
};

const ofSize = ({ points }: ExpertTrend, experts: number): readonly SizeThreshold[] =>
  points.filter((point) => point.experts === experts);

/** Identity of a point of a task in a method's chart. */
export const trendKey = ({ task, experts }: Pick<SizeThreshold, 'task' | 'experts'>): string =>
  JSON.stringify([task, experts]);

interface Panel {
  readonly sizeTrend: SizeTrendDocument;
  readonly sizes: readonly number[];
  readonly mark: MethodMark;
  readonly theme: FigureTheme;
}

/** A task's thresholds by rising E; sizes with undecided thresholds are left out. */
const taskSeries = (
  trend: ExpertTrend,
  index: number,
  count: number,
  { sizeTrend, sizes, mark, theme }: Panel,
): ChartSeries => {
  const { task } = trend;
  const known = sizes.flatMap((experts) => {
    const thresholds = ofSize(trend, experts).filter(({ lastSafe }) => lastSafe !== null);
    const value = valueAt(thresholds);
    return value === null ? [] : [{ experts, value, thresholds }];
  });
  return {
    key: task,
    mark: { ...mark, dash: sizeTrend.written.includes(task) ? '3 2' : 'none' },
    line: known.map(({ experts, value }) => [experts, value] as const),
    lineWidth: 0.8,
    opacity: 0.45,
    lift: (index - (count - 1) / 2) * Math.min(BESIDE_PX, BUNDLE_PX / Math.max(1, count)),
    points: known.map(({ experts, value, thresholds }) => ({
      key: trendKey({ task, experts }),
      x: experts,
      y: value,
      look: 'none',
      whiskers: [],
      tip: () => {
        const texts = thresholds.map((threshold) => thresholdText(threshold, theme.task(task), sizeTrend, undefined));
        const [first] = texts;
        const lines = texts.flatMap(({ title, lines: words }) => [title, ...words.slice(1, 2)]);
        const title = `${theme.task(task)}, E ${experts}`;
        return { title, lines: texts.length === 1 && first !== undefined ? first.lines : lines };
      },
    })),
  };
};

/** The factor that at least half of the tasks with one kind of answers reach, at each size. */
const medianSeries = (trends: readonly ExpertTrend[], answers: AnswerKind, { sizes, mark }: Panel): ChartSeries => {
  const medians = sizes.flatMap((experts) => {
    const known = trends.flatMap((trend) => valueAt(ofSize(trend, experts)) ?? []);
    const factor = reachedByHalf(known);
    return factor === undefined ? [] : [{ experts, factor, tasks: known.length }];
  });
  return {
    key: `half of the tasks, ${answers}`,
    mark: { ...mark, dash: answers === 'written' ? '6 4' : 'none' },
    line: medians.map(({ experts, factor }) => [experts, factor] as const),
    lineWidth: 2.2,
    points: medians.map(({ experts, factor, tasks }) => ({
      key: JSON.stringify([answers, experts]),
      x: experts,
      y: factor,
      look: answers === 'written' ? 'hollow' : 'filled',
      whiskers: [],
      tip: () => ({
        title: `E ${experts}: half of the tasks reach ${formatFactor(factor)}`,
        lines: [`of ${counted(tasks, 'task')} with a decided threshold, answers ${answers}`],
      }),
    })),
  };
};

/** The largest factor to which each size was pruned: thresholds cannot lie above. */
const limitsOf = (trends: readonly ExpertTrend[], sizes: readonly number[]): readonly ChartRule[] =>
  sizes.flatMap((experts): ChartRule[] => {
    const tested = trends.flatMap((trend) => ofSize(trend, experts)).map(({ largestTested }) => largestTested);
    return tested.length === 0 ? [] : [{ axis: 'y', at: maxOf(tested), about: experts, tone: 'muted', dash: '2 2' }];
  });

/**
 * Threshold against the number of pretraining experts: a chart per method, both axes doubling, a line per task. `tasks`
 * are those to draw, `shown` the methods (default: all), in order.
 */
export const expertTrendFigure = (
  sizeTrend: SizeTrendDocument,
  tasks: readonly string[],
  theme: FigureTheme,
  shown: readonly string[] = sizeTrend.methods,
): ChartFigure => {
  const marks = methodMarks(sizeTrend.methods, theme, shown);
  const sizes = [...new Set(sizeTrend.models.map(({ experts }) => experts))].sort((a, b) => a - b);
  const largest = largestDrawnFactor(sizeTrend);
  const factors = sizeTrend.trends.flatMap(({ points }) =>
    points.flatMap(({ lastSafe, largestTested }) => [lastSafe ?? 1, Math.min(largest, largestTested)]),
  );
  const y = factorAxis(factors, 'threshold factor', largest);
  const kindOf = ({ task }: ExpertTrend): AnswerKind => (sizeTrend.written.includes(task) ? 'written' : 'chosen');
  return {
    title: 'Threshold against the number of pretraining experts',
    description:
      `${tasks.length} tasks, methods ${[...marks.keys()].join(', ')}, E = ${sizes.join(', ')}. ` + sizeTrend.rule,
    caption: expertTrendCaption(sizeTrend),
    rule: sizeTrend.rule,
    legend: [...marks].map(([method, mark]) => ({ label: methodTitle(method), mark })),
    charts: [...marks].map(([method, mark]): Chart => {
      const trends = tasks.flatMap((task) =>
        sizeTrend.trends.filter((trend) => trend.task === task && trend.method === method),
      );
      const kinds = answerKind.options.filter((answers) => trends.some((trend) => kindOf(trend) === answers));
      const panel = { sizeTrend, sizes, mark, theme };
      return {
        key: method,
        heading: methodTitle(method),
        note: counted(trends.length, 'task'),
        x: countsAxis(sizes, { title: 'experts before pruning (E)', label: (experts) => `E ${experts}` }, [14, 18]),
        y,
        definition: 'threshold',
        rules: limitsOf(trends, sizes).filter(({ at }) => at <= y.domain[1]),
        series: [
          ...trends.map((trend, index) => taskSeries(trend, index, trends.length, panel)),
          ...kinds.map((answers) =>
            medianSeries(
              trends.filter((trend) => kindOf(trend) === answers),
              answers,
              panel,
            ),
          ),
        ],
      };
    }),
  };
};
