import type { RunManifest } from '../contract/run.ts';
import type { SizeThreshold, SizeTrendDocument } from '../contract/size-trend.ts';
import { bracketText, MATRIX_CAPTION, thresholdLook, thresholdValue } from '../words/verdicts.ts';
import { counted } from '../words/numbers.ts';
import type { FigureTheme } from './colors.ts';
import type { Columns } from './columns.ts';
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
import { bestThreshold, type BestThreshold } from '../evaluation/threshold.ts';
import { TWIN_SUFFIX } from '../evaluation/choice-and-writing.ts';
import { methodTitle } from '../words/methods.ts';

/** The best threshold of a model on a task, and that of the task's written twin if it has one. */
export interface BestCell {
  readonly model: string;
  readonly experts: number;
  readonly task: string;
  readonly best: BestThreshold<SizeThreshold> | null;
  readonly written: BestThreshold<SizeThreshold> | null;
  /** The best at levels that hold for the best of all methods, chosen after seeing them. */
  readonly selected: BestThreshold<SizeThreshold> | null;
}

type Best = Pick<SizeTrendDocument, 'models' | 'thresholds' | 'selected' | 'written'>;

/** Tasks with a cell of their own: a written task whose multiple-choice twin is present shares the twin's cell. */
export const ownTasks = ({ written }: Pick<Best, 'written'>, tasks: readonly string[]): readonly string[] =>
  tasks.filter((task) => !(written.includes(task) && tasks.includes(task.slice(0, -TWIN_SUFFIX.length))));

/** How far a model can be pruned for a task with the best of the shown methods. */
export const bestCell = (
  { thresholds, selected }: Pick<Best, 'thresholds' | 'selected'>,
  { name: model, experts }: SizeTrendDocument['models'][number],
  task: string,
  shown: readonly string[],
): BestCell => {
  const bestOf = (named: string, all = thresholds): BestThreshold<SizeThreshold> | null =>
    bestThreshold(
      shown.flatMap((method) =>
        all.filter((one) => one.task === named && one.model === model && one.method === method),
      ),
    );
  return {
    model,
    experts,
    task,
    best: bestOf(task),
    written: bestOf(`${task}${TWIN_SUFFIX}`),
    selected: bestOf(task, selected),
  };
};

/** Methods that reach the best threshold, such as "REAP" or "Frequency + 2 more"; empty if no factor above 1 is safe. */
export const bestMethods = ({ best, methods }: BestThreshold<SizeThreshold>): string => {
  const [first, ...others] = (best.lastSafe ?? 1) > 1 ? methods : [];
  return first === undefined
    ? ''
    : `${methodTitle(first)}${others.length === 0 ? '' : ` + ${String(others.length)} more`}`;
};

const TASK_WIDTH = 150;
/** Size of the cell of a model and a task, in the figure's pixels. */
export const CELL = { width: 168, height: 62 } as const;
const HEAD = 40;
const GRID_TOP = 66;
/** How to read the best threshold of each model and task, beside the threshold rule. */
export const BEST_CAPTION =
  'For each model and task, the method that reaches furthest (+ n more: n others reach as far). Each method is ' +
  'tested at 5 %, so the best of several, selected after seeing all, is safe by mistake more often. After selection: ' +
  'the best with 5 % divided by the number of methods, which holds for the one that is chosen. Written: the best ' +
  'when the model writes its answer.';

/** The best threshold at the levels that hold after a choice among methods: "after selection ×2"; empty for one method. */
export const afterSelection = ({ selected }: Pick<BestCell, 'selected'>, methods: number): string =>
  selected === null || methods < 2 ? '' : `after selection ${thresholdValue(selected.best)}`;

/** Deepest tint, for a threshold of 64 and above: one step per doubling. */
const DEEPEST = 6;
const TINT = 0.075;
/** Colour of a cell in which no factor is safe and the smallest is worse. */
const UNSAFE = '#9a4a00';

const drawCell = (
  cell: BestCell,
  [x, y]: readonly [number, number],
  methods: readonly string[],
  theme: FigureTheme,
): SvgNode[] => {
  const { best, written } = cell;
  const chosen = afterSelection(cell, methods.length);
  const end = { 'text-anchor': 'end' } as const;
  const right = x + CELL.width - 8;
  if (best === null) return [svgLabel(right, y + 27, '\u2013', { ...end, fill: theme.muted })];
  const level = Math.min(DEEPEST, Math.log2(best.best.lastSafe ?? 1));
  const style = methodStyle('reap', methods.indexOf('reap'));
  const look = thresholdLook(best.best);
  const weight = look === 'open' || look === 'unknown' ? { 'font-style': 'italic' } : { 'font-weight': 600 };
  const value = thresholdValue(best.best);
  // Bold digits are wider than the estimate for their size.
  const room = CELL.width - 24 - textWidth(value, 15);
  const tint = theme.name === 'page' ? 'var(--method-reap)' : style[theme.name];
  return [
    svgElement('rect', { x, y, ...CELL, fill: tint, 'fill-opacity': level * TINT }),
    ...(look === 'unsafe' ? [svgElement('rect', { x, y, ...CELL, fill: UNSAFE, 'fill-opacity': 0.13 })] : []),
    svgLabel(right, y + 19, value, { ...end, 'font-size': 13, ...weight }),
    svgLabel(x + 8, y + 19, fitText(bestMethods(best), Math.min(room, CELL.width - 52), 11)),
    // As in the window: from where a factor is worse stands in the tables of single methods.
    svgLabel(right, y + 36, bracketText({ ...best.best, firstWorse: null }), { ...end, fill: theme.muted }),
    ...(chosen === '' ? [] : [svgLabel(right, y + 53, chosen, { ...end, fill: theme.muted })]),
    ...(written === null
      ? []
      : [svgLabel(x + 8, y + 36, `written ${thresholdValue(written.best)}`, { fill: theme.muted })]),
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
          svgLabel(right, GRID_TOP + 30, `E ${String(experts)}`, { 'text-anchor': 'end', fill: theme.muted }),
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
  ['model', ({ model }) => model],
  ['experts', ({ experts }) => experts],
  ['task', ({ task }) => task],
  ['methods', ({ best }) => best?.methods.join(' ') ?? ''],
  ['verdict', ({ best }) => best?.best.verdict ?? ''],
  ['last_safe', ({ best }) => best?.best.lastSafe ?? null],
  ['first_unsafe', ({ best }) => best?.best.firstUnsafe ?? null],
  ['after_selection_last_safe', ({ selected }) => selected?.best.lastSafe ?? null],
  ['after_selection_first_unsafe', ({ selected }) => selected?.best.firstUnsafe ?? null],
  ['n', ({ best }) => best?.best.n ?? null],
  ['written_methods', ({ written }) => written?.methods.join(' ') ?? ''],
  ['written_last_safe', ({ written }) => written?.best.lastSafe ?? null],
  ['written_first_unsafe', ({ written }) => written?.best.firstUnsafe ?? null],
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
