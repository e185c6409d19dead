import type { ExpertTrend, Finding, SizeTrendDocument, TrendDirection } from '../contract/size-trend.ts';
import { isNothingToLose } from '../contract/sweep.ts';
import { type AnswerKind, answerKind } from '../contract/task.ts';
import { countPairs } from '../evaluation/size-trend/pairs.ts';
import { bestCell, ownTasks } from '../figures/best-cell.ts';
import { methodTitle } from '../words/methods.ts';
import {
  counted,
  formatDifference,
  formatFactor,
  formatInterval,
  formatMargin,
  formatProbability,
} from '../words/numbers.ts';
import { chartQuestion } from '../words/verdicts.ts';
import { html, htmlAll, type HtmlNode, type ReportColumn, reportTable } from './html.ts';
import { bestFigures, firstCurve } from './report-figures.ts';
import type { ReportSource } from './report-source.ts';

/** Models with a sentence of their own; the matrix shows them all. */
const MOST_SENTENCES = 6;

/**
 * "safe to ×4 on 4 of 9 tasks, to ×2 on 4; too few items on 1": the best threshold of every task, after the choice
 * among all methods.
 */
const modelSentence = (sizeTrend: SizeTrendDocument, model: SizeTrendDocument['models'][number]): string => {
  const reached = ownTasks(sizeTrend, sizeTrend.tasks).flatMap((task) => {
    const { best, selected } = bestCell(sizeTrend, model, task, sizeTrend.methods);
    return (selected ?? best)?.best ?? [];
  });
  if (reached.length === 0) return 'not measured.';
  const told = reached.filter(({ verdict, lastSafe }) => !isNothingToLose(verdict) && lastSafe !== null);
  const safe = told.filter(({ lastSafe }) => (lastSafe ?? 1) > 1);
  const atChance = reached.filter(({ verdict }) => isNothingToLose(verdict)).length;
  const factors = [...new Set(safe.map(({ lastSafe }) => lastSafe ?? 1))].sort((left, right) => right - left);
  const tasks = ` of ${counted(reached.length, 'task')}`;
  const parts = factors.map((factor, index) => {
    const count = safe.filter(({ lastSafe }) => lastSafe === factor).length;
    return `${index === 0 ? 'safe ' : ''}to ${formatFactor(factor)} on ${count}${index === 0 ? tasks : ''}`;
  });
  const rest: readonly (readonly [words: string, count: number])[] = [
    ['at no tested factor on', told.length - safe.length],
    ['nothing to lose on', atChance],
    ['too few items on', reached.length - told.length - atChance],
  ];
  const clauses = [
    ...(parts.length === 0 ? [`safe on none${tasks}`] : [parts.join(', ')]),
    ...rest.filter(([, count]) => count > 0).map(([words, count]) => `${words} ${count}`),
  ];
  return `${clauses.join('; ')}.`;
};

/** Page one: how far each model can be pruned in a sentence each, one matrix, and one curve. */
export const verdictSection = (source: ReportSource): HtmlNode[] => {
  const { sizeTrend } = source;
  const { models, methods, delta } = sizeTrend;
  const chosen = [...models].reverse().slice(0, MOST_SENTENCES);
  return [
    html(
      'ul',
      { class: 'verdict' },
      chosen.map((model) =>
        html(
          'li',
          {},
          html('b', {}, `${model.name}, ${counted(model.experts, 'expert')}: `),
          modelSentence(sizeTrend, model),
        ),
      ),
    ),
    html(
      'p',
      { class: 'muted' },
      `Safe: the loss is at most ${formatMargin(delta)}, by the lower end of the one-sided 95 % interval` +
        `${methods.length > 1 ? `, of the best of ${methods.length} methods after their selection` : ''}.`,
    ),
    ...bestFigures(source),
    ...firstCurve(source),
  ];
};

/** A question of the sweep, a row per kind of answers and method. */
interface FindingRow {
  readonly answers: AnswerKind | null;
  readonly method: string;
}

