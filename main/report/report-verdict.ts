import type { Finding, SizeTrendDocument } from '../contract/size-trend.ts';
import { isNothingToLose } from '../contract/sweep.ts';
import { bestCell, ownTasks } from '../figures/best-cell.ts';
import { findingTables } from '../figures/finding-tables.ts';
import { counted, formatFactor, formatMargin } from '../words/numbers.ts';
import { chartQuestion } from '../words/verdicts.ts';
import { html, htmlAll, type HtmlNode, reportTable } from './html.ts';
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

/** The findings as tables: a question each, in numbers. */
export const findingsInNumbers = (sizeTrend: SizeTrendDocument): HtmlNode[] =>
  findingTables(sizeTrend)
    .filter(({ chart }) => PRINTED.includes(chart))
    .map(({ chart, note, columns, rows }) =>
      reportTable<readonly string[]>(
        htmlAll([html('b', {}, chartQuestion(chart)), ` ${note}`]),
        columns.map(({ title, isNumber }, index) => ({ title, isNumber, cell: (row) => row[index] ?? '' })),
        rows,
      ),
    );

/** Questions on the first pages; what is safe where stands in their matrix and in the appendix. */
const PRINTED: readonly Finding['chart'][] = ['threshold-over-experts', 'loss-over-share', 'pruned-against-scratch'];
