import type { RunManifest } from '../contract/run.ts';
import type { ExpertTrend, SizeTrendDocument } from '../contract/size-trend.ts';
import { counted, formatFactor } from '../words/numbers.ts';
import { expertTrendCaption } from './captions.ts';
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
import { type Drawing, svgElement, svgLabel, type SvgNode } from './svg.ts';
import {
  largestDrawnFactor,
  MEDIAN_LINE,
  TASK_LINE,
  type TrendFrame,
  type TrendLayout,
  trendLayout,
} from './trend-layout.ts';

const RADIUS = 3.6;
const HEADER = 22;

type Point = readonly [x: number, y: number];

const pathOf = (points: readonly Point[]): string =>
  points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${x.toFixed(2)} ${y.toFixed(2)}`).join('');

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
      d: pathOf(points.map(({ x, y }) => [x, y])),
      fill: 'none',
      stroke: mark.color,
      'stroke-width': task === pointed ? 2 : TASK_LINE.width,
      'stroke-opacity': task === pointed ? 1 : TASK_LINE.opacity,
      'stroke-dasharray': answers === 'written' ? TASK_LINE.written : 'none',
    }),
  ),
  ...medians.flatMap(({ answers, points }) => [
    svgElement('path', {
      d: pathOf(points.map(({ x, y }) => [x, y])),
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
  limits.map(({ x, y, half }) =>
    svgElement('line', { x1: x - half, y1: y, x2: x + half, y2: y, stroke: theme.muted, 'stroke-dasharray': '2 2' }),
  );

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
