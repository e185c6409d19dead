import type {
  ArmName,
  ExperimentAnswer,
  ExperimentArm,
  ExperimentCell,
  ExperimentDocument,
  ExperimentPair,
  ExperimentRow,
  ExperimentThreshold,
} from '../contract/experiment.ts';
import type { RunManifest } from '../contract/run.ts';
import { accuracyOf, isSameCurve } from '../evaluation/experiment/pairs.ts';
import { figureTheme, type ThemeName } from './colors.ts';
import {
  amount,
  type Column,
  type Columns,
  factorColumn,
  itemsColumn,
  methodColumn,
  modelColumn,
  field,
  taskColumn,
  plain,
} from './columns.ts';
import { csvTable } from './csv.ts';
import { manifestFile } from './figure-manifest.ts';
import { drawChartFigure } from './chart-svg.ts';
import { experimentFigure } from './experiment-figure.ts';
import { headlineColumns } from './tables.ts';
import { signMark } from '../words/comparisons.ts';
import { armWords } from '../words/methods.ts';
import { bareFactor, formatSigned } from '../words/numbers.ts';

const armColumn: Column<Pick<ArmName, 'treatment' | 'gates'>> = [
  'arm',
  ({ treatment }) => treatment,
  { title: 'arm', text: armWords, definition: 'treatments' },
];

const gatesColumn: Column<Pick<ArmName, 'gates'>> = ['gates', ({ gates }) => gates];

const sizesColumn: Column<{ readonly experts: number; readonly kept: number }> = [
  'sizes',
  null,
  { title: 'sizes', text: ({ experts, kept }) => `${experts} \u2192 ${kept}` },
];

const armColumns: Columns<ExperimentArm> = [
  ...plain('task', 'model', 'experts', 'kept', 'method'),
  ['arm', ({ treatment }) => treatment],
  ...plain('gates', 'seed'),
  ['n', ({ right }) => right.length],
  ['accuracy', ({ right }) => accuracyOf(right)],
  ['training_steps', ({ training }) => training?.steps ?? null],
  ['first_loss', ({ training }) => training?.firstLoss ?? null],
  ['last_loss', ({ training }) => training?.lastLoss ?? null],
  ['right', ({ right }) => `'${right}`],
];

const pairColumns: Columns<ExperimentPair> = [
  ['against', ({ question }) => question],
  ...plain('task', 'method'),
  ['arm', ({ treatment }) => treatment],
  ...plain('gates', 'seed', 'model', 'reference', 'experts', 'kept', 'factor', 'n', 'pruned'),
  ['reference_accuracy', ({ against }) => against],
  ...plain('difference', 'low', 'high', 'p', 'lost', 'gained', 'sign', 'verdict'),
];

const cellColumns: Columns<ExperimentCell> = [
  ['against', ({ question }) => question],
  ...plain('task', 'method'),
  ['arm', ({ treatment }) => treatment],
  ...plain(
    'gates',
    'model',
    'experts',
    'kept',
    'factor',
    'n',
    'draws',
    'difference',
    'lowest',
    'highest',
    'low',
    'high',
  ),
  ['low_over_draws', ({ overDraws }) => overDraws?.low ?? null],
  ['high_over_draws', ({ overDraws }) => overDraws?.high ?? null],
  ['at_ceiling', ({ atCeiling }) => (atCeiling ? 1 : 0)],
  ['sign', ({ sign }) => sign],
  ['draws_plus', ({ plus }) => plus],
  ['draws_minus', ({ minus }) => minus],
  ['draws_cannot_tell', ({ cannotTell }) => cannotTell],
  ['draws_safe', ({ safe }) => safe],
  ['draws_worse', ({ worse }) => worse],
];

export const experimentThresholdColumns: Columns<ExperimentThreshold & { readonly against: string }> = [
  ['against', ({ against }) => against],
  modelColumn,
  ['experts', ({ experts }) => experts],
  taskColumn,
  methodColumn,
  armColumn,
  gatesColumn,
  itemsColumn,
  ['delta', ({ delta }) => delta],
  ...headlineColumns,
  ...plain('verdict', 'lastSafe', 'firstUnsafe', 'firstWorse', 'largestTested'),
  field('bySign', 'by sign', (bySign) => (bySign === 1 ? 'none' : bareFactor(bySign)), 'experimentBySign'),
];

export const thresholdLines = ({
  question,
  thresholds,
}: ExperimentAnswer): readonly (ExperimentThreshold & { readonly against: string })[] =>
  thresholds.map((threshold) => ({ ...threshold, against: question }));

