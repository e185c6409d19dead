import type { RunManifest } from '../contract/run.ts';
import type { ExpertTrend, SizeThreshold, SizeTrendDocument } from '../contract/size-trend.ts';
import { counted, formatFactor } from '../words/numbers.ts';
import type { FigureTheme } from './colors.ts';
import { drawMark, type MethodMark, methodMarks } from './method-marks.ts';
import { methodTitle } from '../words/methods.ts';
import {
  drawAcrossTicks,
  drawAcrossTitle,
  drawSmallMultiples,
  drawUpwardTicks,
  drawUpwardTitle,
} from './small-multiples.ts';
import { type Drawing, pathThrough, svgElement, svgLabel, svgLine, type SvgNode } from './svg.ts';
import { type AnswerKind, answerKind } from '../contract/task.ts';
import { maxOf } from '../statistics/extremes.ts';
import { type AxisScale, expertScale, factorScale } from './scales.ts';

/** Position of a task's threshold at one size, in pixels. */
interface DrawnThreshold {
  readonly experts: number;
  readonly x: number;
  readonly y: number;
  /** From every training of this size with a decided threshold. */
  readonly thresholds: readonly SizeThreshold[];
}

/** One task's thresholds by rising E; sizes with undecided thresholds are left out. */
interface DrawnTask {
  readonly task: string;
  readonly answers: AnswerKind;
  readonly points: readonly DrawnThreshold[];
}

/** The factor that at least half of the tasks reach, at one size. */
interface DrawnMedian {
  readonly experts: number;
  readonly x: number;
  readonly y: number;
  readonly factor: number;
  /** Number of tasks with a decided threshold. */
  readonly tasks: number;
}

interface TrendLayout {
  readonly x: AxisScale;
  readonly y: AxisScale;
  readonly tasks: readonly DrawnTask[];
  /** Medians over tasks with multiple-choice answers, and over those with written answers, if there are any. */
  readonly medians: readonly { readonly answers: AnswerKind; readonly points: readonly DrawnMedian[] }[];
  /** Largest tested factor per size, as far as the axis reaches: no threshold lies above. */
  readonly limits: readonly { readonly x: number; readonly y: number; readonly half: number }[];
}

