import type { RunManifest } from '../contract/run.ts';
import type { ExpertTrend, SizeTrendDocument } from '../contract/size-trend.ts';
import { expertTrendCaption } from './captions.ts';
import type { FigureTheme } from './colors.ts';
import { drawMark, type MethodMark, methodMarks } from './method-marks.ts';
import { methodTitle } from './method-titles.ts';
import { type PlacedThreshold, type PlacedTrend, type TrendLayout, trendLayout } from './trend-layout.ts';
import {
  drawAcrossTicks,
  drawAcrossTitle,
  drawPanelHead,
  drawSmallMultiples,
  drawUpwardTicks,
  drawUpwardTitle,
} from './small-multiples.ts';
import { type Drawing, svgElement, svgLabel, type SvgNode } from './svg.ts';

const RADIUS = 3.6;
const ARROW = 13;
const HEADER = 22;
/** Room between the frame and the marks of the first and the last size. */
const SIDE = 4;

/** One task: a trend per method. */
export interface ExpertTrendPanel {
  readonly task: string;
  readonly trends: readonly ExpertTrend[];
}

export interface ExpertTrendFrame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly sizes: readonly number[];
  readonly largestFactor: number;
  readonly marks: ReadonlyMap<string, MethodMark>;
  readonly theme: FigureTheme;
}

/** Mark at the last safe factor, bracket to the first unsafe one, or an arrow where there is none. */
const drawPoint = ({ threshold, x, y, end }: PlacedThreshold, mark: MethodMark, theme: FigureTheme): SvgNode[] => {
  const { lastSafe, firstUnsafe } = threshold;
  if (lastSafe === null) {
    return [svgLabel(x, y - 4, '?', { 'text-anchor': 'middle', 'font-weight': 600, fill: mark.color })];
  }
  const tip =
    firstUnsafe === null
      ? svgElement('path', {
          d: `M${x - 3} ${end + 3.5}L${x} ${end}L${x + 3} ${end + 3.5}`,
          fill: 'none',
          stroke: mark.color,
        })
      : svgElement('path', { d: `M${x - 3} ${end}h6`, fill: 'none', stroke: mark.color, 'stroke-width': 1.4 });
  return [
    svgElement('line', { x1: x, y1: y, x2: x, y2: end, stroke: mark.color, 'stroke-width': 1 }),
    tip,
    drawMark(mark, x, y, RADIUS, lastSafe === 1 ? theme : undefined),
  ];
};

/** The band over trainings of one size, the line through their means, and every training's mark. */
const drawTrend = ({ points, line, spreads }: PlacedTrend, mark: MethodMark, theme: FigureTheme): SvgNode[] => {
  const means = line.map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`);
  const stroke = { stroke: mark.color, 'stroke-width': 1.4, 'stroke-dasharray': mark.dash, 'stroke-opacity': 0.75 };
  return [
    ...spreads.map(({ x, low, high }) =>
      svgElement('line', {
        x1: x,
        y1: low,
        x2: x,
        y2: high,
        stroke: mark.color,
        'stroke-width': 8,
        'stroke-opacity': 0.2,
      }),
    ),
    svgElement('path', { d: means.length === 0 ? '' : `M${means.join('L')}`, fill: 'none', ...stroke }),
    ...points.flatMap((point) => drawPoint(point, mark, theme)),
  ];
};

/** How far each size was pruned at most: thresholds cannot lie above. */
const drawLimits = ({ limits }: TrendLayout, theme: FigureTheme): SvgNode[] =>
  limits.map(({ x, y, half }) =>
    svgElement('line', { x1: x - half, y1: y, x2: x + half, y2: y, stroke: theme.muted, 'stroke-dasharray': '2 2' }),
  );

/**
 * One small multiple: task, axes (experts before pruning across, threshold upwards, both doubling), a trend per method.
 */
export const drawExpertTrendPanel = (panel: ExpertTrendPanel, frame: ExpertTrendFrame): SvgNode => {
  const { left, top, width, height, theme, marks, sizes } = frame;
  const plotTop = top + HEADER;
  const layout = trendLayout(panel.trends, {
    left: left + SIDE,
    right: left + width - SIDE,
    bottom: top + height - 8,
    top: plotTop + ARROW + 5,
    arrow: ARROW,
    sizes,
    largestFactor: frame.largestFactor,
    methods: [...marks.keys()],
  });
  const items = panel.trends.flatMap(({ points }) => points.map(({ n }) => n));
  return svgElement(
    'g',
    {},
    ...drawPanelHead({ task: panel.task, n: Math.min(...items) }, frame, theme),
    ...drawUpwardTicks(layout.y, [left, left + width], String, theme),
    ...drawAcrossTicks(layout.x, [plotTop, top + height], String, theme),
    ...drawLimits(layout, theme),
    ...layout.trends.flatMap((trend) => {
      const mark = marks.get(trend.method);
      return mark === undefined ? [] : drawTrend(trend, mark, theme);
    }),
  );
};

const PANEL = { width: 250, height: 204 } as const;
const CELL = { width: 320, height: 264, axisRoom: 52, plotWidth: PANEL.width } as const;

/**
 * Threshold against the number of pretraining experts: a small multiple per task, both axes doubling. `tasks` are those
 * to draw, in order, `shown` the methods (all unless given).
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
  const factors = sizeTrend.thresholds.flatMap(({ largestTested, firstUnsafe }) => [largestTested, firstUnsafe ?? 1]);
  const largestFactor = Math.max(2, ...factors);
  const { width, height } = PANEL;
  return drawSmallMultiples({
    title: 'Threshold against the number of pretraining experts',
    description:
      `${tasks.length} tasks, methods ${[...marks.keys()].join(', ')}, E = ${sizes.join(', ')}. ` + sizeTrend.rule,
    caption: `${expertTrendCaption(sizeTrend)} ${sizeTrend.rule}`,
    manifest,
    theme,
    legend: [...marks].map(([method, mark]) => ({ label: methodTitle(method), mark })),
    cell: CELL,
    panels: tasks.map((task) => (left, top) => {
      const trends = sizeTrend.trends.filter((trend) => trend.task === task);
      return svgElement(
        'g',
        {},
        drawExpertTrendPanel({ task, trends }, { left, top, width, height, sizes, largestFactor, marks, theme }),
        drawUpwardTitle(left - 36, top + 11 + height / 2, 'threshold factor', theme),
        drawAcrossTitle(left + width / 2, top + height, 'experts before pruning (E)', theme),
      );
    }),
  });
};
