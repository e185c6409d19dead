import type { RunManifest } from '../contract/run.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import type { FigureTheme } from './colors.ts';
import type { CurvePanel, CurvePoint, CurveSeries, CurveSheet } from './curve-panels.ts';
import { BAND_OPACITY, drawMark, type MethodMark, methodMarks } from './method-marks.ts';
import { methodTitle } from '../words/methods.ts';
import {
  drawAcrossTicks,
  drawAcrossTitle,
  drawPanelHead,
  drawSmallMultiples,
  drawUpwardTicks,
  drawUpwardTitle,
  tickText,
} from './small-multiples.ts';
import { type Drawing, pathThrough, svgElement, svgLabel, svgLine, type SvgNode } from './svg.ts';
import { isNothingToLose, type Threshold } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { itemsNeeded } from '../evaluation/verdicts.ts';
import { verdictText } from '../words/verdicts.ts';
import { type AxisScale, factorScale, linearScale } from './scales.ts';

/** Size of a panel in pixels without its strip of thresholds; below it ticks and title of the axis. */
const PANEL = { width: 250, height: 216, axisRoom: 52, gap: 18, below: 54 } as const;

const valuesOf = (panel: CurvePanel): number[] => [
  panel.unpruned,
  ...(panel.margin === null ? [] : [panel.margin]),
  ...panel.series.flatMap(({ points }) => points.flatMap(({ low, high, value }) => [low, high, value])),
];

/** Accuracies share one axis within 0..1 over the sheet, so that panels are comparable; each perplexity has its own. */
const domainOf = (panel: CurvePanel, sheet: CurveSheet): readonly [number, number] => {
  if (panel.metric === 'perplexity') {
    const values = valuesOf(panel);
    return [minOf(values), maxOf(values)];
  }
  const values = sheet.panels.filter(({ metric }) => metric !== 'perplexity').flatMap(valuesOf);
  return [Math.max(0, minOf(values)), Math.min(1, maxOf(values))];
};

/** A method's name, and for several draws the meaning of its points. */
const legendLabel = (sheet: CurveSheet, method: string): string => {
  const drawn = sheet.panels.flatMap(({ series }) => series.filter((one) => one.method === method));
  const draws = maxOf([1, ...drawn.map((one) => one.draws)]);
  return draws > 1 ? `${methodTitle(method)} (mean and range of ${draws} draws)` : methodTitle(method);
};

const withMethods = (sheet: CurveSheet, shown: readonly string[]): CurveSheet => ({
  ...sheet,
  panels: sheet.panels.map((panel) => ({
    ...panel,
    series: panel.series.filter(({ method }) => shown.includes(method)),
  })),
});

/**
 * Accuracy (or perplexity) against pruning factor for one model: a small multiple per task, curves of `shown` methods.
 */
export const curveFigure = (
  whole: CurveSheet,
  rule: string,
  manifest: RunManifest,
  theme: FigureTheme,
  shown: readonly string[] = whole.methods,
): Drawing => {
  const sheet = withMethods(whole, shown);
  const marks = methodMarks(whole.methods, theme, shown);
  const points = sheet.panels.flatMap(({ series }) => series.flatMap((one) => one.points));
  const curtailed = sheet.panels.flatMap(({ series }) => series.flatMap((one) => one.curtailed));
  const largestFactor = maxOf([2, ...points.map(({ factor }) => factor), ...curtailed]);
  const { width, height: plotHeight, axisRoom, gap, below } = PANEL;
  const height = stripHeight(marks.size) + plotHeight;
  return drawSmallMultiples({
    title: `${sheet.model}: quality against pruning factor`,
    description: `${sheet.panels.length} tasks, methods ${[...marks.keys()].join(', ')}. ${rule}`,
    caption: `${curveCaption(sheet)} ${rule}`,
    manifest,
    theme,
    legend: [...marks].map(([method, mark]) => ({ label: legendLabel(sheet, method), mark })),
    cell: { width: axisRoom + width + gap, height: height + below, axisRoom, plotWidth: width },
    panels: sheet.panels.map((panel) => (left, top) => {
      const domain = domainOf(panel, sheet);
      return svgElement(
        'g',
        {},
        drawCurvePanel(panel, { left, top, width, height, largestFactor, domain, marks, theme }),
        drawUpwardTitle(left - 38, top + height - (plotHeight - 22) / 2, axisTitle(panel.metric), theme),
        drawAcrossTitle(left + width / 2, top + height, 'pruning factor (experts before / after)', theme),
      );
    }),
  });
};

