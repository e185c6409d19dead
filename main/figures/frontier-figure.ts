import { type WeightType, weightType } from '../contract/export.ts';
import { weightsOfLabel } from '../contract/method.ts';
import type { RunManifest } from '../contract/run.ts';
import { type SweepDocument, type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import { type FrontierPoint, frontierPoints, undominatedOf } from '../evaluation/frontier.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { methodTitle } from '../words/methods.ts';
import { domainOf, drawAxisPanel, PANEL } from './axis-figure.ts';
import type { FigureTheme } from './colors.ts';
import { drawMark, type LegendEntry, type MethodMark, weightsMark } from './method-marks.ts';
import type { AxisScale } from './scales.ts';
import { drawSmallMultiples } from './small-multiples.ts';
import { type Drawing, pathThrough, svgElement, svgLine, type SvgNode } from './svg.ts';

const RADIUS = 3.6;
/** Opacity of points that another one of their type beats. */
const BEATEN_OPACITY = 0.4;

export const FRONTIER_CAPTION =
  'Each mark is a measured model: its colour is the type of its weights, its shape the method, the hexagon the ' +
  'unpruned model. A line joins the models of a type that no other one of that type beats in both accuracy and ' +
  'bytes; paler marks are beaten. The broad grey line joins those that none of any type beats. Lines run through the ' +
  'best of many measured values and are a little too high: read the intervals (whiskers: two-sided 95 % interval of ' +
  'the difference to the unpruned model on the same items, about its value). Activations are not rounded.';

/** The points of one model, where its sweep measured more than its stored weights. */
const pointsOf = (document: Pick<SweepDocument, 'results'>, model: string): readonly FrontierPoint[] => {
  const points = frontierPoints(document.results.filter((result) => result.model === model));
  return points.some(({ weights }) => weights !== null) ? points : [];
};

export const hasFrontier = (document: Pick<SweepDocument, 'results'>, model: string): boolean =>
  pointsOf(document, model).length > 0;

/** Tasks of a model's points that the frontier shows. */
export const frontierTasks = (document: Pick<SweepDocument, 'results'>, model: string): readonly string[] => [
  ...new Set(pointsOf(document, model).map(({ result }) => result.task)),
];

const typeOf = ({ weights }: FrontierPoint): WeightType => weights ?? 'stored';
const methodOf = ({ result }: FrontierPoint): string => weightsOfLabel(result.method).bare;
const isWhole = (point: FrontierPoint): boolean => methodOf(point) === UNPRUNED;

const frontierPath = (points: readonly FrontierPoint[], x: AxisScale, y: AxisScale): string =>
  pathThrough(points.map(({ bytes, result }) => [x.position(bytes / 1e6), y.position(result.value)]));

const drawTypes = (
  points: readonly FrontierPoint[],
  first: SweepResult,
  markOf: (point: FrontierPoint) => MethodMark,
  theme: FigureTheme,
  [x, y]: readonly [x: AxisScale, y: AxisScale],
): readonly SvgNode[] => {
  const unpruned = first.value - first.difference;
  const types = weightType.options.filter((type) => points.some((point) => typeOf(point) === type));
  const drawType = (type: WeightType): readonly SvgNode[] => {
    const own = points.filter((point) => typeOf(point) === type);
    const best = new Set(undominatedOf(own));
    const [{ color: stroke, dash } = { color: theme.ink, dash: 'none' }] = own.map(markOf);
    return [
      svgElement('path', {
        d: frontierPath([...best], x, y),
        fill: 'none',
        stroke,
        'stroke-width': 1.6,
        'stroke-dasharray': dash,
      }),
      ...own.map((point) => {
        const { result, bytes } = point;
        const { color } = markOf(point);
        const px = x.position(bytes / 1e6);
        return svgElement(
          'g',
          best.has(point) ? {} : { opacity: BEATEN_OPACITY },
          svgLine(px, y.position(unpruned + result.low), px, y.position(unpruned + result.high), color),
          drawMark(markOf(point), px, y.position(result.value), RADIUS),
        );
      }),
    ];
  };
  return [
    svgElement('path', {
      d: frontierPath(
        points.filter(({ isUndominated }) => isUndominated),
        x,
        y,
      ),
      fill: 'none',
      stroke: theme.muted,
      'stroke-width': 6,
      'stroke-opacity': 0.35,
      'stroke-linejoin': 'round',
    }),
    ...types.flatMap(drawType),
  ];
};

/** Accuracy (or perplexity) of one model against the bytes of its weights: a panel per task, a line per weight type. */
export const frontierFigure = (
  document: SweepDocument,
  model: string,
  manifest: RunManifest,
  theme: FigureTheme,
  tasks = frontierTasks(document, model),
): Drawing => {
  const points = pointsOf(document, model);
  const results = points.map(({ result }) => result);
  const methods = [...new Set(points.filter((point) => !isWhole(point)).map(methodOf))];
  const markOf = (point: FrontierPoint): MethodMark =>
    weightsMark(typeOf(point), isWhole(point) ? null : methodOf(point), theme);
  const types = weightType.options.filter((type) => points.some((point) => typeOf(point) === type));
  const sizes = points.map(({ bytes }) => bytes / 1e6);
  const span = [minOf(sizes), maxOf(sizes)] as const;
  const legend: readonly LegendEntry[] = [
    ...types.map((type) => ({ label: type, mark: weightsMark(type, null, theme) })),
    ...methods.map((method) => ({
      label: methodTitle(method),
      mark: { ...weightsMark('stored', method, theme), color: theme.muted, dash: '0 100' },
    })),
  ];
  const { width, height, axisRoom, gap, below } = PANEL;
  return drawSmallMultiples({
    title: `${model}: prune or quantise?`,
    description: `${tasks.length} tasks, weights ${types.join(', ')}, methods ${methods.join(', ')}.`,
    caption: FRONTIER_CAPTION,
    manifest,
    theme,
    legend,
    cell: { width: axisRoom + width + gap, height: height + below, axisRoom, plotWidth: width },
    panels: tasks.map((task) => (left, top) => {
      const own = points.filter(({ result }) => result.task === task);
      const domain = domainOf(
        results,
        own.map(({ result }) => result),
      );
      const first = own[0]?.result;
      return first === undefined
        ? svgElement('g', {})
        : drawAxisPanel(first, { left, top, domain, span, across: 'weights (MB)', theme }, (x, y) =>
            drawTypes(own, first, markOf, theme, [x, y]),
          );
    }),
  });
};
