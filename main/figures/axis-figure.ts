import type { RunManifest } from '../contract/run.ts';
import { curveLabel, weightsOfLabel } from '../contract/method.ts';
import { type SweepDocument, type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { axisTitle } from './curve-figure.ts';
import type { FigureTheme } from './colors.ts';
import { drawMark, methodMarks, type MethodMark } from './method-marks.ts';
import { methodTitle } from '../words/methods.ts';
import { type AxisScale, linearScale } from './scales.ts';
import {
  drawAcrossTicks,
  drawAcrossTitle,
  drawPanelHead,
  drawSmallMultiples,
  drawUpwardTicks,
  drawUpwardTitle,
  tickText,
} from './small-multiples.ts';
import { type Drawing, pathThrough, svgElement, svgLine, type SvgNode } from './svg.ts';

/** Size of a panel in pixels: below it ticks and title of the axis, above it its heading. */
export const PANEL = { width: 250, height: 216, axisRoom: 52, gap: 18, below: 54, head: 22 } as const;
const RADIUS = 3.6;

/** Alternatives to the factor as the horizontal axis of quality. */
export const curveAxes = ['kept', 'bytes', 'dropped', 'loss', 'kl'] as const;
export type CurveAxis = (typeof curveAxes)[number];

interface AxisWords {
  /** In titles: "quality against bytes". */
  readonly title: string;
  /** Title of the axis. */
  readonly across: string;
  /** A point's position on the axis; undefined if the document does not contain it. */
  readonly position: (result: SweepResult) => number | undefined;
  readonly note: string;
}

const axisWords: Readonly<Record<CurveAxis, AxisWords>> = {
  kept: {
    title: 'kept experts',
    across: 'experts kept per layer',
    position: ({ kept }) => kept,
    note: 'Where layers differ, their mean.',
  },
  bytes: {
    title: 'bytes',
    across: 'weights (MB)',
    position: ({ cost }) => (cost === undefined ? undefined : cost.bytes / 1e6),
    note: 'Bytes are those of all weights in their types.',
  },
  dropped: {
    title: 'dropped share',
    across: 'dropped share of the routed choices (%)',
    position: ({ droppedShare }) => (droppedShare === undefined ? undefined : 100 * droppedShare),
    note:
      'Dropped share: of the unpruned model\u2019s routed choices on the calibration items, those whose expert is ' +
      'dropped or merged into another one.',
  },
  loss: {
    title: 'answer loss',
    across: 'answer loss (nats)',
    position: ({ answerLoss }) => answerLoss?.mean,
    note: 'Answer loss: log-probability that the right choice loses by pruning, mean over items.',
  },
  kl: {
    title: 'KL',
    across: 'KL to unpruned (nats)',
    position: ({ fidelity }) => fidelity?.kl.mean,
    note:
      'KL: of the next-token distributions from those of the unpruned model, mean over the scored positions of the ' +
      'items.',
  },
};

/** Name of a horizontal axis in words. */
export const axisTitleOf = (axis: CurveAxis): string => axisWords[axis].title;

/** How to read a figure of quality against an axis. */
export const axisCaption = (axis: CurveAxis): string =>
  'Each mark is a measured model, one per seed; the line of a curve runs from the unpruned model (solid line ' +
  'across) to its smallest. Whiskers: two-sided 95 % interval of the difference to the unpruned model on the same ' +
  `items, about its value. ${axisWords[axis].note}`;

interface PositionedResult extends SweepResult {
  readonly at: number;
}

const distinct = <T>(items: readonly T[]): T[] => [...new Set(items)];

/** Points of one model that have a position on the axis. */
const positionedOn = (
  { results }: Pick<SweepDocument, 'results'>,
  model: string,
  axis: CurveAxis,
): readonly PositionedResult[] =>
  results.flatMap((result): PositionedResult[] => {
    const at = result.model === model ? axisWords[axis].position(result) : undefined;
    return at === undefined ? [] : [{ ...result, at }];
  });

/** Whether a figure of a model's quality against an axis is possible: some pruned point has a position on it. */
export const hasAxis = (document: Pick<SweepDocument, 'results'>, model: string, axis: CurveAxis): boolean =>
  positionedOn(document, model, axis).some(({ factor }) => factor > 1);

/** Position of a panel, and ranges of its axes. */
interface AxisFrame {
  readonly left: number;
  readonly top: number;
  /** Range of the values on the vertical axis. */
  readonly domain: readonly [number, number];
  /** Range of the horizontal axis, and its title. */
  readonly span: readonly [number, number];
  readonly across: string;
  readonly theme: FigureTheme;
}

/** A panel of values against an axis: heading, ticks and titles around the marks that `draw` places by both scales. */
export const drawAxisPanel = (
  first: SweepResult,
  { left, top, domain, span, across, theme }: AxisFrame,
  draw: (x: AxisScale, y: AxisScale) => readonly SvgNode[],
): SvgNode => {
  const { width, height, head } = PANEL;
  const [plotTop, bottom] = [top + head, top + height];
  const x = linearScale(span, [left + 10, left + width - 10]);
  const y = linearScale(domain, [bottom, plotTop + 4]);
  return svgElement(
    'g',
    {},
    drawPanelHead(first, { left, top, width }, theme),
    drawUpwardTicks(y, [left, left + width], (tick) => tickText(tick, first.metric), theme),
    drawAcrossTicks(x, [plotTop, bottom], String, theme),
    svgLine(left, bottom, left + width, bottom, theme.muted),
    draw(x, y),
    drawUpwardTitle(left - 38, (plotTop + bottom) / 2, axisTitle(first.metric), theme),
    drawAcrossTitle(left + width / 2, bottom, across, theme),
  );
};

const drawCurves = (
  results: readonly PositionedResult[],
  first: PositionedResult,
  { left, theme }: AxisFrame,
  marks: ReadonlyMap<string, MethodMark>,
  [x, y]: readonly [x: AxisScale, y: AxisScale],
): readonly SvgNode[] => {
  const unpruned = first.value - first.difference;
  const wholeOf = (method: string): readonly PositionedResult[] =>
    results.filter((one) => one.method === curveLabel(UNPRUNED, null, weightsOfLabel(method).weights ?? undefined));
  const curve = (points: readonly PositionedResult[], mark: MethodMark): readonly SvgNode[] => {
    const whole = points.flatMap(({ factor, method }) => (factor === 1 ? [] : wholeOf(method)));
    const path = [...points, ...whole.slice(0, 1)].sort((a, b) => a.at - b.at);
    return [
      svgElement('path', {
        d: pathThrough(path.map(({ at, value }) => [x.position(at), y.position(value)])),
        fill: 'none',
        stroke: mark.color,
        'stroke-width': 1.6,
        'stroke-dasharray': mark.dash,
      }),
      ...points.flatMap((result) => {
        const [px, low, high] = [x.position(result.at), unpruned + result.low, unpruned + result.high];
        return [
          svgLine(px, y.position(low), px, y.position(high), mark.color),
          drawMark(mark, px, y.position(result.value), RADIUS),
        ];
      }),
    ];
  };
  const curvesOf = (method: string): readonly (readonly PositionedResult[])[] => {
    const own = results.filter((result) => result.method === method && isCandidate(result));
    return distinct(own.map(({ seed }) => seed)).map((seed) => own.filter((result) => result.seed === seed));
  };
  return [
    svgLine(left, y.position(unpruned), left + PANEL.width, y.position(unpruned), theme.ink, { 'stroke-width': 0.8 }),
    ...[...marks].flatMap(([method, mark]) => curvesOf(method).flatMap((points) => curve(points, mark))),
  ];
};

/** The unpruned model with rounded weights is a candidate too. */
const isCandidate = ({ factor, method }: SweepResult): boolean => factor > 1 || weightsOfLabel(method).weights !== null;

const spanOf = (results: readonly SweepResult[]): readonly [number, number] => {
  const values = results.flatMap(({ value, difference, low, high }) => [
    value,
    value - difference,
    value - difference + low,
    value - difference + high,
  ]);
  return [minOf(values), maxOf(values)];
};

/** Accuracies share one axis within 0..1, so that panels are comparable; each perplexity has its own. */
export const domainOf = (results: readonly SweepResult[], task: readonly SweepResult[]): readonly [number, number] => {
  if (task[0]?.metric === 'perplexity') return spanOf(task);
  const [low, high] = spanOf(results.filter(({ metric }) => metric !== 'perplexity'));
  return [Math.max(0, low), Math.min(1, high)];
};

/** Tasks of a model's points that have a position on the axis. */
export const axisTasks = (
  document: Pick<SweepDocument, 'results'>,
  model: string,
  axis: CurveAxis,
): readonly string[] => distinct(positionedOn(document, model, axis).map(({ task }) => task));

/**
 * Accuracy (or perplexity) of one model against one of `curveAxes`: a small multiple per task (`tasks`: of these only,
 * on the scales of all), a curve per method and draw.
 */
export const axisFigure = (
  document: SweepDocument,
  model: string,
  axis: CurveAxis,
  manifest: RunManifest,
  theme: FigureTheme,
  tasks = axisTasks(document, model, axis),
): Drawing => {
  const results = positionedOn(document, model, axis);
  const methods = distinct(results.filter(isCandidate).map(({ method }) => method));
  const marks = methodMarks(methods, theme);
  const positions = results.map(({ at }) => at);
  const span = [minOf(positions), maxOf(positions)] as const;
  const { width, height, axisRoom, gap, below } = PANEL;
  const { title, across } = axisWords[axis];
  return drawSmallMultiples({
    title: `${model}: quality against ${title}`,
    description: `${tasks.length} tasks, methods ${methods.join(', ')}.`,
    caption: axisCaption(axis),
    manifest,
    theme,
    legend: [...marks].map(([method, mark]) => ({ label: methodTitle(method), mark })),
    cell: { width: axisRoom + width + gap, height: height + below, axisRoom, plotWidth: width },
    panels: tasks.map((task) => (left, top) => {
      const own = results.filter((result) => result.task === task);
      const [first] = own;
      const frame = { left, top, domain: domainOf(results, own), span, across, theme };
      return first === undefined
        ? svgElement('g', {})
        : drawAxisPanel(first, frame, (x, y) => drawCurves(own, first, frame, marks, [x, y]));
    }),
  });
};
