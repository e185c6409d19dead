import type { RunManifest } from '../contract/run.ts';
import type { SizeTrendDocument } from '../contract/size-trend.ts';
import { bracketText, MATRIX_CAPTION, thresholdLook } from '../words/verdicts.ts';
import { counted } from '../words/numbers.ts';
import type { FigureTheme } from './colors.ts';
import { type Columns, plain, plainParts, truncationColumn } from './columns.ts';
import { csvTable } from './csv.ts';
import { methodStyle } from './method-marks.ts';
import {
  captionedFigure,
  type Drawing,
  fitText,
  MARGIN,
  svgElement,
  svgLabel,
  svgLine,
  type SvgNode,
  textWidth,
} from './svg.ts';
import {
  type BestCell,
  bestCell,
  type BestLine,
  bestLines,
  cellLines,
  cellWords,
  isFirstEnough,
  ownTasks,
  strictestLine,
} from './best-cell.ts';

const TASK_WIDTH = 150;
/** Size of the cell of a model and a task, in the figure's pixels. */
export const CELL = { width: 168, height: 62 } as const;
const HEAD = 40;
const GRID_TOP = 66;
/** How to read the best threshold of each model and task, beside the threshold rule. */
export const BEST_CAPTION =
  'For each model and task, the method that reaches furthest (+n: n others reach as far). Each method is ' +
  'tested at 5 %, so the best of several, selected after seeing all, is safe by mistake more often. Selected: ' +
  'the best with 5 % divided by the number of methods, which holds for the one that is chosen. Written: the best ' +
  'when the model writes its answer. Each line names its method; the strictest line colours the cell.';

/** Deepest tint, for a threshold of 64 and above: one step per doubling. */
const DEEPEST = 6;
const TINT = 0.075;
/** Colour of a cell in which no factor is safe and the smallest is worse. */
const UNSAFE = '#9a4a00';

/** Lines that a picture has room for; the window shows the others too. */
const DRAWN: readonly BestLine['kind'][] = ['chosen', 'written', 'selected'];
const LINE_HEIGHT = 17;

const drawCell = (
  cell: BestCell,
  [x, y]: readonly [number, number],
  methods: readonly string[],
  theme: FigureTheme,
): SvgNode[] => {
  const { best } = cell;
  const end = { 'text-anchor': 'end' } as const;
  const right = x + CELL.width - 8;
  if (best === null) return [svgLabel(right, y + 27, '\u2013', { ...end, fill: theme.muted })];
  const lines = bestLines(cell, methods.length);
  const strictest = strictestLine(lines)?.threshold ?? best.best;
  const level = Math.min(DEEPEST, Math.log2(strictest.lastSafe ?? 1));
  const style = methodStyle('reap', methods.indexOf('reap'));
  const tint = theme.name === 'page' ? 'var(--method-reap)' : style[theme.name];
  return [
    svgElement('rect', { x, y, ...CELL, fill: tint, 'fill-opacity': level * TINT }),
    ...(thresholdLook(strictest) === 'unsafe'
      ? [svgElement('rect', { x, y, ...CELL, fill: UNSAFE, 'fill-opacity': 0.13 })]
      : []),
    ...cellLines(lines)
      .filter(({ kind }) => DRAWN.includes(kind))
      .flatMap((line, row) => {
        const { kind, value, threshold } = line;
        const base = y + 19 + row * LINE_HEIGHT;
        const look = thresholdLook(threshold);
        const isFirst = kind === 'chosen';
        const slant = look === 'open' || look === 'unknown' ? { 'font-style': 'italic' } : {};
        const weight = isFirst && slant['font-style'] === undefined ? { 'font-weight': 600 } : slant;
        // As in the window: from where a factor is worse stands in the tables of single methods. Where one line stands
        // for all, the value says as much, and the words need the room.
        const isBracketed = isFirst && !isFirstEnough(lines);
        const bracket = isBracketed ? bracketText({ ...best.best, firstWorse: null }) : '';
        // Bold digits are wider than the estimate for their size.
        const used = textWidth(value, isFirst ? 15 : 11) + (bracket === '' ? 0 : textWidth(bracket, 11) + 6);
        return [
          svgLabel(right, base, value, { ...end, 'font-size': isFirst ? 13 : 11, ...weight }),
          ...(bracket === ''
            ? []
            : [svgLabel(right - textWidth(value, 15) - 6, base, bracket, { ...end, fill: theme.muted })]),
          svgLabel(
            x + 8,
            base,
            fitText(cellWords(line, lines), CELL.width - 24 - used, 11),
            isFirst ? {} : { fill: theme.muted },
          ),
        ];
      }),
  ];
};

