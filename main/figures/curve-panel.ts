import type { Threshold } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { itemsNeeded } from '../evaluation/verdicts.ts';
import { verdictText } from '../words/verdicts.ts';
import type { FigureTheme } from './colors.ts';
import type { CurvePanel, CurvePoint, CurveSeries } from './curve-panels.ts';
import { BAND_OPACITY, drawMark, type MethodMark } from './method-marks.ts';
import { type AxisScale, factorScale, linearScale } from './scales.ts';
import { drawAcrossTicks, drawPanelHead, drawUpwardTicks, tickText } from './small-multiples.ts';
import { svgElement, svgLabel, type SvgNode } from './svg.ts';

/**
 * Horizontal offset in pixels between methods at one factor, to separate their whiskers; smaller for many methods, so
 * that none drifts away from its factor.
 */
const dodge = (methods: number): number => Math.min(4, 16 / methods);
const STRIP_ROW = 11;
const RADIUS = 3.6;

export interface PanelFrame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Largest factor of the sheet: all panels share the axis. */
  readonly largestFactor: number;
  /** Range of the vertical axis. */
  readonly domain: readonly [number, number];
  readonly marks: ReadonlyMap<string, MethodMark>;
  readonly theme: FigureTheme;
}

/** Height of the strip of thresholds above the plot, one row per method. */
export const stripHeight = (methods: number): number => methods * STRIP_ROW + 6;

export const axisTitle = (metric: MetricName): string =>
  ({
    acc: 'accuracy (%)',
    acc_norm: 'accuracy, length-normalised (%)',
    perplexity: 'perplexity',
    exact_match: 'exact match (%)',
    ending: 'texts that end (%)',
  })[metric];

const line = (
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  stroke: string,
  extra: Readonly<Record<string, string | number>> = {},
): SvgNode => svgElement('line', { x1, y1, x2, y2, stroke, ...extra });

const drawAxes = (panel: CurvePanel, frame: PanelFrame, plotTop: number, x: AxisScale, y: AxisScale): SvgNode[] => {
  const { left, width, theme } = frame;
  const bottom = frame.top + frame.height;
  return [
    ...drawUpwardTicks(y, [left, left + width], (tick) => tickText(tick, panel.metric), theme),
    ...drawAcrossTicks(x, [plotTop, bottom], String, theme),
    line(left, bottom, left + width, bottom, theme.muted),
    line(left, y.position(panel.unpruned), left + width, y.position(panel.unpruned), theme.ink, {
      'stroke-width': 0.8,
    }),
    ...(panel.margin === null
      ? []
      : [
          line(left, y.position(panel.margin), left + width, y.position(panel.margin), theme.ink, {
            'stroke-width': 0.8,
            'stroke-dasharray': '2 2',
          }),
        ]),
  ];
};

/** A candidate that stopped early: a cross on the axis at its factor, since it has no value. */
const drawCurtailed = (factor: number, shift: number, mark: MethodMark, x: AxisScale, bottom: number): SvgNode => {
  const [px, py, r] = [x.position(factor) + shift, bottom - 5, 3];
  return svgElement('path', {
    class: 'curtailed',
    d: `M${px - r} ${py - r}l${2 * r} ${2 * r}M${px - r} ${py + r}l${2 * r} ${-2 * r}`,
    fill: 'none',
    stroke: mark.color,
    'stroke-width': 1.4,
  });
};

