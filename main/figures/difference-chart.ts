import { scaleSymlog } from 'd3-scale';
import type { MetricName } from '../contract/task.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import type { FigureTheme } from './colors.ts';
import { BACK_OPACITY, BAND_OPACITY, drawMark, type MethodMark } from './method-marks.ts';
import { bareFactor, formatSigned } from '../words/numbers.ts';
import { type AxisScale, factorScale } from './scales.ts';
import { drawAcrossTicks, drawUpwardTicks } from './small-multiples.ts';
import { pathThrough, svgElement, svgLabel, svgLine, type SvgNode } from './svg.ts';
import { type DrawCount, type PointVerdict, type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import { type PointOverDraws, pointsOverDraws, spreadOf } from '../evaluation/draws.ts';
import { lowerEndAt, ONE_SIDED_ALPHA, upperEndOf } from '../evaluation/verdicts.ts';
import { compareMethodLabels } from '../words/methods.ts';

/** One draw on the scale of the rule. */
export interface DrawnDifference {
  readonly difference: number;
  /** Its one-sided ends; null if the document does not contain them. */
  readonly low: number | null;
  readonly high: number | null;
  readonly result: SweepResult;
}

/**
 * A method at a factor on the scale of the threshold rule: accuracies, or minus the rise of log-perplexity (nats per
 * token), so that less is worse for both.
 */
export interface DifferencePoint {
  readonly method: string;
  readonly factor: number;
  /** Difference to the unpruned model: for several draws the mean, the lowest and the highest. */
  readonly difference: number;
  readonly lowest: number;
  readonly highest: number;
  /** Safe or worse if every draw is. */
  readonly verdict: PointVerdict;
  readonly safe: DrawCount;
  /** By seed; one for a method without draws. */
  readonly draws: readonly DrawnDifference[];
}

export interface DifferencePanel {
  readonly task: string;
  readonly metric: MetricName;
  readonly n: number;
  readonly delta: number;
  /** By method, then by rising factor. */
  readonly series: readonly { readonly method: string; readonly points: readonly DifferencePoint[] }[];
}

/** Difference of a result to the unpruned model on the scale of the rule. */
export const ruleDifference = ({ metric, value, difference }: SweepResult): number =>
  metric === 'perplexity' ? -Math.log(value / (value - difference)) : difference;

const drawOf = (result: SweepResult, delta: number, alpha: number): DrawnDifference => ({
  difference: ruleDifference(result),
  low: lowerEndAt(result, delta, alpha),
  high: upperEndOf(result, delta),
  result,
});

const pointOf = (
  { method, factor, verdict, safe, results }: PointOverDraws,
  delta: number,
  alpha: number,
): DifferencePoint => {
  const draws = results.map((result) => drawOf(result, delta, alpha));
  const { mean, lowest, highest } = spreadOf(draws.map(({ difference }) => difference));
  return { method, factor, difference: mean, lowest, highest, verdict, safe, draws };
};

/**
 * Results of one model on one task (the caller omits others), with the draws of a factor as one point; null if there is
 * no pruned model. Verdicts come from the document (which requires enough items), else from the margin and the
 * one-sided level given.
 */
export const differencePanel = (
  results: readonly SweepResult[],
  delta: number,
  alpha = ONE_SIDED_ALPHA,
): DifferencePanel | null => {
  const pruned = results.filter(({ factor, method }) => factor > 1 && method !== UNPRUNED);
  const [first] = pruned;
  if (first === undefined) return null;
  const points = pointsOverDraws({ results: pruned }, { delta, alpha });
  const methods = [...new Set(pruned.map(({ method }) => method))].sort(compareMethodLabels);
  const series = methods.map((method) => ({
    method,
    points: points
      .filter((point) => point.method === method)
      .sort((left, right) => left.factor - right.factor)
      .map((point) => pointOf(point, delta, alpha)),
  }));
  return { task: first.task, metric: first.metric, n: first.n, delta, series };
};

/** Position of a chart of differences. */
export interface DifferenceFrame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Right end of the axis of factors. */
  readonly largestFactor: number;
  /** Drawn methods with their marks. */
  readonly marks: ReadonlyMap<string, MethodMark>;
  /** The emphasised method; null: all alike. */
  readonly emphasised: string | null;
  readonly theme: FigureTheme;
}

