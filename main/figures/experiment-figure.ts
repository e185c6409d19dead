import type {
  ArmTreatment,
  ExperimentAnswer,
  ExperimentCell,
  ExperimentDocument,
  ExperimentQuestion,
} from '../contract/experiment.ts';
import { curveOf } from '../evaluation/experiment/pairs.ts';
import { minOf } from '../statistics/extremes.ts';
import { armWords, methodTitle } from '../words/methods.ts';
import { formatCount, formatDifferenceInUnit, formatInterval } from '../words/numbers.ts';
import { type Chart, type ChartFigure, type ChartPoint, linearAxis, rowsChart, rowsPlot, tickText } from './chart.ts';
import type { FigureTheme } from './colors.ts';
import { type MethodMark, methodMarks } from './method-marks.ts';

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
const experimentCaption = (question: ExperimentQuestion): string =>
  'Row E \u2192 E\u2032: the model with E experts pruned to E\u2032, minus ' +
  (question === 'scratch' ? 'the one pretrained with E\u2032' : 'itself unpruned') +
  ', both treated alike (a refitted one against an unchanged one), on the same items; left of 0 the pruned one is ' +
  'worse. Whiskers: two-sided 95 % interval of the paired difference (Tango\u2019s score interval); of several draws ' +
  'the mean, whiskers that span the intervals of all draws, and a thicker line from the lowest to the highest ' +
  'difference.';

const experimentFigureTitle = (question: ExperimentQuestion): string =>
  question === 'scratch' ? 'Pruned against scratch' : 'Pruned against unpruned';

const sizesOf = (pairs: readonly ExperimentCell[]): readonly (readonly [experts: number, kept: number])[] =>
  [...new Map(pairs.map(({ experts, kept }) => [`${experts} ${kept}`, [experts, kept] as const])).values()].sort(
    (a, b) => a[0] - b[0] || b[1] - a[1],
  );

const cellPoint = (
  cell: ExperimentCell,
  row: number,
  label: string,
): Omit<ChartPoint, 'y'> & { row: number; curve: string } => {
  const { experts, kept, difference, low, high, lowest, highest, draws, n } = cell;
  return {
    key: JSON.stringify([experts, kept, curveOf(cell)]),
    row,
    curve: curveOf(cell),
    x: difference,
    look: 'filled',
    whiskers: [
      { along: 'x', low, high },
      ...(draws > 1 ? [{ along: 'x', low: lowest, high: highest, width: 2.6 } as const] : []),
    ],
    tip: () => ({
      title: `${label}, E ${experts} pruned to ${kept}`,
      lines: [
        `difference ${formatDifferenceInUnit(difference, 'acc')} ${formatInterval({ low, high }, 'acc')}`,
        ...(draws > 1
          ? [`mean of ${formatCount(draws)} draws, from ${formatInterval({ low: lowest, high: highest }, 'acc')}`]
          : []),
        `n ${formatCount(n)}`,
      ],
    }),
  };
};

/** One question of an experiment: a chart per task, a row per pair of sizes, a mark per method and arm. */
export const experimentFigure = (
  { tasks }: Pick<ExperimentDocument, 'tasks'>,
  answer: ExperimentAnswer,
  theme: FigureTheme,
): ChartFigure => {
  const curves = curvesOf(answer, theme);
  const sizes = sizesOf(answer.cells);
  const x = linearAxis(
    [0, ...answer.cells.flatMap(({ low, high }) => [low, high])],
    { title: 'difference of accuracy (points)', label: (tick) => tickText(tick, 'acc') },
    { most: 4 },
  );
  const charts = tasks.flatMap(({ name }): Chart[] => {
    const cells = answer.cells.filter(({ task }) => task === name);
    if (cells.length === 0) return [];
    return [
      {
        key: name,
        heading: theme.task(name),
        note: `n = ${minOf(cells.map(({ n }) => n))}`,
        x,
        definition: answer.question === 'scratch' ? 'scratchDifference' : 'pairedDifference',
        ...rowsChart(
          // Without a space to break at: a label stays one line.
          sizes.map(([experts, kept]) => `${experts}\u00a0\u2192\u00a0${kept}`),
          curves,
          cells.map((cell) =>
            cellPoint(
              cell,
              sizes.findIndex(([experts, kept]) => cell.experts === experts && cell.kept === kept),
              curves.find(({ key }) => key === curveOf(cell))?.label ?? '',
            ),
          ),
        ),
      },
    ];
  });
  const caption = experimentCaption(answer.question);
  return {
    title: experimentFigureTitle(answer.question),
    description: `${charts.length} tasks: ${curves.map(({ label }) => label).join('; ')}. ${caption}`,
    caption,
    legend: curves,
    charts,
    plot: rowsPlot(sizes.length, curves.length),
  };
};