const drawSeries = (
  series: CurveSeries,
  shift: number,
  mark: MethodMark,
  x: AxisScale,
  y: AxisScale,
  [lowest, highest]: readonly [number, number],
): SvgNode[] => {
  const at = ({ factor, value }: CurvePoint): readonly [number, number] => [
    x.position(factor) + (factor > 1 ? shift : 0),
    y.position(value),
  ];
  const path = series.points.map((point, index) => {
    const [px, py] = at(point);
    return `${index === 0 ? 'M' : 'L'}${px.toFixed(2)} ${py.toFixed(2)}`;
  });
  const stroke = { stroke: mark.color, 'stroke-width': 1.6 };
  const edge = (of: (point: CurvePoint) => number): string[] =>
    series.points.map((point) => `${at(point)[0].toFixed(2)} ${y.position(of(point)).toFixed(2)}`);
  const band = [...edge(({ high }) => high), ...edge(({ low }) => low).reverse()];
  return [
    ...(series.draws > 1
      ? [
          svgElement('path', {
            class: 'draws',
            d: `M${band.join('L')}Z`,
            fill: mark.color,
            'fill-opacity': BAND_OPACITY,
          }),
        ]
      : []),
    svgElement('path', { d: path.join(''), fill: 'none', 'stroke-dasharray': mark.dash, ...stroke }),
    ...series.points
      .filter(({ factor }) => factor > 1)
      .flatMap((point) => {
        const [px, py] = at(point);
        return [
          // Near accuracy 1 the interval of the difference exceeds the range of accuracies.
          line(px, y.position(Math.max(lowest, point.low)), px, y.position(Math.min(highest, point.high)), mark.color, {
            'stroke-width': 1,
          }),
          drawMark(mark, px, py, RADIUS),
        ];
      }),
  ];
};

/** One row of the strip: the mark at the threshold, then a bracket to the first unsafe factor, or an arrow. */
const drawThreshold = (
  threshold: Threshold,
  metric: MetricName,
  rowY: number,
  mark: MethodMark,
  frame: PanelFrame,
  x: AxisScale,
): SvgNode[] => {
  const { lastSafe, firstUnsafe, delta } = threshold;
  const faint = { 'stroke-width': 1 };
  if (lastSafe === null) {
    const unit = metric === 'perplexity' ? 'texts' : 'items';
    const needed =
      threshold.verdict === 'at-chance'
        ? verdictText(threshold.verdict)
        : `cannot tell: fewer than ${itemsNeeded(delta, metric)} ${unit}`;
    return [svgLabel(frame.left + 4, rowY + 3, needed, { 'font-size': 9, fill: mark.color })];
  }
  const from = x.position(lastSafe);
  if (firstUnsafe === null) {
    const tip = from + 13;
    return [
      line(from, rowY, tip, rowY, mark.color, faint),
      svgElement('path', {
        d: `M${tip - 3.5} ${rowY - 3}L${tip} ${rowY}L${tip - 3.5} ${rowY + 3}`,
        fill: 'none',
        stroke: mark.color,
      }),
      drawMark(mark, from, rowY, RADIUS),
    ];
  }
  const to = x.position(firstUnsafe);
  return [
    line(from, rowY, to, rowY, mark.color, faint),
    line(to, rowY - 3.5, to, rowY + 3.5, mark.color, { 'stroke-width': 1.4 }),
    drawMark(mark, from, rowY, RADIUS, lastSafe === 1 ? frame.theme : undefined),
  ];
};

/** One small multiple: task, strip of thresholds, axes and a curve per method. */
export const drawCurvePanel = (panel: CurvePanel, frame: PanelFrame): SvgNode => {
  const { left, top, width, height, theme, marks } = frame;
  const methods = [...marks.keys()];
  const stripTop = top + 22;
  const plotTop = stripTop + stripHeight(methods.length);
  const bottom = top + height;
  const x = factorScale(frame.largestFactor, [left + 10, left + width - 18]);
  const y = linearScale(frame.domain, [bottom, plotTop + 4]);
  const rowOf = (method: string): number => stripTop + 6 + methods.indexOf(method) * STRIP_ROW;
  const shiftOf = (method: string): number =>
    (methods.indexOf(method) - (methods.length - 1) / 2) * dodge(methods.length);
  const drawn = panel.series.flatMap((series) => {
    const mark = marks.get(series.method);
    if (mark === undefined) return [];
    return [
      ...(series.threshold === null
        ? []
        : drawThreshold(series.threshold, panel.metric, rowOf(series.method), mark, frame, x)),
      ...drawSeries(series, shiftOf(series.method), mark, x, y, frame.domain),
      ...series.curtailed.map((factor) => drawCurtailed(factor, shiftOf(series.method), mark, x, bottom)),
    ];
  });
  return svgElement(
    'g',
    {},
    drawPanelHead(panel, frame, theme),
    svgLabel(left - 6, stripTop + stripHeight(methods.length) / 2 + 2, 'threshold', {
      'text-anchor': 'end',
      'font-size': 9.5,
      fill: theme.muted,
    }),
    drawAxes(panel, frame, stripTop, x, y),
    drawn,
  );
};
