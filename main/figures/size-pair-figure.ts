import type { RunManifest } from '../contract/run.ts';
import type { SizePair, SizeTrendDocument } from '../contract/size-trend.ts';
import type { MetricName } from '../contract/task.ts';
import type { FigureTheme } from './colors.ts';
import { drawMark, drawMethodLegend, LEGEND_LINE, type MethodMark, methodMarks } from './method-marks.ts';
import { type AxisScale, linearScale } from './scales.ts';
import { figureFooter, fitText, svgDocument, svgElement, svgLabel, type SvgNode } from './svg.ts';

/** A method's point in a row: one comparison with its interval, or the mean and range of several. */
export interface PairPoint {
  readonly method: string;
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Draws and trainings behind the point. */
  readonly comparisons: number;
  /** To the large model's threshold: past it where any comparison behind the point is. */
  readonly standing: 'past' | 'within' | 'unknown';
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

const standingOf = (pairs: readonly SizePair[]): PairPoint['standing'] => {
  if (pairs.some(({ pastThreshold }) => pastThreshold === true)) return 'past';
  return pairs.every(({ pastThreshold }) => pastThreshold === false) ? 'within' : 'unknown';
};

const pointOf = (method: string, pairs: readonly SizePair[]): PairPoint => {
  const [only] = pairs;
  const standing = standingOf(pairs);
  if (pairs.length === 1 && only !== undefined) {
    const { difference, low, high } = only;
    return { method, difference, low, high, comparisons: 1, standing };
  }
  const differences = pairs.map(({ difference }) => difference);
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
  return {
    method,
    difference: mean,
    low: Math.min(...differences),
    high: Math.max(...differences),
    comparisons: pairs.length,
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

/** Pairs gathered for drawing: a panel per task, a row per pair of sizes (by E', then E). */
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
    return [{ task, metric: first.metric, n: Math.min(...own.map(({ n }) => n)), rows }];
  });

const MARGIN = 24;
const COLUMNS = 3;
const CELL_WIDTH = 320;
const LABEL_ROOM = 58;
const PLOT_WIDTH = 246;
const HEADER = 22;
const BELOW = 50;
const METHOD_STEP = 8;
const ROW_PADDING = 12;
const RADIUS = 3.4;

/** How to read the figure. */
export const SIZE_PAIR_CAPTION =
  'Row E \u2192 E\u2032: the model with E experts pruned to E\u2032, minus the model trained with E\u2032, on the same items; left of 0 (perplexity: ' +
  'right of 0) the pruned model is worse. Whiskers: two-sided 95 % interval of the paired difference (Tango\u2019s score ' +
  'interval; paired bootstrap for perplexity); for several draws or trainings mean and range. Filled: past the pruned ' +
  'model\u2019s threshold; hollow: within it; pale: that cannot be told.';

const rowHeight = (methods: number): number => methods * METHOD_STEP + ROW_PADDING;

/** Height of a small multiple, for dividing a figure between pages. */
export const pairPanelHeight = (rows: number, methods: number): number => HEADER + rows * rowHeight(methods) + BELOW;

const valuesOf = ({ rows }: PairPanel): number[] =>
  rows.flatMap(({ points }) => points.flatMap(({ low, high, difference }) => [low, high, difference]));

/** Differences of accuracy share one axis over the sheet; each perplexity has its own. 0 is always on it. */
const domainOf = (panel: PairPanel, panels: readonly PairPanel[]): readonly [number, number] => {
  const shown = panel.metric === 'perplexity' ? [panel] : panels.filter(({ metric }) => metric !== 'perplexity');
  const values = [0, ...shown.flatMap(valuesOf)];
  return [Math.min(...values), Math.max(...values)];
};

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

interface PanelPlace {
  readonly left: number;
  readonly top: number;
  readonly domain: readonly [number, number];
  readonly marks: ReadonlyMap<string, MethodMark>;
  readonly theme: FigureTheme;
}

const drawPanel = (panel: PairPanel, { left, top, domain, marks, theme }: PanelPlace): SvgNode => {
  const methods = [...marks.keys()];
  const step = rowHeight(methods.length);
  const plotTop = top + HEADER;
  const bottom = plotTop + panel.rows.length * step;
  const x = linearScale(domain, [left + 4, left + PLOT_WIDTH - 4], 4);
  const isPerplexity = panel.metric === 'perplexity';
  const tickText = (tick: number): string =>
    String(Number(((isPerplexity ? 1 : 100) * tick).toPrecision(6))).replace('-', '\u2212');
  const rows = panel.rows.flatMap(({ largeExperts, experts, points }, index) => {
    const rowTop = plotTop + index * step;
    return [
      ...(index % 2 === 1
        ? [
            svgElement('rect', {
              x: left,
              y: rowTop,
              width: PLOT_WIDTH,
              height: step,
              fill: theme.grid,
              'fill-opacity': 0.35,
            }),
          ]
        : []),
      svgLabel(left - 8, rowTop + step / 2 + 4, `${largeExperts} \u2192 ${experts}`, { 'text-anchor': 'end' }),
      ...points.flatMap((point) => {
        const mark = marks.get(point.method);
        const y = rowTop + ROW_PADDING / 2 + (methods.indexOf(point.method) + 0.5) * METHOD_STEP;
        return mark === undefined ? [] : [drawPoint(point, y, x, mark, theme)];
      }),
    ];
  });
  return svgElement(
    'g',
    {},
    svgLabel(left, top + 12, fitText(panel.task, PLOT_WIDTH - 70, 13), { 'font-size': 13, 'font-weight': 600 }),
    svgLabel(left + PLOT_WIDTH, top + 12, `n = ${panel.n}`, { 'text-anchor': 'end', fill: theme.muted }),
    ...x.ticks.flatMap((tick) => [
      svgElement('line', {
        x1: x.position(tick),
        y1: plotTop,
        x2: x.position(tick),
        y2: bottom + 4,
        stroke: theme.grid,
      }),
      svgLabel(x.position(tick), bottom + 16, tickText(tick), { 'text-anchor': 'middle', fill: theme.muted }),
    ]),
    svgElement('line', {
      x1: x.position(0),
      y1: plotTop,
      x2: x.position(0),
      y2: bottom,
      stroke: theme.ink,
      'stroke-width': 0.8,
    }),
    ...rows,
    svgLabel(
      left + PLOT_WIDTH / 2,
      bottom + 31,
      isPerplexity ? 'difference of perplexity' : 'difference of accuracy (points)',
      {
        'text-anchor': 'middle',
        fill: theme.muted,
      },
    ),
  );
};

/** Pruned-large against scratch-small at equal expert count: a small multiple per task, a row per pair of sizes. */
export const sizePairFigure = (
  family: SizeTrendDocument,
  tasks: readonly string[],
  manifest: RunManifest,
  theme: FigureTheme,
): string => {
  const all = pairPanels(family.pairs, family.tasks);
  const panels = all.filter(({ task }) => tasks.includes(task));
  const columns = Math.max(1, Math.min(COLUMNS, panels.length));
  const rows = Math.ceil(panels.length / columns);
  const marks = methodMarks(family.methods, theme);
  const width = 2 * MARGIN + Math.max(columns, 2) * CELL_WIDTH - (CELL_WIDTH - LABEL_ROOM - PLOT_WIDTH);
  const cellHeight = pairPanelHeight(Math.max(0, ...panels.map((panel) => panel.rows.length)), family.methods.length);
  const legend = drawMethodLegend(
    [...marks].map(([label, mark]) => ({ label, mark })),
    { left: MARGIN, right: width - MARGIN, top: 58 },
  );
  const gridTop = 62 + legend.rows * LEGEND_LINE;
  const captionTop = gridTop + rows * cellHeight + 14;
  const footer = figureFooter(
    { caption: SIZE_PAIR_CAPTION, manifest, theme },
    { left: MARGIN, top: captionTop, width },
  );
  const title = 'Pruned from more experts, against trained with as many';
  return svgDocument({
    width,
    height: captionTop + footer.height,
    title,
    description: `${panels.length} tasks, methods ${family.methods.join(', ')}. ${SIZE_PAIR_CAPTION}`,
    manifest,
    theme,
    children: [
      svgLabel(MARGIN, 34, title, { 'font-size': 17, 'font-weight': 600 }),
      ...legend.nodes,
      ...panels.map((panel, index) =>
        drawPanel(panel, {
          left: MARGIN + LABEL_ROOM + (index % columns) * CELL_WIDTH,
          top: gridTop + Math.floor(index / columns) * cellHeight,
          domain: domainOf(panel, all),
          marks,
          theme,
        }),
      ),
      ...footer.nodes,
    ],
  });
};
