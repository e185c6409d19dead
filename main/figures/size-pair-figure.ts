import type { RunManifest } from '../contract/run.ts';
import type { SizeTrendDocument } from '../contract/size-trend.ts';
import { maxOf } from '../statistics/extremes.ts';
import { SIZE_PAIR_CAPTION } from './captions.ts';
import type { FigureTheme } from './colors.ts';
import { drawMark, type MethodMark, methodMarks } from './method-marks.ts';
import { methodTitle } from '../words/methods.ts';
import { differenceDomain, type PairPanel, pairPanels, type PairPoint } from './pair-panels.ts';
import { type AxisScale, linearScale } from './scales.ts';
import { drawAcrossTicks, drawAcrossTitle, drawPanelHead, drawSmallMultiples, tickText } from './small-multiples.ts';
import { type Drawing, svgElement, svgLabel, type SvgNode } from './svg.ts';

const CELL_WIDTH = 320;
const LABEL_ROOM = 58;
const PLOT_WIDTH = 246;
const HEADER = 22;
const BELOW = 50;
const METHOD_STEP = 8;
const ROW_PADDING = 12;
const RADIUS = 3.4;

const rowHeight = (methods: number): number => methods * METHOD_STEP + ROW_PADDING;

/** Height of a chart's rows in pixels. */
export const pairChartHeight = (rows: number, methods: number): number => rows * rowHeight(methods);

/** Height of a small multiple, for splitting a figure over pages. */
export const pairPanelHeight = (rows: number, methods: number): number =>
  HEADER + pairChartHeight(rows, methods) + BELOW;

const drawPoint = (point: PairPoint, y: number, x: AxisScale, mark: MethodMark, theme: FigureTheme): SvgNode =>
  svgElement(
    'g',
    point.standing === 'unknown' ? { opacity: 0.45 } : {},
    svgElement('line', {
      x1: x.position(point.low),
      y1: y,
      x2: x.position(point.high),
      y2: y,
      stroke: mark.color,
      'stroke-width': 1.1,
    }),
    drawMark(mark, x.position(point.difference), y, RADIUS, point.standing === 'within' ? theme : undefined),
  );

/** One task's rows in a rectangle that begins at (left, top), in pixels; names of rows stand left of it. */
export interface PairChart {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  /** Range of the differences. */
  readonly domain: readonly [number, number];
  readonly marks: ReadonlyMap<string, MethodMark>;
  readonly theme: FigureTheme;
}

/** Positions of a chart's marks and its lower edge; a row per pair of sizes, in it a line per method. */
const pairLayout = (panel: PairPanel, { left, top, width, domain, marks }: PairChart) => {
  const methods = [...marks.keys()];
  const step = rowHeight(methods.length);
  const x = linearScale(domain, [left + 4, left + width - 4], 4);
  const points = panel.rows.flatMap((row, index) =>
    row.points
      .filter(({ method }) => marks.has(method))
      .map((point) => ({
        row,
        point,
        x: x.position(point.difference),
        y: top + index * step + ROW_PADDING / 2 + (methods.indexOf(point.method) + 0.5) * METHOD_STEP,
      })),
  );
  return { x, step, points, bottom: top + pairChartHeight(panel.rows.length, methods.length) };
};

/** A chart of differences: its drawing, the positions of its marks, and its lower edge, below which numbers stand. */
export const drawPairChart = (panel: PairPanel, chart: PairChart) => {
  const { left, top, width, marks, theme } = chart;
  const { x, step, points, bottom } = pairLayout(panel, chart);
  const nodes = [
    ...drawAcrossTicks(x, [top, bottom], (tick) => tickText(tick, panel.metric), theme),
    svgElement('line', {
      x1: x.position(0),
      y1: top,
      x2: x.position(0),
      y2: bottom,
      stroke: theme.ink,
      'stroke-width': 0.8,
    }),
    ...panel.rows.flatMap(({ largeExperts, experts }, index) => {
      const y = top + index * step;
      const stripe = { x: left, y, width, height: step, fill: theme.grid, 'fill-opacity': 0.35 };
      return [
        ...(index % 2 === 1 ? [svgElement('rect', stripe)] : []),
        svgLabel(left - 8, y + step / 2 + 4, `${largeExperts} \u2192 ${experts}`, { 'text-anchor': 'end' }),
      ];
    }),
    ...points.flatMap(({ point, y }) => {
      const mark = marks.get(point.method);
      return mark === undefined ? [] : [drawPoint(point, y, x, mark, theme)];
    }),
  ];
  return { nodes, points, bottom };
};

const drawPanel = (panel: PairPanel, chart: PairChart): SvgNode => {
  const { left, top, width, theme } = chart;
  const { nodes, bottom } = drawPairChart(panel, { ...chart, top: top + HEADER });
  const title = panel.metric === 'perplexity' ? 'difference of perplexity' : 'difference of accuracy (points)';
  return svgElement(
    'g',
    {},
    drawPanelHead(panel, { left, top, width }, theme),
    nodes,
    drawAcrossTitle(left + width / 2, bottom, title, theme),
  );
};

/**
 * Pruned large model against small model from scratch at equal numbers of experts: a small multiple per task, a row per
 * pair of sizes, a mark per `shown` method.
 */
export const sizePairFigure = (
  sizeTrend: SizeTrendDocument,
  tasks: readonly string[],
  manifest: RunManifest,
  theme: FigureTheme,
  shown: readonly string[] = sizeTrend.methods,
): Drawing => {
  const all = pairPanels(
    sizeTrend.pairs.filter(({ method }) => shown.includes(method)),
    sizeTrend.tasks,
  );
  const panels = all.filter(({ task }) => tasks.includes(task));
  const marks = methodMarks(sizeTrend.methods, theme, shown);
  return drawSmallMultiples({
    title: 'Pruned from more experts, against trained with as many',
    description: `${panels.length} tasks, methods ${[...marks.keys()].join(', ')}. ${SIZE_PAIR_CAPTION}`,
    caption: SIZE_PAIR_CAPTION,
    manifest,
    theme,
    legend: [...marks].map(([method, mark]) => ({ label: methodTitle(method), mark })),
    cell: {
      width: CELL_WIDTH,
      height: pairPanelHeight(maxOf([0, ...panels.map(({ rows }) => rows.length)]), marks.size),
      axisRoom: LABEL_ROOM,
      plotWidth: PLOT_WIDTH,
    },
    panels: panels.map((panel) => (left, top) => {
      const domain = differenceDomain(panel, all);
      return drawPanel(panel, { left, top, width: PLOT_WIDTH, domain, marks, theme });
    }),
  });
};
