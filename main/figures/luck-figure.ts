import type { RunManifest } from '../contract/run.ts';
import { factorKey, type SweepDocument } from '../contract/sweep.ts';
import { type LuckPoint, luckPoints } from '../evaluation/calibration-luck.ts';
import { groupBy } from '../evaluation/threshold.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { methodTitle } from '../words/methods.ts';
import { formatFactor } from '../words/numbers.ts';
import type { FigureTheme } from './colors.ts';
import { drawMark, type MethodMark, methodMarks } from './method-marks.ts';
import { expertScale, linearScale } from './scales.ts';
import {
  drawAcrossTicks,
  drawAcrossTitle,
  drawPanelHead,
  drawSmallMultiples,
  drawUpwardTicks,
  drawUpwardTitle,
  tickText,
} from './small-multiples.ts';
import { type Drawing, svgElement, svgLine, type SvgNode } from './svg.ts';

const PANEL = { width: 250, height: 180 } as const;
const CELL = { width: 320, height: 250, axisRoom: 52, plotWidth: PANEL.width } as const;
const HEADER = 22;
const RADIUS = 3.6;
/** Space from the sides of a plot to the fewest and the most items. */
const INSET = 22;
/** Distance of the bars of two methods at one number of items. */
const BESIDE = 7;

export const LUCK_CAPTION =
  'Across: calibration items of each draw. Bars: lowest to highest value over the draws; marks and lines: their ' +
  'mean. Thin level lines: the plan of all calibration items.';

/** The pictures of luck that a document has: one for each model and factor with calibration draws. */
export interface LuckPicture extends Pick<LuckPoint, 'model' | 'factor'> {
  readonly points: readonly LuckPoint[];
}

export const luckPictures = (document: SweepDocument, shown?: readonly string[]): readonly LuckPicture[] => {
  const points = luckPoints(document).filter(({ method }) => shown?.includes(method) ?? true);
  return groupBy(points, ({ model, factor }) => [model, factorKey(factor)]).flatMap((own): LuckPicture[] => {
    const [first] = own;
    return first === undefined ? [] : [{ model: first.model, factor: first.factor, points: own }];
  });
};

/** One task: for each method its bars, means and the level of the plan of all items. */
const drawTask = (
  points: readonly LuckPoint[],
  marks: ReadonlyMap<string, MethodMark>,
  { left, top }: { readonly left: number; readonly top: number },
  theme: FigureTheme,
): SvgNode => {
  const { width, height } = PANEL;
  const [right, upper, bottom] = [left + width, top + HEADER, top + height];
  const [{ task, n, metric } = { task: '', n: 0, metric: 'acc' as const }] = points;
  const counts = [...new Set(points.map(({ items }) => items))].sort((one, other) => one - other);
  const x = expertScale(counts, [left + INSET, right - INSET]);
  const values = points.flatMap(({ value, all }) => [
    value.lowest,
    value.highest,
    ...(all === null ? [] : [all.value]),
  ]);
  const y = linearScale([minOf(values), maxOf(values)], [bottom - 8, upper + 8]);
  const methods = [...marks].filter(([method]) => points.some((point) => point.method === method));
  const drawn = methods.flatMap(([method, mark], index): SvgNode[] => {
    const own = points.filter((point) => point.method === method).sort((one, other) => one.items - other.items);
    const beside = (index - (methods.length - 1) / 2) * Math.min(BESIDE, INSET / methods.length);
    const across = ({ items }: LuckPoint): number => x.position(items) + beside;
    const level = own.find(({ all }) => all !== null)?.all;
    const path = own.map((one, at) => `${at === 0 ? 'M' : 'L'}${across(one)} ${y.position(one.value.mean)}`).join('');
    const line = { stroke: mark.color, fill: 'none' } as const;
    return [
      ...(level === undefined || level === null
        ? []
        : [
            svgLine(left, y.position(level.value), right, y.position(level.value), mark.color, {
              'stroke-width': 0.8,
              'stroke-opacity': 0.6,
            }),
          ]),
      svgElement('path', { d: path, ...line, 'stroke-width': 1.6, 'stroke-dasharray': mark.dash }),
      ...own.flatMap((one) => [
        svgLine(across(one), y.position(one.value.lowest), across(one), y.position(one.value.highest), mark.color, {
          'stroke-width': 1.2,
        }),
        drawMark(mark, across(one), y.position(one.value.mean), RADIUS),
      ]),
    ];
  });
  return svgElement(
    'g',
    {},
    drawPanelHead({ task, n }, { left, top, width }, theme),
    drawUpwardTicks(y, [left, right], (tick) => tickText(tick, metric), theme),
    drawAcrossTicks(x, [upper, bottom], String, theme),
    drawn,
    drawUpwardTitle(left - 36, top + 11 + height / 2, metric === 'perplexity' ? 'perplexity' : '% right', theme),
    drawAcrossTitle(left + width / 2, bottom, 'calibration items in a draw', theme),
  );
};

/** Luck over the number of calibration items, for one model and factor: a panel for each task, a line for each method. */
export const luckFigure = (
  document: SweepDocument,
  { model, factor, points }: LuckPicture,
  manifest: RunManifest,
  theme: FigureTheme,
): Drawing => {
  const methods = [...new Set(points.map(({ method }) => method))];
  const marks = methodMarks([...new Set(document.results.map(({ method }) => method))], theme, methods);
  const tasks = groupBy(points, ({ task }) => task);
  const title = `Luck of the calibration items: ${model} at ${formatFactor(factor)}`;
  return drawSmallMultiples({
    title,
    description:
      `${String(tasks.length)} tasks, methods ${methods.join(', ')}, draws of ` +
      `${[...new Set(points.map(({ items }) => items))].join(', ')} calibration items.`,
    caption: `${LUCK_CAPTION} ${document.rule}`,
    manifest,
    theme,
    legend: [...marks].map(([method, mark]) => ({ label: methodTitle(method), mark })),
    cell: CELL,
    panels: tasks.map((own) => (left, top) => drawTask(own, marks, { left, top }, theme)),
  });
};