/** A chart's rectangle in pixels, and its axes: E across, factors from 1 upwards. */
interface TrendFrame {
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
const TASK_LINE = { width: 0.8, opacity: 0.45, written: '3 2' } as const;
const MEDIAN_LINE = { width: 2.2, written: '6 4' } as const;

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

/** How to read thresholds over experts, beside the threshold rule. */
export const expertTrendCaption = ({ trends, tasks, written }: SizeTrendDocument): string => {
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

const RADIUS = 3.6;
const HEADER = 22;

/**
 * Thin lines: one per task, that of the task under the pointer stronger. Thick lines with marks: factors that at least
 * half of the tasks reach.
 */
const drawLines = (
  { tasks, medians }: TrendLayout,
  { mark, theme, pointed }: Pick<TrendChart, 'mark' | 'theme' | 'pointed'>,
): SvgNode[] => [
  ...tasks.map(({ task, answers, points }) =>
    svgElement('path', {
      d: pathThrough(points.map(({ x, y }) => [x, y])),
      fill: 'none',
      stroke: mark.color,
      'stroke-width': task === pointed ? 2 : TASK_LINE.width,
      'stroke-opacity': task === pointed ? 1 : TASK_LINE.opacity,
      'stroke-dasharray': answers === 'written' ? TASK_LINE.written : 'none',
    }),
  ),
  ...medians.flatMap(({ answers, points }) => [
    svgElement('path', {
      d: pathThrough(points.map(({ x, y }) => [x, y])),
      fill: 'none',
      stroke: mark.color,
      'stroke-width': MEDIAN_LINE.width,
      'stroke-dasharray': answers === 'written' ? MEDIAN_LINE.written : 'none',
    }),
    ...points.map(({ x, y }) => drawMark(mark, x, y, RADIUS, answers === 'written' ? theme : undefined)),
  ]),
];

/** The largest factor to which each size was pruned: thresholds cannot lie above. */
const drawLimits = ({ limits }: TrendLayout, theme: FigureTheme): SvgNode[] =>
  limits.map(({ x, y, half }) => svgLine(x - half, y, x + half, y, theme.muted, { 'stroke-dasharray': '2 2' }));

/** A method's thresholds in a rectangle, in pixels: numbers of the axes stand left of `left` and below `bottom`. */
export interface TrendChart extends TrendFrame {
  readonly mark: MethodMark;
  readonly theme: FigureTheme;
  /** Task under the pointer, in the window. */
  readonly pointed?: string | undefined;
}

/**
 * Axes (experts before pruning across, threshold upwards, both doubling), a line per task, medians and limits; and the
 * layout that was drawn.
 */
export const drawTrendChart = (trends: readonly ExpertTrend[], chart: TrendChart) => {
  const { left, right, top, bottom, theme } = chart;
  const layout = trendLayout(trends, chart);
  const nodes = [
    ...drawUpwardTicks(layout.y, [left, right], formatFactor, theme),
    ...drawAcrossTicks(layout.x, [top, bottom], (experts) => `E ${String(experts)}`, theme),
    ...drawLimits(layout, theme),
    ...drawLines(layout, chart),
  ];
  return { nodes, layout };
};

const PANEL = { width: 250, height: 204 } as const;
const CELL = { width: 320, height: 264, axisRoom: 52, plotWidth: PANEL.width } as const;

interface MethodPanel extends Pick<TrendChart, 'mark' | 'sizes' | 'largestFactor' | 'written'> {
  readonly method: string;
  readonly trends: readonly ExpertTrend[];
}

/** One method: its name, its chart and the titles of the axes. */
const drawMethodPanel = (
  { method, trends, ...chart }: MethodPanel,
  { left, top }: { readonly left: number; readonly top: number },
  theme: FigureTheme,
): SvgNode => {
  const { width, height } = PANEL;
  const [right, bottom] = [left + width, top + height];
  return svgElement(
    'g',
    {},
    svgLabel(left, top + 12, methodTitle(method), { 'font-size': 13, 'font-weight': 600 }),
    svgLabel(right, top + 12, counted(trends.length, 'task'), { 'text-anchor': 'end', fill: theme.muted }),
    drawTrendChart(trends, { ...chart, left, right, top: top + HEADER, bottom, theme }).nodes,
    drawUpwardTitle(left - 36, top + 11 + height / 2, 'threshold factor', theme),
    drawAcrossTitle(left + width / 2, bottom, 'experts before pruning (E)', theme),
  );
};

/**
 * Threshold against the number of pretraining experts: a small multiple per method, both axes doubling, a line per
 * task. `tasks` are those to draw, `shown` the methods (default: all), in order.
 */
export const expertTrendFigure = (
  sizeTrend: SizeTrendDocument,
  tasks: readonly string[],
  manifest: RunManifest,
  theme: FigureTheme,
  shown: readonly string[] = sizeTrend.methods,
): Drawing => {
  const marks = methodMarks(sizeTrend.methods, theme, shown);
  const sizes = [...new Set(sizeTrend.models.map(({ experts }) => experts))].sort((a, b) => a - b);
  const largestFactor = largestDrawnFactor(sizeTrend);
  const { written } = sizeTrend;
  return drawSmallMultiples({
    title: 'Threshold against the number of pretraining experts',
    description:
      `${tasks.length} tasks, methods ${[...marks.keys()].join(', ')}, E = ${sizes.join(', ')}. ` + sizeTrend.rule,
    caption: `${expertTrendCaption(sizeTrend)} ${sizeTrend.rule}`,
    manifest,
    theme,
    legend: [...marks].map(([method, mark]) => ({ label: methodTitle(method), mark })),
    cell: CELL,
    panels: [...marks].map(([method, mark]) => (left, top) => {
      const trends = tasks.flatMap((task) =>
        sizeTrend.trends.filter((trend) => trend.task === task && trend.method === method),
      );
      return drawMethodPanel({ method, trends, mark, sizes, largestFactor, written }, { left, top }, theme);
    }),
  });
};
