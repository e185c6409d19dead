import { scaleLog, scaleSqrt } from 'd3-scale';
import type { FitDocument, ScoredCandidate } from '../contract/fit.ts';
import { type WeightType, weightType } from '../contract/export.ts';
import type { RunManifest } from '../contract/run.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { formatBytes } from '../words/numbers.ts';
import { limitWords } from '../words/fit.ts';
import { methodTitle } from '../words/methods.ts';
import type { FigureTheme } from './colors.ts';
import { fitCurve } from './fit-table.ts';
import { drawMark, type LegendEntry, weightsMark } from './method-marks.ts';
import { drawSmallMultiples } from './small-multiples.ts';
import { type Drawing, pathThrough, svgElement, svgLabel, svgLine, type SvgNode } from './svg.ts';

const PLOT = { width: 560, height: 236, axisRoom: 56, gap: 12, below: 50 } as const;
const RADIUS = 4;
/** Opacity of candidates that answered only a part of the scoring items. */
const PART_OPACITY = 0.45;

export const FIT_CAPTION =
  'Each mark is a candidate: its colour is the type of its weights, its shape the method, the hexagon a model with every ' +
  'expert. The line joins those that lose least for their bytes; whiskers are 95 % intervals. Paler marks answered a part ' +
  'of the items. Rings: the recommended model (thick) and the finalists. The scale of the loss is a square root.';

/** Losses that are labelled, as far as the axis reaches. */
const LOSSES = [0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30] as const;

const isScored = (candidate: ScoredCandidate): candidate is ScoredCandidate & { loss: object } =>
  candidate.loss !== null;

/** Loss of the right answer over bytes: all scored candidates of a search, and the best curve; null before any. */
export const fitFigure = (document: FitDocument, manifest: RunManifest, theme: FigureTheme): Drawing | null => {
  const scored = document.candidates.filter(isScored);
  if (scored.length === 0) return null;
  const { limit } = document.settings;
  const types = weightType.options.filter((type) => scored.some(({ weights }) => weights === type));
  const methods = [...new Set(scored.flatMap(({ method }) => method ?? []))];
  const markOf = ({ weights, method }: { readonly weights: WeightType; readonly method: string | null }) =>
    weightsMark(weights, method, theme);
  const legend: readonly LegendEntry[] = [
    ...types.map((type) => ({ label: type, mark: weightsMark(type, null, theme) })),
    ...methods.map((method) => ({
      label: methodTitle(method),
      mark: { ...weightsMark('stored', method, theme), color: theme.muted, dash: '0 100' },
    })),
  ];
  const { width, height, axisRoom, gap, below } = PLOT;
  return drawSmallMultiples({
    title: `${document.model} on ${document.task}: loss over bytes`,
    description: `${String(scored.length)} candidates for ${limitWords(limit)}.`,
    caption: FIT_CAPTION,
    manifest,
    theme,
    legend,
    cell: { width: axisRoom + width + gap, height: height + below, axisRoom, plotWidth: width },
    panels: [(left, top) => drawPlot(document, scored, markOf, theme, { left, top })],
  });
};

const drawPlot = (
  document: FitDocument,
  scored: readonly (ScoredCandidate & { loss: object })[],
  markOf: (candidate: ScoredCandidate) => ReturnType<typeof weightsMark>,
  theme: FigureTheme,
  { left, top }: { readonly left: number; readonly top: number },
): SvgNode => {
  const { width, height } = PLOT;
  const [right, bottom] = [left + width, top + height];
  const { limit } = document.settings;
  const limits = limit.kind === 'bytes' ? [limit.bytes] : [];
  const sizes = [...scored.map(({ bytes }) => bytes), ...limits];
  const [least, most] = [minOf(sizes) / 1.1, maxOf(sizes) * 1.1];
  const x = scaleLog([least, most], [left + 8, right - 8]);
  const highest = Math.max(0.02, maxOf(scored.map(({ loss }) => loss?.mean ?? 0)));
  const y = scaleSqrt([0, highest * 1.1], [bottom, top + 6]);
  const at = (loss: number): number => y(Math.max(0, Math.min(highest * 1.1, loss)));
  const curve = fitCurve(document);
  const onCurve = new Set(curve.map(({ name }) => name));
  const all = maxOf(scored.map(({ items }) => items));
  const ratio = (most / least) ** (1 / 4);
  const ticks = [0.5, 1.5, 2.5, 3.5].map((step) => least * ratio ** step);
  const mark = (candidate: ScoredCandidate): SvgNode => {
    const { name, bytes, loss, items } = candidate;
    if (loss === null) return svgElement('g', {});
    const [px, py] = [x(bytes), at(loss.mean)];
    const isChosen = name === document.recommended;
    const isRinged = isChosen || document.finalists.includes(name);
    return svgElement(
      'g',
      items < all ? { opacity: PART_OPACITY } : {},
      onCurve.has(name) ? svgLine(px, at(loss.low), px, at(loss.high), markOf(candidate).color) : [],
      drawMark(markOf(candidate), px, py, RADIUS),
      isRinged
        ? svgElement('circle', {
            cx: px,
            cy: py,
            r: RADIUS + 4,
            fill: 'none',
            stroke: theme.ink,
            'stroke-width': isChosen ? 2.4 : 1,
          })
        : [],
    );
  };
  return svgElement(
    'g',
    {},
    LOSSES.filter((loss) => loss <= highest * 1.1).map((loss) =>
      svgElement(
        'g',
        {},
        svgLine(left, at(loss), right, at(loss), theme.grid),
        svgLabel(left - 7, at(loss) + 3.5, String(loss), { 'text-anchor': 'end', fill: theme.muted }),
      ),
    ),
    ticks.map((tick) =>
      svgLabel(x(tick), bottom + 16, formatBytes(tick), { 'text-anchor': 'middle', fill: theme.muted }),
    ),
    svgLine(left, bottom, right, bottom, theme.muted),
    limits.flatMap((bytes) => [
      svgLine(x(bytes), top, x(bytes), bottom, theme.ink, { 'stroke-dasharray': '4 3' }),
      svgLabel(x(bytes) - 5, top + 12, 'limit', { 'text-anchor': 'end', fill: theme.ink }),
    ]),
    svgElement('path', {
      d: pathThrough(curve.map(({ bytes, loss }) => [x(bytes), at(loss?.mean ?? 0)])),
      fill: 'none',
      stroke: theme.muted,
      'stroke-width': 4,
      'stroke-opacity': 0.4,
      'stroke-linejoin': 'round',
    }),
    scored.map(mark),
    svgLabel(left - 44, (top + bottom) / 2, 'answer loss (nats)', {
      'text-anchor': 'middle',
      fill: theme.muted,
      transform: `rotate(-90 ${String(left - 44)} ${String((top + bottom) / 2)})`,
    }),
    svgLabel((left + right) / 2, bottom + 36, 'weights', { 'text-anchor': 'middle', fill: theme.muted }),
  );
};
