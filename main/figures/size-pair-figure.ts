import type { RunManifest } from '../contract/run.ts';
import type { SizePair, SizeTrendDocument } from '../contract/size-trend.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import type { FigureTheme } from './colors.ts';
import { drawMark, type MethodMark, methodMarks } from './method-marks.ts';
import { methodTitle } from '../words/methods.ts';
import { type AxisScale, linearScale } from './scales.ts';
import { drawAcrossTicks, drawAcrossTitle, drawPanelHead, drawSmallMultiples, tickText } from './small-multiples.ts';
import { type Drawing, svgElement, svgLabel, svgLine, type SvgNode } from './svg.ts';
import type { MetricName } from '../contract/task.ts';
import { type Standing, standingOf } from '../words/verdicts.ts';

/** A method's point in a row: one comparison with its interval, or the mean and range of several. */
export interface PairPoint {
  readonly method: string;
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Draws and trainings behind the point. */
  readonly pairs: readonly SizePair[];
  /** Relative to the large model's threshold: past it if any comparison behind the point is. */
  readonly standing: Standing;
}

/** A size pruned to a smaller size, against that smaller size from scratch. */
export interface PairRow {
  readonly largeExperts: number;
  readonly experts: number;
  readonly points: readonly PairPoint[];
}

export interface PairPanel {
  readonly task: string;
  readonly metric: MetricName;
  readonly n: number;
  readonly rows: readonly PairRow[];
}

const distinct = <T>(items: readonly T[]): T[] => [...new Set(items)];

const standingOfAll = (pairs: readonly SizePair[]): Standing => {
  const standings = pairs.map(standingOf);
  if (standings.includes('past')) return 'past';
  return standings.every((standing) => standing === 'within') ? 'within' : 'unknown';
};

const pointOf = (method: string, pairs: readonly SizePair[]): PairPoint => {
  const [only] = pairs;
  const standing = standingOfAll(pairs);
  if (pairs.length === 1 && only !== undefined) {
    const { difference, low, high } = only;
    return { method, difference, low, high, pairs, standing };
  }
  const differences = pairs.map(({ difference }) => difference);
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
  return {
    method,
    difference: mean,
    low: minOf(differences),
    high: maxOf(differences),
    pairs,
    standing,
  };
};

const rowOf = (largeExperts: number, experts: number, pairs: readonly SizePair[]): PairRow => ({
  largeExperts,
  experts,
  points: distinct(pairs.map(({ method }) => method)).map((method) =>
    pointOf(
      method,
      pairs.filter((pair) => pair.method === method),
    ),
  ),
});

/** Gathers pairs for drawing: a panel per task, a row per pair of sizes (by E', then E). */
export const pairPanels = (pairs: readonly SizePair[], tasks: readonly string[]): PairPanel[] =>
  tasks.flatMap((task): PairPanel[] => {
    const own = pairs.filter((pair) => pair.task === task);
    const [first] = own;
    if (first === undefined) return [];
    const ascending = (a: number, b: number): number => a - b;
    const rows = distinct(own.map(({ experts }) => experts))
      .sort(ascending)
      .flatMap((experts) => {
        const toThis = own.filter((pair) => pair.experts === experts);
        return distinct(toThis.map(({ largeExperts }) => largeExperts))
          .sort(ascending)
          .map((largeExperts) =>
            rowOf(
              largeExperts,
              experts,
              toThis.filter((pair) => pair.largeExperts === largeExperts),
            ),
          );
      });
    return [{ task, metric: first.metric, n: minOf(own.map(({ n }) => n)), rows }];
  });

const valuesOf = ({ rows }: PairPanel): number[] =>
  rows.flatMap(({ points }) => points.flatMap(({ low, high, difference }) => [low, high, difference]));

/** Lowest and highest end of any whisker, including 0: accuracies share one axis, each perplexity has its own. */
export const differenceDomain = (panel: PairPanel, panels: readonly PairPanel[]): readonly [number, number] => {
  const shown = panel.metric === 'perplexity' ? [panel] : panels.filter(({ metric }) => metric !== 'perplexity');
  const values = [0, ...shown.flatMap(valuesOf)];
  return [minOf(values), maxOf(values)];
};

/** How to read comparisons of a pruned large model with a small one. */
export const SIZE_PAIR_CAPTION =
  'Row E \u2192 E\u2032: the model with E experts pruned to E\u2032, minus the model trained with E\u2032, ' +
  'on the same items; left of 0 (perplexity: ' +
  'right of 0) the pruned model is worse. Whiskers: two-sided 95 % interval of the paired difference ' +
  '(Tango\u2019s score ' +
  'interval; paired bootstrap for perplexity); for several draws or trainings mean and range. Filled: past ' +
  'the pruned ' +
  'model\u2019s threshold; hollow: within it; pale: undecided.';

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
    svgLine(x.position(point.low), y, x.position(point.high), y, mark.color, { 'stroke-width': 1.1 }),
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
    svgLine(x.position(0), top, x.position(0), bottom, theme.ink, { 'stroke-width': 0.8 }),
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
