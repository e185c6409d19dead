import type {
  ArmTreatment,
  ExperimentAnswer,
  ExperimentCell,
  ExperimentDocument,
  ExperimentQuestion,
} from '../contract/experiment.ts';
import type { RunManifest } from '../contract/run.ts';
import { armWords, methodTitle } from '../words/methods.ts';
import { curveOf } from '../evaluation/experiment/pairs.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import type { FigureTheme } from './colors.ts';
import { drawMark, type MethodMark, methodMarks } from './method-marks.ts';
import { linearScale } from './scales.ts';
import { drawAcrossTicks, drawAcrossTitle, drawPanelHead, drawSmallMultiples, tickText } from './small-multiples.ts';
import { type Drawing, svgElement, svgLabel, svgLine, type SvgNode } from './svg.ts';

const CELL_WIDTH = 320;
const LABEL_ROOM = 66;
const PLOT_WIDTH = 238;
const HEADER = 22;
const BELOW = 50;
const CURVE_STEP = 8;
const ROW_PADDING = 12;
const RADIUS = 3.4;

/** A method has its colour (grey for plain deletions beside folded gates), the treatment of an arm its shape. */
const shapes: Readonly<Record<ArmTreatment, Pick<MethodMark, 'shape' | 'isRecovered' | 'dash'>>> = {
  'as-is': { shape: 'circle', isRecovered: false, dash: '2 3' },
  refit: { shape: 'circle', isRecovered: true, dash: '6 3' },
  tuned: { shape: 'diamond', isRecovered: false, dash: 'none' },
  'two-stage': { shape: 'square', isRecovered: false, dash: 'none' },
  'new-router': { shape: 'triangle', isRecovered: false, dash: '8 3 2 3' },
  'new-router-two-stage': { shape: 'down', isRecovered: false, dash: '8 3 2 3' },
};

interface ExperimentCurve {
  readonly key: string;
  readonly label: string;
  readonly mark: MethodMark;
}

const curvesOf = ({ rows }: ExperimentAnswer, theme: FigureTheme): readonly ExperimentCurve[] => {
  const marks = methodMarks([...new Set(rows.map(({ method }) => method))], theme);
  const curves = new Map(rows.map((row) => [curveOf(row), row]));
  const hasBoth = new Set(rows.map(({ gates }) => gates)).size > 1;
  return [...curves].flatMap(([key, row]) => {
    const mark = marks.get(row.method);
    const label = `${methodTitle(row.method)}, ${armWords(row)}`;
    if (mark === undefined) return [];
    const color = hasBoth && row.gates === null ? theme.muted : mark.color;
    return [{ key, label, mark: { ...mark, ...shapes[row.treatment], color } }];
  });
};

/** How to read the figure of a question. */
export const experimentCaption = (question: ExperimentQuestion): string =>
  'Row E \u2192 E\u2032: the model with E experts pruned to E\u2032, minus ' +
  (question === 'scratch' ? 'the one pretrained with E\u2032' : 'itself unpruned') +
  ', both treated alike (a refitted one against an unchanged one), on the same items; left of 0 the pruned one is ' +
  'worse. Whiskers: two-sided 95 % interval of the paired difference (Tango\u2019s score interval); of several draws ' +
  'the mean, whiskers that span the intervals of all draws, and a thicker line from the lowest to the highest ' +
  'difference.';

const experimentFigureTitle = (question: ExperimentQuestion): string =>
  question === 'scratch' ? 'Pruned against scratch' : 'Pruned against unpruned';

const sizesOf = (pairs: readonly ExperimentCell[]): readonly (readonly [experts: number, kept: number])[] =>
  [
    ...new Map(
      pairs.map(({ experts, kept }) => [`${String(experts)} ${String(kept)}`, [experts, kept] as const]),
    ).values(),
  ].sort((a, b) => a[0] - b[0] || b[1] - a[1]);

const rowHeight = (curves: number): number => curves * CURVE_STEP + ROW_PADDING;

