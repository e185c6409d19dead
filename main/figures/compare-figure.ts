import type { CompareDocument, CompareRow, CompareTask } from '../contract/compare.ts';
import type { RunManifest } from '../contract/run.ts';
import {
  answersText,
  MARK_CAPTION,
  RANK_CAPTION,
  rankIntervalText,
  rankText,
  readingMark,
  readingText,
  referenceText,
  sharedRankText,
} from '../words/comparisons.ts';
import { maxOf } from '../statistics/extremes.ts';
import { goodnessScale, type FigureTheme, inkOn } from './colors.ts';
import { drawMark, type MethodMark, methodMarks } from './method-marks.ts';
import { methodTitle } from '../words/methods.ts';
import { formatDifference, formatFactor, UNITS_NOTE } from '../words/numbers.ts';
import {
  captionedFigure,
  type Drawing,
  fitText,
  MARGIN,
  svgElement,
  svgLabel,
  type SvgNode,
  svgText,
  wrapText,
} from './svg.ts';
import type { MetricName } from '../contract/task.ts';

/** A difference with positive values for better: lower is better for perplexity. */
export const goodness = (difference: number, metric: MetricName): number =>
  metric === 'perplexity' ? -difference : difference;

/** Largest absolute difference of the accuracies, and of each perplexity task separately: they have no common unit. */
export const scaleOf = ({ tasks }: CompareDocument, { task, metric }: CompareTask): number =>
  maxOf([
    0,
    ...tasks
      .filter((other) => (metric === 'perplexity' ? other.task === task : other.metric !== 'perplexity'))
      .flatMap(({ rows }) => rows.map(({ paired }) => Math.abs(paired?.difference ?? 0))),
  ]);

const TOP = 62;
const NAMES = 150;
const CELL = { width: 108, height: 26 } as const;
const LINE = 15;
const NAME_SIZE = 12;

const middle = { 'text-anchor': 'middle' } as const;

interface Frame {
  readonly comparison: CompareDocument;
  readonly marks: ReadonlyMap<string, MethodMark>;
  readonly theme: FigureTheme;
}

const centreOf = (column: number): number => MARGIN + NAMES + (column + 0.5) * CELL.width;

/** Lines of a method's name in its column, broken to the column's width. */
const headLines = (method: string): string[] => wrapText(methodTitle(method), CELL.width - 26, NAME_SIZE);

const drawHeads = ({ comparison, marks }: Frame): SvgNode[] =>
  comparison.overview.flatMap(({ method }, column) => {
    const mark = marks.get(method);
    const lines = headLines(method);
    return [
      ...(mark === undefined ? [] : [drawMark(mark, centreOf(column), TOP, 4)]),
      ...lines.map((line, index) =>
        svgLabel(centreOf(column), TOP + 20 + index * LINE, line, {
          ...middle,
          'font-size': NAME_SIZE,
          'font-weight': 600,
        }),
      ),
    ];
  });

const drawSummary = ({ comparison, theme }: Frame, top: number): SvgNode[] => [
  svgLabel(MARGIN, top + 17, 'mean rank'),
  svgLabel(MARGIN, top + CELL.height + 17, 'best, or ='),
  ...comparison.overview.flatMap((entry, column) => [
    svgElement(
      'text',
      { x: centreOf(column), y: top + 17, ...middle },
      svgElement('tspan', { 'font-weight': 600 }, svgText(rankText(entry))),
      svgElement('tspan', { fill: theme.muted, 'font-size': 10 }, svgText(` ${rankIntervalText(entry)}`)),
    ),
    svgLabel(centreOf(column), top + CELL.height + 17, `${entry.sharesBest} of ${entry.tasks}`, middle),
  ]),
];

const cellWords = ({ paired, reading }: CompareRow, { metric, reference }: CompareTask): string =>
  paired === null
    ? reference === null
      ? '\u2013'
      : readingText(null)
    : `${formatDifference(paired.difference, metric)} ${readingMark(reading)}`.trimEnd();

const drawTask = ({ comparison, theme }: Frame, task: CompareTask, top: number): SvgNode[] => {
  const scale = goodnessScale(scaleOf(comparison, task), theme.name === 'dark' ? 'dark' : 'light');
  return [
    svgLabel(MARGIN, top + 17, fitText(theme.task(task.task), NAMES - 52, NAME_SIZE), { 'font-size': NAME_SIZE }),
    svgLabel(MARGIN + NAMES - 10, top + 17, `n = ${task.n}`, {
      'text-anchor': 'end',
      'font-size': 10,
      fill: theme.muted,
    }),
    ...comparison.overview.flatMap(({ method }, column): SvgNode[] => {
      const row = task.rows.find((entry) => entry.method === method);
      if (row === undefined) return [svgLabel(centreOf(column), top + 17, '\u2013', { ...middle, fill: theme.muted })];
      const left = centreOf(column) - CELL.width / 2;
      const texts = (attributes: Readonly<Record<string, string>>): SvgNode[] => [
        svgLabel(left + 9, top + 17, sharedRankText(row, task), attributes),
        svgLabel(left + CELL.width - 9, top + 17, cellWords(row, task), { ...attributes, 'text-anchor': 'end' }),
      ];
      if (row.paired === null) return texts({});
      const fill = scale.color(goodness(row.paired.difference, task.metric));
      return [
        svgElement('rect', { x: left + 1, y: top + 1, width: CELL.width - 2, height: CELL.height - 2, fill }),
        ...texts({ fill: inkOn(fill) }),
      ];
    }),
  ];
};

/** The methods of a sweep compared at one factor of one model: a row per task, a column per method, best first. */
export const compareFigure = (comparison: CompareDocument, manifest: RunManifest, theme: FigureTheme): Drawing => {
  const { overview, tasks, model, factor, reference, methods, findings } = comparison;
  const frame: Frame = { comparison, marks: methodMarks(methods, theme), theme };
  const summaryTop = TOP + 14 + LINE * maxOf([1, ...overview.map(({ method }) => headLines(method).length)]);
  const tasksTop = summaryTop + 2 * CELL.height + 6;
  const names = overview.map(({ method }) => method);
  const subject = `${model} at ${formatFactor(factor)}${answersText(comparison)}`;
  return captionedFigure({
    width: Math.max(720, 2 * MARGIN + NAMES + overview.length * CELL.width),
    bottom: tasksTop + tasks.length * CELL.height + 24,
    title: `${subject}: methods against ${referenceText(reference)}`,
    caption: `Differences to ${referenceText(reference)}. ${RANK_CAPTION} ${MARK_CAPTION} ${UNITS_NOTE}`,
    description: [`${tasks.length} tasks, methods ${names.join(', ')}.`, ...findings].join(' '),
    manifest,
    theme,
    children: [
      ...drawHeads(frame),
      ...drawSummary(frame, summaryTop),
      ...tasks.flatMap((task, line) => drawTask(frame, task, tasksTop + line * CELL.height)),
    ],
  });
};