interface Axes {
  readonly x: AxisScale;
  readonly y: AxisScale;
}

interface Scales extends Axes {
  /** Factor and difference at a place in pixels. */
  readonly at: (x: number, y: number) => { readonly factor: number; readonly difference: number };
}

export interface DrawnPoint {
  readonly point: DifferencePoint;
  readonly x: number;
  readonly y: number;
}

/** The safe side of the margin: a blue that is pale on both backgrounds. */
const SAFE = { fill: '#3f7fcf', opacity: 0.13 } as const;
const RADIUS = 4;
/** Largest offset between the marks of two methods at one factor. */
const DODGE_PX = 9;
const TICK_ROOM_PX = 15;
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10] as const;

export const differenceAxisTitle = (metric: MetricName): string =>
  metric === 'perplexity' ? 'minus rise of log-perplexity (nats)' : 'difference to unpruned (points)';

/** Short label of a value on that axis. */
const differenceTick = (value: number, metric: MetricName): string =>
  metric === 'perplexity'
    ? formatSigned(value, 2)
    : formatSigned(100 * value, Number.isInteger(Math.round(1e6 * value) / 1e4) ? 0 : 1);

const drawn = ({ series }: DifferencePanel, { marks }: Pick<DifferenceFrame, 'marks'>) =>
  series.filter(({ method }) => marks.has(method));

/** Range of the axis: both ends of every interval, and the margin on both sides of 0. */
const domainOf = (panel: DifferencePanel, frame: DifferenceFrame): readonly [number, number] => {
  const values = drawn(panel, frame).flatMap(({ points }) =>
    points.flatMap(({ draws }) =>
      draws.flatMap(({ difference, low, high }) => [difference, low ?? difference, high ?? difference]),
    ),
  );
  return [minOf([-1.6 * panel.delta, ...values]), maxOf([1.6 * panel.delta, ...values])];
};

/**
 * Scales of a chart: factors in doublings; differences linear about 0 and compressed beyond the margin, so that the
 * margin stays readable beside a collapse.
 */
export const differenceScales = (panel: DifferencePanel, frame: DifferenceFrame): Scales => {
  const { left, top, width, height, largestFactor } = frame;
  const scale = scaleSymlog(domainOf(panel, frame), [top + height, top]).constant(panel.delta);
  const [low, high] = domainOf(panel, frame);
  const taken: number[] = [];
  const ticks = [0, ...STEPS.flatMap((step) => [step, -step])].filter((tick) => {
    const y = scale(tick);
    if (tick < low || tick > high || taken.some((other) => Math.abs(other - y) < TICK_ROOM_PX)) return false;
    taken.push(y);
    return true;
  });
  return {
    x: factorScale(largestFactor, [left, left + width]),
    y: { position: (value) => scale(value), ticks },
    at: (x, y) => ({
      factor: Math.max(2, largestFactor) ** ((x - left) / width),
      difference: scale.invert(y),
    }),
  };
};

/** Positions of the points of the shown methods, with methods beside each other at one factor. */
export const drawnPoints = (panel: DifferencePanel, frame: DifferenceFrame): readonly DrawnPoint[] => {
  const { x, y } = differenceScales(panel, frame);
  const shown = drawn(panel, frame);
  const step = Math.min(DODGE_PX, 44 / Math.max(1, shown.length));
  return shown.flatMap(({ points }, index) =>
    points.map((point) => ({
      point,
      x: x.position(point.factor) + (index - (shown.length - 1) / 2) * step,
      y: y.position(point.difference),
    })),
  );
};

/** Offset between the intervals of two draws of one point. */
const DRAW_STEP_PX = 2.4;

/**
 * Draws the interval of every draw of a point: a thin line from end to end, and a bar at the lower end, which decides
 * whether the point is safe. Those of several draws are side by side, paler, each with a dot at its own difference.
 */