/**
 * Horizontal offset in pixels between methods at one factor, to separate their whiskers; smaller for many methods, so
 * that none drifts away from its factor.
 */
const dodge = (methods: number): number => Math.min(4, 16 / methods);
const STRIP_ROW = 11;
const RADIUS = 3.6;

interface PanelFrame {
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

const drawAxes = (panel: CurvePanel, frame: PanelFrame, plotTop: number, x: AxisScale, y: AxisScale): SvgNode[] => {
  const { left, width, theme } = frame;
  const bottom = frame.top + frame.height;
  return [
    ...drawUpwardTicks(y, [left, left + width], (tick) => tickText(tick, panel.metric), theme),
    ...drawAcrossTicks(x, [plotTop, bottom], String, theme),
    svgLine(left, bottom, left + width, bottom, theme.muted),
    svgLine(left, y.position(panel.unpruned), left + width, y.position(panel.unpruned), theme.ink, {
      'stroke-width': 0.8,
    }),
    ...(panel.margin === null
      ? []
      : [
          svgLine(left, y.position(panel.margin), left + width, y.position(panel.margin), theme.ink, {
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
    svgElement('path', {
      d: pathThrough(series.points.map(at)),
      fill: 'none',
      'stroke-dasharray': mark.dash,
      ...stroke,
    }),
    ...series.points
      .filter(({ factor }) => factor > 1)
      .flatMap((point) => {
        const [px, py] = at(point);
        return [
          // Near accuracy 1 the interval of the difference exceeds the range of accuracies.
          svgLine(
            px,
            y.position(Math.max(lowest, point.low)),
            px,
            y.position(Math.min(highest, point.high)),
            mark.color,
            {
              'stroke-width': 1,
            },
          ),
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
    const needed = isNothingToLose(threshold.verdict)
      ? verdictText(threshold.verdict)
      : `cannot tell: fewer than ${itemsNeeded(delta, metric)} ${unit}`;
    return [svgLabel(frame.left + 4, rowY + 3, needed, { 'font-size': 9, fill: mark.color })];
  }
  const from = x.position(lastSafe);
  if (firstUnsafe === null) {
    const tip = from + 13;
    return [
      svgLine(from, rowY, tip, rowY, mark.color, faint),
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
    svgLine(from, rowY, to, rowY, mark.color, faint),
    svgLine(to, rowY - 3.5, to, rowY + 3.5, mark.color, { 'stroke-width': 1.4 }),
    drawMark(mark, from, rowY, RADIUS, lastSafe === 1 ? frame.theme : undefined),
  ];
};

/** One small multiple: task, strip of thresholds, axes and a curve per method. */
const drawCurvePanel = (panel: CurvePanel, frame: PanelFrame): SvgNode => {
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

/** How a candidate is drawn that stopped early. */
const CURTAILED_CAPTION =
  'Cross on the axis: unsafe, decided before every item was answered, so there is no value; larger factors of that ' +
  'curve were not needed.';

/** How a method measured with several seeds is drawn. */
const DRAWS_CAPTION =
  'Several draws of a method: their mean, bar and band from the lowest to the highest value; its threshold is safe ' +
  'in every draw. ';

/** How to read the curves of a sheet, beside the threshold rule. */
export const curveCaption = (sheet: CurveSheet): string => {
  const metrics = new Set<MetricName>(sheet.panels.map(({ metric }) => metric));
  const intervals = [
    ...([...metrics].some((metric) => metric !== 'perplexity')
      ? ["Tango's score interval for paired proportions"]
      : []),
    ...(metrics.has('perplexity') ? ['paired bootstrap for perplexity'] : []),
  ].join('; ');
  const drawn = sheet.panels.some(({ series }) => series.some(({ draws }) => draws > 1));
  const isCut = sheet.panels.some(({ series }) => series.some(({ curtailed }) => curtailed.length > 0));
  return (
    `Whiskers: two-sided 95 % interval of the difference to the unpruned model on the same items, about its value ` +
    `(${intervals}). ${drawn ? DRAWS_CAPTION : ''}Solid line: unpruned model; dotted line: the margin. Above each ` +
    'plot, per method: mark at ' +
    'the threshold factor, bar at the first unsafe one; an arrow means that every tested factor is safe, a ' +
    'hollow mark that none is.' +
    (isCut ? ` ${CURTAILED_CAPTION}` : '')
  );
};
