import type { CompareDocument } from '../contract/compare.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import { comparedSizes, type Frontier } from '../evaluation/frontier.ts';
import { type Names, pick } from '../figures/columns.ts';
import {
  COMPARE_SHOWN,
  compareColumns,
  compareLines,
  overviewColumns,
  recoveryColumns,
} from '../figures/compare-tables.ts';
import { comparedSizesColumns } from '../figures/frontier-table.ts';
import { curtailedColumns, resultColumns } from '../figures/tables.ts';
import { answersText } from '../words/comparisons.ts';
import { bareFactor, UNITS_NOTE } from '../words/numbers.ts';
import { columnsTable, folded, html, htmlAll, type HtmlNode, notes, reportColumns, reportTable } from './html.ts';

const RESULTS_SHOWN =
  'task method seed factor verdict difference interval value n p kept dropped_share lost gained ended ' +
  'looped pass_at_k answer_loss kl changed_token acceptance bytes active_parameters cache_bytes_per_token ' +
  'prompt_tokens_per_second decode_tokens_per_second';

/** Every measured point, in a collapsible table per model. */
export const measurementTables = ({ results }: SweepDocument, names: Names): HtmlNode => {
  const models = [...new Set(results.map(({ model }) => model))];
  return html(
    'div',
    {},
    models.map((model) => {
      const matchingResults = results.filter((result) => result.model === model);
      return folded(
        `${model}: ${matchingResults.length} measurements`,
        columnsTable(
          `Differences to the unpruned model. ${UNITS_NOTE}`,
          pick(resultColumns, RESULTS_SHOWN),
          matchingResults,
          names,
        ),
      );
    }),
  );
};

/** Columns of a pair for a page of paper; both differences to unpruned stand among the measurements. */
const SIZES_SHOWN = 'task difference interval reading p_holm pruned pruned_bytes quantised quantised_bytes';

/** Every comparison of a pruned and a quantised model, those that can be told apart first, in a table per model. */
export const frontierTables = (pairs: Frontier['pairs'], names: Names): HtmlNode[] =>
  [...new Set(pairs.map(({ pruned }) => pruned.result.model))].map((model) =>
    columnsTable(
      htmlAll([html('b', {}, model), `, pruned minus quantised. ${UNITS_NOTE}`]),
      pick(comparedSizesColumns, SIZES_SHOWN),
      comparedSizes(pairs, model),
      names,
    ),
  );

/** Candidates that stopped early: what their items tell, without accuracy and interval; nothing where none did. */
export const curtailedTable = ({ curtailed = [] }: SweepDocument, names: Names): HtmlNode[] =>
  curtailed.length === 0
    ? []
    : [
        folded(
          `${curtailed.length} candidates that stopped early`,
          columnsTable(
            'They stopped as soon as all items could only call them not safe: they have no accuracy and no interval.',
            curtailedColumns,
            curtailed,
            names,
          ),
        ),
      ];

/** A method of a comparison, with the model and the factor that it was compared at. */
type OverviewRow = CompareDocument['overview'][number] & Pick<CompareDocument, 'model' | 'factor' | 'answers'>;

/** Over all tasks, the methods of every model at its middle factor. */
export const overviewTable = (comparisons: readonly CompareDocument[], names: Names): HtmlNode => {
  const rows = comparisons.flatMap(({ model, factor, answers, overview }): OverviewRow[] =>
    overview.map((row) => ({ ...row, model, factor, answers })),
  );
  const isFirst = (row: OverviewRow): boolean => {
    const before = rows[rows.indexOf(row) - 1];
    return before?.model !== row.model || before.answers !== row.answers;
  };
  // Said once for the eye, and in every row for a screen reader.
  const once = (text: (row: OverviewRow) => string) => (row: OverviewRow) =>
    isFirst(row) ? text(row) : html('span', { class: 'again' }, text(row));
  return reportTable(
    'Over all tasks. Mean rank with the 95 % interval of a bootstrap over items; best, or not ' +
      'distinguishable from the best; better and worse than the best method of a task.',
    [
      { title: 'model', cell: once(({ model }) => model) },
      { title: 'factor', isNumber: true, cell: once(({ factor }) => bareFactor(factor)) },
      ...(comparisons.some(({ answersMeasured }) => answersMeasured.length > 1)
        ? [{ title: 'answers', cell: once(({ answers }) => answers) }]
        : []),
      ...reportColumns<OverviewRow>(overviewColumns, rows, names),
    ],
    rows,
  );
};

const taskTable = (comparison: CompareDocument, names: Names): HtmlNode =>
  folded(
    'Every method on every task',
    columnsTable(
      `Differences to the best method of the task. ${UNITS_NOTE} = : best, or not distinguishable from the best.`,
      pick(compareColumns, COMPARE_SHOWN),
      compareLines(comparison),
      names,
    ),
  );

const recoveryTable = ({ recoveries }: CompareDocument, names: Names): HtmlNode[] =>
  recoveries.length === 0
    ? []
    : [
        columnsTable(
          'Recovery against the same plans without, paired: on how many tasks the interval of the difference ' +
            'leaves out 0.',
          recoveryColumns,
          recoveries,
          names,
        ),
      ];

/** Comparisons of methods in words and task by task, a part per model and kind of answers. */
export const methodComparisons = (comparisons: readonly CompareDocument[], names: Names): HtmlNode[] => {
  const isOfAll = (note: string): boolean => comparisons.every((comparison) => comparison.notes.includes(note));
  return [
    ...comparisons.flatMap((comparison) => [
      html('h3', {}, `${comparison.model} at factor ${bareFactor(comparison.factor)}${answersText(comparison)}`),
      ...comparison.findings.map((finding) => html('p', {}, finding)),
      ...recoveryTable(comparison, names),
      taskTable(comparison, names),
      ...notes(comparison.notes.filter((note) => !isOfAll(note))),
    ]),
    ...notes(comparisons[0]?.notes.filter(isOfAll) ?? []),
  ];
};