const drawIntervals = ({ point: { draws }, x }: DrawnPoint, y: AxisScale, color: string): SvgNode => {
  const isOne = draws.length === 1;
  const bar = isOne ? 4 : 1.2;
  return svgElement(
    'g',
    isOne ? {} : { opacity: 0.6 },
    draws.flatMap(({ difference, low, high }, index) => {
      const at = x + (index - (draws.length - 1) / 2) * DRAW_STEP_PX;
      const dot = isOne ? [] : [svgElement('circle', { cx: at, cy: y.position(difference), r: 1.3, fill: color })];
      if (low === null) return dot;
      return [
        svgLine(at, y.position(low), at, y.position(high ?? difference), color, { 'stroke-width': isOne ? 1.2 : 0.9 }),
        svgLine(at - bar, y.position(low), at + bar, y.position(low), color, { 'stroke-width': 2 }),
        ...dot,
      ];
    }),
  );
};

/** Draws a band from the lowest to the highest draw along the curve; nothing if every point has one draw. */
const drawBand = (drawn: readonly DrawnPoint[], color: string, { x, y }: Axes): SvgNode[] => {
  if (drawn.every(({ point }) => point.draws.length === 1)) return [];
  const start = { x: x.position(1), lowest: 0, highest: 0 };
  const edges = [start, ...drawn.map((at) => ({ x: at.x, ...at.point }))];
  const upper = edges.map((edge) => `${edge.x.toFixed(2)} ${y.position(edge.highest).toFixed(2)}`);
  const lower = edges.map((edge) => `${edge.x.toFixed(2)} ${y.position(edge.lowest).toFixed(2)}`).reverse();
  return [
    svgElement('path', {
      class: 'draws',
      d: `M${[...upper, ...lower].join('L')}Z`,
      fill: color,
      'fill-opacity': BAND_OPACITY,
      stroke: 'none',
    }),
  ];
};

const drawSeries = (drawn: readonly DrawnPoint[], mark: MethodMark, { x, y }: Axes, opacity: number): SvgNode => {
  const points = drawn.map((at) => [at.x, at.y] as const);
  return svgElement(
    'g',
    { opacity },
    drawBand(drawn, mark.color, { x, y }),
    svgElement('path', {
      d: pathThrough([[x.position(1), y.position(0)], ...points]),
      fill: 'none',
      stroke: mark.color,
      'stroke-width': opacity === 1 ? 2 : 1.3,
      'stroke-dasharray': mark.dash,
    }),
    drawn.flatMap((at) => [drawIntervals(at, y, mark.color), drawMark(mark, at.x, at.y, RADIUS)]),
  );
};

/** Differences of the shown methods to the unpruned model over factors, and the band in which a lower end is safe. */
export const drawDifferenceChart = (panel: DifferencePanel, frame: DifferenceFrame): SvgNode => {
  const { left, top, width, height, theme, marks, emphasised } = frame;
  const scales = differenceScales(panel, frame);
  const { x, y } = scales;
  const margin = y.position(-panel.delta);
  const drawn = drawnPoints(panel, frame);
  const order = [...marks.keys()].sort((one, other) => Number(one === emphasised) - Number(other === emphasised));
  return svgElement(
    'g',
    {},
    svgElement('rect', {
      x: left,
      y: top,
      width,
      height: margin - top,
      fill: SAFE.fill,
      'fill-opacity': SAFE.opacity,
    }),
    drawUpwardTicks(y, [left, left + width], (tick) => differenceTick(tick, panel.metric), theme),
    drawAcrossTicks(x, [top, top + height], (factor) => `\u00d7${bareFactor(factor)}`, theme),
    svgLine(left, y.position(0), left + width, y.position(0), theme.muted, { 'stroke-width': 1 }),
    svgLine(left, margin, left + width, margin, theme.muted, { 'stroke-dasharray': '4 3' }),
    svgLabel(
      left + width - 6,
      margin - 5,
      `safe: lower end at ${differenceTick(-panel.delta, panel.metric)} or above`,
      {
        'text-anchor': 'end',
        'font-size': 10,
        fill: theme.muted,
      },
    ),
    order.flatMap((method) => {
      const mark = marks.get(method);
      const own = drawn.filter(({ point }) => point.method === method);
      if (mark === undefined || own.length === 0) return [];
      const isBehind = emphasised !== null && emphasised !== method;
      return [drawSeries(own, mark, scales, isBehind ? BACK_OPACITY[theme.name === 'dark' ? 'dark' : 'light'] : 1)];
    }),
  );
};