/** Models by tasks: the best threshold, its method and bracket, and the threshold of the task's written twin. */
export const bestThresholdsFigure = (
  sizeTrend: SizeTrendDocument,
  tasks: readonly string[],
  manifest: RunManifest,
  theme: FigureTheme,
  shown: readonly string[] = sizeTrend.methods,
): Drawing => {
  const { models, rule } = sizeTrend;
  const rows = ownTasks(sizeTrend, tasks);
  const width = 2 * MARGIN + TASK_WIDTH + models.length * CELL.width;
  const bottom = GRID_TOP + HEAD + rows.length * CELL.height;
  const line = (y: number): SvgNode => svgLine(MARGIN, y, width - MARGIN, y, theme.grid);
  return captionedFigure({
    width: Math.max(width, 560),
    bottom: bottom + 18,
    title: 'How far each model can be pruned',
    caption: `${BEST_CAPTION} ${MATRIX_CAPTION} ${rule}`,
    description:
      `${counted(rows.length, 'task')}, ${counted(models.length, 'model')}, ` +
      `the best of ${counted(shown.length, 'method')}. ${rule}`,
    manifest,
    theme,
    children: [
      ...models.flatMap(({ name, experts }, column) => {
        const right = MARGIN + TASK_WIDTH + (column + 1) * CELL.width - 8;
        return [
          svgLabel(right, GRID_TOP + 14, fitText(name, CELL.width - 12, 12), {
            'text-anchor': 'end',
            'font-weight': 600,
          }),
          svgLabel(right, GRID_TOP + 30, `E ${experts}`, { 'text-anchor': 'end', fill: theme.muted }),
        ];
      }),
      ...rows.flatMap((task, row) => {
        const y = GRID_TOP + HEAD + row * CELL.height;
        return [
          ...models.flatMap((model, column) =>
            drawCell(
              bestCell(sizeTrend, model, task, shown),
              [MARGIN + TASK_WIDTH + column * CELL.width, y],
              sizeTrend.methods,
              theme,
            ),
          ),
          line(y),
          svgLabel(MARGIN, y + 27, fitText(theme.task(task), TASK_WIDTH - 8, 12)),
        ];
      }),
      line(bottom),
    ],
  });
};

const columns: Columns<BestCell> = [
  ...plain('model', 'experts', 'task'),
  ['methods', ({ best }) => best?.methods.join(' ') ?? ''],
  ['verdict', ({ best }) => best?.best.verdict ?? ''],
  ['last_safe', ({ best }) => best?.best.lastSafe ?? null],
  ['first_unsafe', ({ best }) => best?.best.firstUnsafe ?? null],
  ...plainParts('after_selection', ({ selected }: BestCell) => selected?.best, 'lastSafe', 'firstUnsafe'),
  ['n', ({ best }) => best?.best.n ?? null],
  ['written_methods', ({ written }) => written?.methods.join(' ') ?? ''],
  ...plainParts('written', ({ written }: BestCell) => written?.best, 'lastSafe', 'firstUnsafe'),
  truncationColumn(({ best, written }) => [best, written].some((entry) => entry?.best.truncationMeasured === true)),
];

/** The data of the figure: every model on every task, the best of all methods. */
export const bestThresholdsCsv = (sizeTrend: SizeTrendDocument, manifest: RunManifest): string =>
  csvTable(
    manifest,
    columns,
    sizeTrend.models.flatMap((model) =>
      ownTasks(sizeTrend, sizeTrend.tasks).map((task) => bestCell(sizeTrend, model, task, sizeTrend.methods)),
    ),
  );
