import type { RunManifest } from '../contract/run.ts';
import type { ExpertTrend, SizeThreshold, SizeTrendDocument } from '../contract/size-trend.ts';
import type { FigureTheme } from './colors.ts';
import { drawMark, drawMethodLegend, LEGEND_LINE, type MethodMark, methodMarks } from './method-marks.ts';
import { type AxisScale, expertScale, factorScale, trendSpacing, type TrendSpacing } from './scales.ts';
import { figureFooter, fitText, svgDocument, svgElement, svgLabel, type SvgNode } from './svg.ts';

const RADIUS = 3.6;
const ARROW = 13;
const HEADER = 22;

/** One task of a family: a trend per method. */
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

interface Scales {
  readonly x: AxisScale;
  readonly y: AxisScale;
  readonly gap: TrendSpacing;
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mark at the last safe factor, bracket to the first unsafe one, or an arrow where there is none. */
const drawPoint = (point: SizeThreshold, x: number, y: AxisScale, mark: MethodMark, theme: FigureTheme): SvgNode[] => {
  const { lastSafe, firstUnsafe } = point;
  if (lastSafe === null) {
    return [svgLabel(x, y.position(1) - 4, '?', { 'text-anchor': 'middle', 'font-weight': 600, fill: mark.color })];
  }
  const from = y.position(lastSafe);
  const to = firstUnsafe === null ? from - ARROW : y.position(firstUnsafe);
  const end =
    firstUnsafe === null
      ? svgElement('path', {
          d: `M${x - 3} ${to + 3.5}L${x} ${to}L${x + 3} ${to + 3.5}`,
          fill: 'none',
          stroke: mark.color,
        })
      : svgElement('path', { d: `M${x - 3} ${to}h6`, fill: 'none', stroke: mark.color, 'stroke-width': 1.4 });
  return [
    svgElement('line', { x1: x, y1: from, x2: x, y2: to, stroke: mark.color, 'stroke-width': 1 }),
    end,
    drawMark(mark, x, from, RADIUS, lastSafe === 1 ? theme : undefined),
  ];
};

/** Line through the (geometric) mean of the last safe factors of each size. */
const drawLine = ({ points, spread }: ExpertTrend, shift: number, mark: MethodMark, { x, y }: Scales): SvgNode => {
  const means = spread.flatMap(({ experts }) => {
    const told = points.flatMap((point) =>
      point.experts === experts && point.lastSafe !== null ? [Math.log2(point.lastSafe)] : [],
    );
    return told.length === 0
      ? []
      : [`${(x.position(experts) + shift).toFixed(2)} ${y.position(2 ** meanOf(told)).toFixed(2)}`];
  });
  const stroke = { stroke: mark.color, 'stroke-width': 1.4, 'stroke-dasharray': mark.dash, 'stroke-opacity': 0.75 };
  return svgElement('path', { d: means.length === 0 ? '' : `M${means.join('L')}`, fill: 'none', ...stroke });
};

/** Where a size was trained more than once: from the lowest to the highest last safe factor. */
const drawSpread = ({ spread }: ExpertTrend, shift: number, mark: MethodMark, { x, y }: Scales): SvgNode[] =>
  spread.flatMap(({ experts, lowest, highest }) => {
    if (lowest === null || highest === null || lowest === highest) return [];
    const at = x.position(experts) + shift;
    const ends = { x1: at, y1: y.position(lowest), x2: at, y2: y.position(highest) };
    return [svgElement('line', { ...ends, stroke: mark.color, 'stroke-width': 8, 'stroke-opacity': 0.2 })];
  });

const drawTrend = (
  trend: ExpertTrend,
  shift: number,
  mark: MethodMark,
  scales: Scales,
  theme: FigureTheme,
): SvgNode[] => [
  ...drawSpread(trend, shift, mark, scales),
  drawLine(trend, shift, mark, scales),
  ...trend.spread.flatMap(({ experts }) => {
    const trained = trend.points.filter((point) => point.experts === experts);
    return trained.flatMap((point, index) => {
      const apart = (index - (trained.length - 1) / 2) * scales.gap.training;
      return drawPoint(point, scales.x.position(experts) + shift + apart, scales.y, mark, theme);
    });
  }),
];

const drawAxes = (frame: ExpertTrendFrame, plotTop: number, { x, y }: Scales): SvgNode[] => {
  const { left, width, top, height, theme } = frame;
  const bottom = top + height;
  return [
    ...y.ticks.flatMap((tick) => [
      svgElement('line', {
        x1: left,
        y1: y.position(tick),
        x2: left + width,
        y2: y.position(tick),
        stroke: theme.grid,
      }),
      svgLabel(left - 6, y.position(tick) + 3.5, String(tick), { 'text-anchor': 'end', fill: theme.muted }),
    ]),
    ...x.ticks.flatMap((tick) => [
      svgElement('line', {
        x1: x.position(tick),
        y1: plotTop,
        x2: x.position(tick),
        y2: bottom + 4,
        stroke: theme.grid,
      }),
      svgLabel(x.position(tick), bottom + 16, String(tick), { 'text-anchor': 'middle', fill: theme.muted }),
    ]),
  ];
};

/** How far each size was pruned at most: thresholds cannot lie above. */
const drawLimits = (panel: ExpertTrendPanel, frame: ExpertTrendFrame, { x, y, gap }: Scales): SvgNode[] =>
  frame.sizes.flatMap((experts) => {
    const tested = panel.trends.flatMap(({ points }) => points.filter((point) => point.experts === experts));
    if (tested.length === 0) return [];
    const at = y.position(Math.max(...tested.map(({ largestTested }) => largestTested)));
    const half = (frame.marks.size * gap.method) / 2 + 3;
    const ends = { x1: x.position(experts) - half, y1: at, x2: x.position(experts) + half, y2: at };
    return [svgElement('line', { ...ends, stroke: frame.theme.muted, 'stroke-dasharray': '2 2' })];
  });

/** One small multiple: task, axes (experts before pruning across, threshold upwards, both doubling), a trend per method. */
export const drawExpertTrendPanel = (panel: ExpertTrendPanel, frame: ExpertTrendFrame): SvgNode => {
  const { left, top, width, height, theme, marks, sizes } = frame;
  const methods = [...marks.keys()];
  const plotTop = top + HEADER;
  const gap = trendSpacing(width, sizes.length, methods.length);
  const inset = Math.max(24, (methods.length * gap.method) / 2 + 4);
  const scales: Scales = {
    x: expertScale(sizes, [left + inset, left + width - inset]),
    y: factorScale(frame.largestFactor, [top + height - 8, plotTop + ARROW + 5]),
    gap,
  };
  const items = panel.trends.flatMap(({ points }) => points.map(({ n }) => n));
  return svgElement(
    'g',
    {},
    svgLabel(left, top + 12, fitText(panel.task, width - 70, 13), { 'font-size': 13, 'font-weight': 600 }),
    svgLabel(left + width, top + 12, `n = ${Math.min(...items)}`, { 'text-anchor': 'end', fill: theme.muted }),
    ...drawAxes(frame, plotTop, scales),
    ...drawLimits(panel, frame, scales),
    ...panel.trends.flatMap((trend) => {
      const mark = marks.get(trend.method);
      const shift = (methods.indexOf(trend.method) - (methods.length - 1) / 2) * gap.method;
      return mark === undefined ? [] : drawTrend(trend, shift, mark, scales, theme);
    }),
  );
};

const MARGIN = 24;
const COLUMNS = 3;
const CELL = { width: 320, height: 264 } as const;
const AXIS_ROOM = 52;
const PANEL = { width: 250, height: 204 } as const;

/** How to read thresholds over experts; the threshold rule stands beside it. */
export const expertTrendCaption = ({ trends }: SizeTrendDocument): string => {
  const isRepeated = trends.some(({ spread }) => spread.some(({ models }) => models > 1));
  return (
    'Mark: threshold, the largest safe factor (hollow: no factor above 1 is safe); bar: the first unsafe factor; arrow: ' +
    'every tested factor is safe; ?: cannot be told, too few items. Between mark and bar no factor was tested: that is the ' +
    'interval that the items leave. Dotted: largest factor that was tested, never below top-k experts. ' +
    (isRepeated
      ? 'Marks side by side are trainings of one size, the broad band spans them and the line runs through their mean.'
      : 'Each size was trained once.')
  );
};

/**
 * Threshold against the number of pretraining experts: a small multiple per task, both axes doubling. `tasks` are those
 * to draw, in order.
 */
export const expertTrendFigure = (
  family: SizeTrendDocument,
  tasks: readonly string[],
  manifest: RunManifest,
  theme: FigureTheme,
): string => {
  const columns = Math.min(COLUMNS, tasks.length);
  const rows = Math.ceil(tasks.length / columns);
  const width = 2 * MARGIN + Math.max(columns, 2) * CELL.width - (CELL.width - AXIS_ROOM - PANEL.width);
  const marks = methodMarks(family.methods, theme);
  const legend = drawMethodLegend(
    [...marks].map(([label, mark]) => ({ label, mark })),
    { left: MARGIN, right: width - MARGIN, top: 58 },
  );
  const gridTop = 62 + legend.rows * LEGEND_LINE;
  const captionTop = gridTop + rows * CELL.height + 18;
  const caption = `${expertTrendCaption(family)} ${family.rule}`;
  const footer = figureFooter({ caption, manifest, theme }, { left: MARGIN, top: captionTop, width });
  const sizes = [...new Set(family.models.map(({ experts }) => experts))].sort((a, b) => a - b);
  const factors = family.thresholds.flatMap(({ largestTested, firstUnsafe }) => [largestTested, firstUnsafe ?? 1]);
  const largestFactor = Math.max(2, ...factors);

  const panels = tasks.map((task, index) => {
    const left = MARGIN + AXIS_ROOM + (index % columns) * CELL.width;
    const top = gridTop + Math.floor(index / columns) * CELL.height;
    const trends = family.trends.filter((trend) => trend.task === task);
    const middle = Math.round(top + 11 + PANEL.height / 2);
    return svgElement(
      'g',
      {},
      drawExpertTrendPanel({ task, trends }, { left, top, ...PANEL, sizes, largestFactor, marks, theme }),
      svgLabel(0, 0, 'threshold factor', {
        transform: `translate(${left - 36} ${middle}) rotate(-90)`,
        'text-anchor': 'middle',
        fill: theme.muted,
      }),
      svgLabel(left + PANEL.width / 2, top + PANEL.height + 31, 'experts before pruning (E)', {
        'text-anchor': 'middle',
        fill: theme.muted,
      }),
    );
  });
  const title = 'Threshold against the number of pretraining experts';
  return svgDocument({
    width,
    height: captionTop + footer.height,
    title,
    description: `${tasks.length} tasks, methods ${family.methods.join(', ')}, E = ${sizes.join(', ')}. ${family.rule}`,
    manifest,
    theme,
    children: [
      svgLabel(MARGIN, 34, title, { 'font-size': 17, 'font-weight': 600 }),
      ...legend.nodes,
      ...panels,
      ...footer.nodes,
    ],
  });
};
