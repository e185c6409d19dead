import type { RunManifest } from '../contract/run.ts';
import { isSameFactor, type PointVerdict, type SweepDocument } from '../contract/sweep.ts';
import type { ModelTree, TreePoint } from '../evaluation/model-tree.ts';
import { formatBytes, formatDifference, formatFactor, formatValue } from '../words/numbers.ts';
import type { FigureTheme } from './colors.ts';
import { methodStyle } from './method-marks.ts';
import { captionedFigure, type Drawing, fitText, MARGIN, svgElement, svgLabel, svgLine, type SvgNode } from './svg.ts';

const ROW_WIDTH = 216;
/** Size of a model's cell, with the gap to the next one. */
const CELL = { width: 84, height: 44, gap: 3 } as const;
const HEAD = 30;
const GRID_TOP = 56;
/** Indent of a row for each step from the unpruned model. */
const INDENT = 18;
const UNSAFE = '#9a4a00';

const MODEL_TREE_CAPTION =
  'Each row is made from the one above it that its line leads to. Cells: difference to the unpruned model on the ' +
  'same items, over the size of the weights; ✓ safe, ✕ unsafe, ? cannot tell, – nothing to lose or at chance.';

/** Marks of verdicts, so that colour is never alone. */
export const verdictMarks: Readonly<Record<PointVerdict, string>> = {
  safe: '✓',
  undecided: '?',
  worse: '✕',
  'at-chance': '–',
  'nothing-to-lose': '–',
};

/** The number of a cell: the difference, or the value of the unpruned model itself. */
export const treePointText = ({ draws: [first], difference }: TreePoint): string => {
  if (first === undefined) return 'stopped early';
  return difference === null ? formatValue(first.value, first.metric) : formatDifference(difference, first.metric);
};

const drawCell = (point: TreePoint, x: number, y: number, theme: FigureTheme): SvgNode[] => {
  const { verdict, bytes } = point;
  const frame = { x, y, width: CELL.width - CELL.gap, height: CELL.height - CELL.gap, rx: 3 };
  const right = x + CELL.width - CELL.gap - 8;
  const end = { 'text-anchor': 'end' } as const;
  const safe = theme.name === 'page' ? 'var(--method-reap)' : methodStyle('reap', 0)[theme.name];
  const tint =
    verdict === 'safe'
      ? { fill: safe, 'fill-opacity': 0.2 }
      : verdict === 'worse'
        ? { fill: UNSAFE, 'fill-opacity': 0.2 }
        : { fill: 'none', stroke: theme.grid };
  return [
    svgElement('rect', { ...frame, ...tint }),
    ...(verdict === null ? [] : [svgLabel(x + 8, y + 18, verdictMarks[verdict])]),
    svgLabel(right, y + 18, treePointText(point), { ...end, 'font-size': 12, 'font-weight': 600 }),
    ...(bytes === null ? [] : [svgLabel(right, y + 33, formatBytes(bytes), { ...end, fill: theme.muted })]),
  ];
};

/** The tree of the models of one model and task: rows under what they were made from, models by factor. */
export const modelTreeFigure = (
  tree: ModelTree,
  { model, task }: { readonly model: string; readonly task: string },
  { rule }: Pick<SweepDocument, 'rule'>,
  manifest: RunManifest,
  theme: FigureTheme,
): Drawing => {
  const { factors, rows } = tree;
  const left = MARGIN + ROW_WIDTH;
  const title = `Map of models: ${model} on ${theme.task(task)}`;
  const top = (line: number): number => GRID_TOP + HEAD + line * CELL.height;
  const children: SvgNode[] = factors.map((factor, column) =>
    svgLabel(left + (column + 1) * CELL.width - CELL.gap - 8, GRID_TOP + 18, formatFactor(factor), {
      'text-anchor': 'end',
      fill: theme.muted,
    }),
  );
  for (const [line, row] of rows.entries()) {
    const above = rows.findIndex(({ method }) => method === row.parent);
    const [x, middle] = [MARGIN + row.depth * INDENT, top(line) + CELL.height / 2];
    if (above >= 0)
      children.push(
        svgLine(x - 12, top(above) + CELL.height / 2 + 9, x - 12, middle, theme.muted),
        svgLine(x - 12, middle, x - 3, middle, theme.muted),
      );
    const words = `${row.title}${row.kind === 'made elsewhere' ? ' (made elsewhere)' : ''}`;
    children.push(svgLabel(x, middle + 4, fitText(words, left - x - 8, 11)));
    for (const [column, factor] of factors.entries()) {
      const point = row.points.find((entry) => isSameFactor(entry.factor, factor));
      if (point === undefined) continue;
      for (const node of drawCell(point, left + column * CELL.width, top(line), theme)) children.push(node);
    }
  }
  return captionedFigure({
    width: Math.max(left + factors.length * CELL.width + MARGIN, 560),
    bottom: top(rows.length) + 18,
    title,
    description: `${MODEL_TREE_CAPTION} Factors ${factors.map(formatFactor).join(', ')}.`,
    caption: `${MODEL_TREE_CAPTION} ${rule}`,
    manifest,
    theme,
    children,
  });
};