const answersColumn = <T extends FindingRow>(rows: readonly T[]): readonly ReportColumn<T>[] =>
  rows.some(({ answers }) => answers === 'written') ? [{ title: 'answers', cell: ({ answers }) => answers ?? '' }] : [];

const table = <T extends FindingRow>(
  chart: Finding['chart'],
  note: string,
  rows: readonly T[],
  columns: readonly ReportColumn<T>[],
): HtmlNode =>
  rows.length === 0
    ? htmlAll([])
    : reportTable(
        htmlAll([html('b', {}, chartQuestion(chart)), ` ${note}`]),
        [{ title: 'method', cell: ({ method }) => methodTitle(method) }, ...answersColumn(rows), ...columns],
        rows,
      );

const number = <T>(title: string, cell: (row: T) => string | number): ReportColumn<T> => ({
  title,
  isNumber: true,
  cell,
});

/** Rows of what was measured, by kind of answers and method. */
const groups = <T extends { readonly task: string; readonly method: string }>(
  { written, methods }: SizeTrendDocument,
  measured: readonly T[],
): readonly (FindingRow & { readonly own: readonly T[] })[] =>
  answerKind.options.flatMap((answers) =>
    methods.flatMap((method) => {
      const matching = measured.filter(
        (entry) => entry.method === method && written.includes(entry.task) === (answers === 'written'),
      );
      return matching.length === 0 ? [] : [{ answers, method, own: matching }];
    }),
  );

const readings: Readonly<Record<Finding['verdict'], string>> = {
  supported: 'rises',
  opposed: 'falls',
  mixed: 'no clear direction',
  unchanged: 'does not change',
  'cannot-tell': 'cannot be told',
  counted: '',
};

/** The findings as tables: a question each, in numbers. */
export const findingTables = (sizeTrend: SizeTrendDocument): HtmlNode[] => {
  const { trends, findings, pairs, shareTrends } = sizeTrend;
  const rises = groups(sizeTrend, trends);
  const ofRow = ({ answers, method }: FindingRow): Finding | undefined =>
    findings.find(
      (finding) =>
        finding.chart === 'threshold-over-experts' &&
        finding.method === method &&
        (finding.answers === undefined || finding.answers === answers),
    );
  const going =
    (direction: TrendDirection) =>
    ({ own }: { readonly own: readonly ExpertTrend[] }) =>
      own.filter((trend) => trend.direction === direction).length;
  const past = groups(sizeTrend, pairs).map(({ own, ...row }) => ({
    ...row,
    counts: countPairs(own.filter(({ pastThreshold }) => pastThreshold === true)),
  }));
  return [
    table('threshold-over-experts', 'Tasks by the direction of their threshold as E grows.', rises, [
      number('rises', going('rises')),
      number('falls', going('falls')),
      number('stays', going('stays')),
      number('cannot tell', going('cannot-tell')),
      number('tasks', ({ own }) => own.length),
      number('p', (row) => {
        const p = ofRow(row)?.p ?? null;
        return p === null ? '\u2013' : formatProbability(p);
      }),
      { title: 'over all tasks', cell: (row) => readings[ofRow(row)?.verdict ?? 'counted'] },
    ]),
    table(
      'loss-over-share',
      'Points per doubling of E at an equal dropped share, with their 95 % interval over the models; above 0: less.',
      shareTrends,
      [
        number('points', ({ atEqualShare }) => formatDifference(atEqualShare.slope, 'acc')),
        number('95 % interval', ({ atEqualShare }) => formatInterval(atEqualShare, 'acc')),
        number('models', ({ models }) => models),
        number('tasks', ({ tasks }) => tasks),
      ],
    ),
    table(
      'pruned-against-scratch',
      'Pairs past the threshold: the larger model pruned to as many experts as the smaller was trained with.',
      past,
      [
        number('worse', ({ counts }) => counts.worse),
        number('better', ({ counts }) => counts.better),
        number('cannot tell', ({ counts }) => counts.undecided),
        number('pairs', ({ counts }) => counts.all),
      ],
    ),
  ];
};