interface Panel {
  readonly task: string;
  readonly cells: readonly ExperimentCell[];
  readonly sizes: ReturnType<typeof sizesOf>;
  readonly curves: readonly ExperimentCurve[];
  readonly domain: readonly [number, number];
  readonly theme: FigureTheme;
}

const drawPanel = ({ task, cells, sizes, curves, domain, theme }: Panel, left: number, top: number): SvgNode => {
  const step = rowHeight(curves.length);
  const plotTop = top + HEADER;
  const bottom = plotTop + sizes.length * step;
  const x = linearScale(domain, [left + 4, left + PLOT_WIDTH - 4], 4);
  const n = minOf(cells.map((cell) => cell.n));
  const line = (from: number, to: number, y: number, { color }: MethodMark, width: number): SvgNode =>
    svgLine(x.position(from), y, x.position(to), y, color, { 'stroke-width': width });
  const drawCell = (cell: ExperimentCell, y: number, mark: MethodMark): SvgNode =>
    svgElement(
      'g',
      {},
      line(cell.low, cell.high, y, mark, 1.1),
      cell.draws > 1 ? [line(cell.lowest, cell.highest, y, mark, 2.6)] : [],
      drawMark(mark, x.position(cell.difference), y, RADIUS),
    );
  const rows = sizes.flatMap(([experts, kept], index) => {
    const rowTop = plotTop + index * step;
    const own = cells.filter((cell) => cell.experts === experts && cell.kept === kept);
    const band = { x: left, y: rowTop, width: PLOT_WIDTH, height: step, fill: theme.grid, 'fill-opacity': 0.35 };
    return [
      ...(index % 2 === 1 ? [svgElement('rect', band)] : []),
      svgLabel(left - 8, rowTop + step / 2 + 4, `${String(experts)} \u2192 ${String(kept)}`, { 'text-anchor': 'end' }),
      ...own.flatMap((cell) => {
        const curveIndex = curves.findIndex(({ key }) => key === curveOf(cell));
        const mark = curves[curveIndex]?.mark;
        const y = rowTop + ROW_PADDING / 2 + (curveIndex + 0.5) * CURVE_STEP;
        return mark === undefined ? [] : [drawCell(cell, y, mark)];
      }),
    ];
  });
  return svgElement(
    'g',
    {},
    drawPanelHead({ task, n }, { left, top, width: PLOT_WIDTH }, theme),
    drawAcrossTicks(x, [plotTop, bottom], (tick) => tickText(tick, 'acc'), theme),
    svgLine(x.position(0), plotTop, x.position(0), bottom, theme.ink, { 'stroke-width': 0.8 }),
    rows,
    drawAcrossTitle(left + PLOT_WIDTH / 2, bottom, 'difference of accuracy (points)', theme),
  );
};

/** One question of an experiment: a small multiple per task, a row per pair of sizes, a mark per method and arm. */
export const experimentFigure = (
  { tasks }: Pick<ExperimentDocument, 'tasks'>,
  answer: ExperimentAnswer,
  manifest: RunManifest,
  theme: FigureTheme,
): Drawing => {
  const curves = curvesOf(answer, theme);
  const sizes = sizesOf(answer.cells);
  const ends = [0, ...answer.cells.flatMap(({ low, high }) => [low, high])];
  const domain = [minOf(ends), maxOf(ends)] as const;
  const panels = tasks.flatMap(({ name }): Panel[] => {
    const cells = answer.cells.filter(({ task }) => task === name);
    return cells.length === 0 ? [] : [{ task: name, cells, sizes, curves, domain, theme }];
  });
  const caption = experimentCaption(answer.question);
  return drawSmallMultiples({
    title: experimentFigureTitle(answer.question),
    description: `${String(panels.length)} tasks: ${curves.map(({ label }) => label).join('; ')}. ${caption}`,
    caption,
    manifest,
    theme,
    legend: curves,
    cell: {
      width: CELL_WIDTH,
      height: HEADER + sizes.length * rowHeight(curves.length) + BELOW,
      axisRoom: LABEL_ROOM,
      plotWidth: PLOT_WIDTH,
    },
    panels: panels.map((panel) => (left, top) => drawPanel(panel, left, top)),
  });
};