/** A difference of accuracies in points and its interval. */
const pointsText = ({ difference, low, high }: Pick<ExperimentCell, 'difference' | 'low' | 'high'>): string =>
  `${points(difference)} [${points(low)}, ${points(high)}]`;

const points = (share: number): string => formatSigned(share * 100, 1);

/**
 * A cell of the matrix: its sign, difference and interval (of several draws that over items and draws, then the lowest
 * and the highest draw); "+ impossible" where the reference leaves no room for it.
 */
export const cellText = (cell: ExperimentCell): string =>
  `${signMark(cell.sign)} ${pointsText({ ...cell, ...(cell.draws > 1 ? cell.overDraws : null) })}` +
  (cell.draws > 1 ? ` (${points(cell.lowest)} to ${points(cell.highest)})` : '') +
  (cell.atCeiling ? ' + impossible' : '');

export const cellOf = ({ cells }: ExperimentAnswer, task: string, row: ExperimentRow): ExperimentCell | undefined =>
  cells.find(
    (cell) => cell.task === task && isSameCurve(cell, row) && cell.model === row.model && cell.kept === row.kept,
  );

/** The matrix of + and \u2212 over tasks, whose columns are named "task NAME". */
export const matrixColumns = (
  answer: ExperimentAnswer,
  tasks: readonly string[],
  title: (task: string) => string = (task) => task,
): Columns<ExperimentRow> => [
  sizesColumn,
  factorColumn,
  methodColumn,
  armColumn,
  ['draws', ({ draws }) => draws, amount('draws', undefined, 'experimentDraws')],
  ...tasks.map((task): Column<ExperimentRow> => {
    const text = (row: ExperimentRow): string | null => {
      const cell = cellOf(answer, task, row);
      return cell === undefined ? null : cellText(cell);
    };
    return [`task ${task}`, null, amount(title(task), text)];
  }),
  ['plus', ({ plus }) => plus, amount('+', undefined, 'experimentSigns')],
  ['minus', ({ minus }) => minus, amount('\u2212', undefined, 'experimentSigns')],
  ['cannot_tell', ({ cannotTell }) => cannotTell, amount('?', undefined, 'experimentSigns')],
  ['pooled', null, amount('all items', ({ pooled }) => pooled && pointsText(pooled))],
];

type Published = NonNullable<ExperimentDocument['published']>;

/** The paper's own table, without intervals. */
export const publishedColumns = ({ tasks }: Published): Columns<Published['rows'][number]> => [
  sizesColumn,
  factorColumn,
  ['method', ({ method }) => method, { title: 'method' }],
  ...tasks.map((task, index): Column<Published['rows'][number]> => {
    const text = ({ differences }: Published['rows'][number]): string | null => {
      const difference = differences[index] ?? null;
      return difference === null ? null : formatSigned(difference, 2);
    };
    return [`task ${task}`, null, amount(task, text)];
  }),
  ['above', null, amount('above', ({ above, of }) => `${above} of ${of}`, 'experimentAbove')],
];

/** Every pruned arm against its reference, one draw a line. */
export const experimentPairsCsv = ({ answers }: Pick<ExperimentDocument, 'answers'>, manifest: RunManifest): string =>
  csvTable(
    manifest,
    pairColumns,
    answers.flatMap(({ pairs }) => pairs),
  );

/** Figures and tables of an experiment as files, each with the run's manifest inside. */
export const experimentFiles = (
  document: ExperimentDocument,
  manifest: RunManifest,
  theme: ThemeName = 'light',
): readonly { readonly name: string; readonly contents: string }[] => [
  ...document.answers
    .filter(({ pairs }) => pairs.length > 0)
    .map((answer) => ({
      name: `pruned-against-${answer.question}.svg`,
      contents: drawChartFigure(experimentFigure(document, answer, figureTheme(theme)), manifest, figureTheme(theme))
        .svg,
    })),
  { name: 'experiment-arms.csv', contents: csvTable(manifest, armColumns, document.arms) },
  { name: 'experiment-pairs.csv', contents: experimentPairsCsv(document, manifest) },
  {
    name: 'experiment-matrix.csv',
    contents: csvTable(
      manifest,
      cellColumns,
      document.answers.flatMap(({ cells }) => cells),
    ),
  },
  {
    name: 'experiment-thresholds.csv',
    contents: csvTable(manifest, experimentThresholdColumns, document.answers.flatMap(thresholdLines)),
  },
  { name: 'manifest.json', contents: manifestFile(manifest) },
];
