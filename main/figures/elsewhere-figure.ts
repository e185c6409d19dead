import type { RunManifest } from '../contract/run.ts';
import { factorKey, type SweepDocument, type SweepResult } from '../contract/sweep.ts';
import { type ElsewhereRow, elsewhereRows, rowCells } from '../evaluation/elsewhere.ts';
import { groupBy } from '../evaluation/threshold.ts';
import { methodTitle } from '../words/methods.ts';
import { formatDifference, formatFactor } from '../words/numbers.ts';
import type { FigureTheme } from './colors.ts';
import { captionedFigure, type Drawing, fitText, MARGIN, svgElement, svgLabel, svgLine, type SvgNode } from './svg.ts';

const ROW_WIDTH = 150;
const CELL = { width: 76, height: 22 } as const;
const PANEL_HEAD = 52;
/** Colour of a loss; its opacity grows with the loss, up to `DEEPEST_LOSS`. */
const LOSS = '#9a4a00';
const DEEPEST_LOSS = 0.5;

const ELSEWHERE_CAPTION =
  'Rows: the task that a plan was made for (last: all tasks at once). Columns: the task that it was measured on. ' +
  'Cells: difference to the unpruned model on the same items, in points; bold: safe at the margin, italic: cannot ' +
  'tell; framed: the task that the plan was made for.';

/** The matrices of one model and method: one for each factor measured elsewhere, ascending. */
interface ElsewhereMatrix {
  readonly factor: number;
  readonly rows: readonly { readonly madeFor: string | null; readonly cells: readonly (SweepResult | null)[] }[];
}

/** Tasks of a model's points, in their order. */
export const elsewhereTasks = ({ results }: Pick<SweepDocument, 'results'>, model: string): readonly string[] => [
  ...new Set(results.filter((result) => result.model === model).map(({ task }) => task)),
];

/** Several draws give one cell: the one that loses most. */
const worstDraw = (cells: readonly SweepResult[]): SweepResult | null =>
  cells.reduce<SweepResult | null>((worst, cell) => {
    return worst === null || cell.difference < worst.difference ? cell : worst;
  }, null);

export const elsewhereCurves = ({ elsewhere = [] }: SweepDocument): readonly Omit<ElsewhereRow, 'madeFor'>[] =>
  groupBy(elsewhereRows(elsewhere), ({ model, method }) => [model, method]).map(([{ model, method }]) => ({
    model,
    method,
  }));

export const elsewhereMatrices = (
  document: SweepDocument,
  { model, method }: Omit<ElsewhereRow, 'madeFor'>,
): readonly ElsewhereMatrix[] => {
  const tasks = elsewhereTasks(document, model);
  const rows = elsewhereRows(document.elsewhere ?? [])
    .filter((row) => row.model === model && row.method === method)
    .map((row) => ({ madeFor: row.madeFor, cells: rowCells(document, row) }));
  const factors = new Map(rows.flatMap(({ cells }) => cells.map(({ factor }) => [factorKey(factor), factor])));
  return [...factors.values()]
    .sort((left, right) => left - right)
    .map((factor) => ({
      factor,
      rows: rows.map(({ madeFor, cells }) => ({
        madeFor,
        cells: tasks.map((task) =>
          worstDraw(cells.filter((cell) => cell.task === task && factorKey(cell.factor) === factorKey(factor))),
        ),
      })),
    }));
};

const drawCell = (cell: SweepResult | null, x: number, y: number, isOwn: boolean, theme: FigureTheme): SvgNode[] => {
  const end = { 'text-anchor': 'end' } as const;
  if (cell === null) return [svgLabel(x + CELL.width - 8, y + 15, '–', { ...end, fill: theme.muted })];
  const loss = cell.metric === 'perplexity' ? 0 : Math.min(1, Math.max(0, -cell.difference) / DEEPEST_LOSS);
  const look =
    cell.verdict === 'safe' ? { 'font-weight': 600 } : cell.verdict === 'worse' ? {} : { 'font-style': 'italic' };
  const frame = { x: x + 1, y: y + 1, width: CELL.width - 2, height: CELL.height - 2 };
  return [
    svgElement('rect', { ...frame, fill: LOSS, 'fill-opacity': 0.5 * loss }),
    ...(isOwn ? [svgElement('rect', { ...frame, fill: 'none', stroke: theme.muted })] : []),
    svgLabel(x + CELL.width - 8, y + 15, formatDifference(cell.difference, cell.metric), { ...end, ...look }),
  ];
};

/** Plans made for each task, measured on every task: one matrix for each factor. */
export const elsewhereFigure = (
  document: SweepDocument,
  curve: Omit<ElsewhereRow, 'madeFor'>,
  manifest: RunManifest,
  theme: FigureTheme,
): Drawing => {
  const tasks = elsewhereTasks(document, curve.model);
  const matrices = elsewhereMatrices(document, curve);
  const title = `Elsewhere: ${curve.model} by ${methodTitle(curve.method)}`;
  const width = 2 * MARGIN + ROW_WIDTH + tasks.length * CELL.width;
  const nameOf = (task: string | null): string => (task === null ? 'all tasks at once' : theme.task(task));
  let top = 56;
  const children: SvgNode[] = [];
  for (const { factor, rows } of matrices) {
    children.push(svgLabel(MARGIN, top + 18, formatFactor(factor), { 'font-size': 13, 'font-weight': 600 }));
    children.push(svgLabel(MARGIN, top + PANEL_HEAD - 10, 'made for', { fill: theme.muted }));
    for (const [column, task] of tasks.entries()) {
      const right = MARGIN + ROW_WIDTH + (column + 1) * CELL.width - 8;
      const head = fitText(theme.task(task), CELL.width - 8, 11);
      children.push(svgLabel(right, top + PANEL_HEAD - 10, head, { 'text-anchor': 'end', fill: theme.muted }));
    }
    for (const [index, { madeFor, cells }] of rows.entries()) {
      const y = top + PANEL_HEAD + index * CELL.height;
      children.push(svgLine(MARGIN, y, width - MARGIN, y, theme.grid));
      children.push(svgLabel(MARGIN, y + 15, fitText(nameOf(madeFor), ROW_WIDTH - 8, 11)));
      for (const [column, cell] of cells.entries())
        for (const node of drawCell(
          cell,
          MARGIN + ROW_WIDTH + column * CELL.width,
          y,
          tasks[column] === madeFor,
          theme,
        ))
          children.push(node);
    }
    top += PANEL_HEAD + rows.length * CELL.height + 18;
  }
  return captionedFigure({
    width: Math.max(width, 560),
    bottom: top,
    title,
    description: `${ELSEWHERE_CAPTION} Factors ${matrices.map(({ factor }) => formatFactor(factor)).join(', ')}.`,
    caption: `${ELSEWHERE_CAPTION} ${document.rule}`,
    manifest,
    theme,
    children,
  });
};
