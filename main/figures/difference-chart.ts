import { scaleSymlog } from 'd3-scale';
import type { MetricName } from '../contract/task.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import type { FigureTheme } from './colors.ts';
import type { DifferencePanel, DifferencePoint } from './difference-points.ts';
import { BACK_OPACITY, BAND_OPACITY, drawMark, type MethodMark } from './method-marks.ts';
import { bareFactor, formatSigned } from '../words/numbers.ts';
import { type AxisScale, factorScale } from './scales.ts';
import { drawAcrossTicks, drawUpwardTicks } from './small-multiples.ts';
import { svgElement, svgLabel, type SvgNode } from './svg.ts';

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
export const differenceTick = (value: number, metric: MetricName): string =>
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

const line = (x1: number, y1: number, x2: number, y2: number, stroke: string, width = 1): SvgNode =>
  svgElement('line', { x1, y1, x2, y2, stroke, 'stroke-width': width });

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
        line(at, y.position(low), at, y.position(high ?? difference), color, isOne ? 1.2 : 0.9),
        line(at - bar, y.position(low), at + bar, y.position(low), color, 2),
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
  const path = [{ x: x.position(1), y: y.position(0) }, ...drawn]
    .map((at, index) => `${index === 0 ? 'M' : 'L'}${at.x.toFixed(2)} ${at.y.toFixed(2)}`)
    .join('');
  return svgElement(
    'g',
    { opacity },
    drawBand(drawn, mark.color, { x, y }),
    svgElement('path', {
      d: path,
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
    line(left, y.position(0), left + width, y.position(0), theme.muted),
    svgElement('line', {
      x1: left,
      x2: left + width,
      y1: margin,
      y2: margin,
      stroke: theme.muted,
      'stroke-dasharray': '4 3',
    }),
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
