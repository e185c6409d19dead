import type { RunManifest } from '../contract/run.ts';
import type { SweepDocument, SweepResult } from '../contract/sweep.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { axisTitle } from './curve-panel.ts';
import type { FigureTheme } from './colors.ts';
import { drawMark, methodMarks, type MethodMark } from './method-marks.ts';
import { methodTitle } from './method-titles.ts';
import { linearScale } from './scales.ts';
import {
  drawAcrossTicks,
  drawAcrossTitle,
  drawPanelHead,
  drawSmallMultiples,
  drawUpwardTicks,
  drawUpwardTitle,
  tickText,
} from './small-multiples.ts';
import { type Drawing, svgElement, type SvgNode } from './svg.ts';

/** Pixels of a panel; `below` it are ticks and title of the axis, above it its head. */
const PANEL = { width: 250, height: 216, axisRoom: 52, gap: 18, below: 54, head: 22 } as const;
const RADIUS = 3.6;

/** How to read quality against bytes. */
export const BYTES_CAPTION =
  'Each mark is a measured model, every seed by itself; the line of a method runs from its smallest model to the ' +
  'unpruned one (solid line across). Whiskers: two-sided 95 % interval of the difference to the unpruned model on ' +
  'the same items, about its value. Bytes are those of all weights in their stored types.';

type Costed = SweepResult & { readonly cost: NonNullable<SweepResult['cost']> };

const hasCost = (result: SweepResult): result is Costed => result.cost !== undefined;

const distinct = <T>(items: readonly T[]): T[] => [...new Set(items)];

/** Points of one model whose size is known. */
const costed = ({ results }: Pick<SweepDocument, 'results'>, model: string): readonly Costed[] =>
  results.filter(hasCost).filter((result) => result.model === model);

/** Whether there is a picture of a model's quality against its size: some pruned point tells its bytes. */
export const hasBytes = (document: Pick<SweepDocument, 'results'>, model: string): boolean =>
  costed(document, model).some(({ factor }) => factor > 1);

interface Frame {
  readonly left: number;
  readonly top: number;
  readonly domain: readonly [number, number];
  readonly sizes: readonly [number, number];
  readonly marks: ReadonlyMap<string, MethodMark>;
  readonly theme: FigureTheme;
}

const megabytes = ({ cost }: Costed): number => cost.bytes / 1e6;

const drawPanel = (results: readonly Costed[], { left, top, domain, sizes, marks, theme }: Frame): SvgNode => {
  const { width, height, head } = PANEL;
  const [first] = results;
  if (first === undefined) return svgElement('g', {});
  const [plotTop, bottom] = [top + head, top + height];
  const x = linearScale(sizes, [left + 10, left + width - 10]);
  const y = linearScale(domain, [bottom, plotTop + 4]);
  const unpruned = first.value - first.difference;
  const curve = (method: string, mark: MethodMark): readonly SvgNode[] => {
    const points = results
      .filter((result) => result.method === method && result.factor > 1)
      .sort((a, b) => a.cost.bytes - b.cost.bytes);
    const whole = results.filter(({ factor }) => factor === 1).slice(0, 1);
    const path = [...points, ...whole].map(
      (result, index) =>
        `${index === 0 ? 'M' : 'L'}${x.position(megabytes(result)).toFixed(2)} ${y.position(result.value).toFixed(2)}`,
    );
    return [
      svgElement('path', {
        d: path.join(''),
        fill: 'none',
        stroke: mark.color,
        'stroke-width': 1.6,
        'stroke-dasharray': mark.dash,
      }),
      ...points.flatMap((result) => {
        const [px, low, high] = [x.position(megabytes(result)), unpruned + result.low, unpruned + result.high];
        return [
          svgElement('line', { x1: px, y1: y.position(low), x2: px, y2: y.position(high), stroke: mark.color }),
          drawMark(mark, px, y.position(result.value), RADIUS),
        ];
      }),
    ];
  };
  return svgElement(
    'g',
    {},
    drawPanelHead(first, { left, top, width }, theme),
    drawUpwardTicks(y, [left, left + width], (tick) => tickText(tick, first.metric), theme),
    drawAcrossTicks(x, [plotTop, bottom], String, theme),
    svgElement('line', { x1: left, y1: bottom, x2: left + width, y2: bottom, stroke: theme.muted }),
    svgElement('line', {
      x1: left,
      y1: y.position(unpruned),
      x2: left + width,
      y2: y.position(unpruned),
      stroke: theme.ink,
      'stroke-width': 0.8,
    }),
    [...marks].flatMap(([method, mark]) => curve(method, mark)),
    drawUpwardTitle(left - 38, (plotTop + bottom) / 2, axisTitle(first.metric), theme),
    drawAcrossTitle(left + width / 2, bottom, 'weights (MB)', theme),
  );
};

const spanOf = (results: readonly Costed[]): readonly [number, number] => {
  const values = results.flatMap(({ value, difference, low, high }) => [
    value,
    value - difference,
    value - difference + low,
    value - difference + high,
  ]);
  return [minOf(values), maxOf(values)];
};

/** Accuracies share one axis within 0..1, so that panels compare; each perplexity has its own. */
const domainOf = (results: readonly Costed[], task: readonly Costed[]): readonly [number, number] => {
  if (task[0]?.metric === 'perplexity') return spanOf(task);
  const [low, high] = spanOf(results.filter(({ metric }) => metric !== 'perplexity'));
  return [Math.max(0, low), Math.min(1, high)];
};

/** Accuracy (or perplexity) against the bytes of a model's weights: a small multiple per task, a curve per method. */
export const bytesFigure = (
  document: SweepDocument,
  model: string,
  manifest: RunManifest,
  theme: FigureTheme,
): Drawing => {
  const results = costed(document, model);
  const methods = distinct(results.filter(({ factor }) => factor > 1).map(({ method }) => method));
  const marks = methodMarks(methods, theme);
  const sizes = results.map(megabytes);
  const tasks = distinct(results.map(({ task }) => task));
  const { width, height, axisRoom, gap, below } = PANEL;
  return drawSmallMultiples({
    title: `${model}: quality against bytes`,
    description: `${tasks.length} tasks, methods ${methods.join(', ')}.`,
    caption: BYTES_CAPTION,
    manifest,
    theme,
    legend: [...marks].map(([method, mark]) => ({ label: methodTitle(method), mark })),
    cell: { width: axisRoom + width + gap, height: height + below, axisRoom, plotWidth: width },
    panels: tasks.map((task) => (left, top) => {
      const own = results.filter((result) => result.task === task);
      const domain = domainOf(results, own);
      return drawPanel(own, { left, top, domain, sizes: [minOf(sizes), maxOf(sizes)], marks, theme });
    }),
  });
};
