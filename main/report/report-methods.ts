import type { CompareDocument } from '../contract/compare.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import { pick } from '../figures/columns.ts';
import {
  COMPARE_SHOWN,
  compareColumns,
  compareLines,
  overviewColumns,
  recoveryColumns,
} from '../figures/compare-tables.ts';
import { curtailedColumns, resultColumns } from '../figures/tables.ts';
import { answersText } from '../words/comparisons.ts';
import { bareFactor, UNITS_NOTE } from '../words/numbers.ts';
import { columnsTable, html, type HtmlNode, notes } from './html.ts';

const RESULTS_SHOWN =
  'task method seed factor kept dropped_share n value difference interval p verdict lost gained ended ' +
  'looped pass_at_k answer_loss kl changed_token acceptance bytes active_parameters cache_bytes_per_token ' +
  'prompt_tokens_per_second decode_tokens_per_second';

/** Every measured point, in a collapsible table per model. */
export const measurementTables = ({ results }: SweepDocument): HtmlNode => {
  const models = [...new Set(results.map(({ model }) => model))];
  return html(
    'div',
    {},
    models.map((model) => {
      const own = results.filter((result) => result.model === model);
      return html(
        'details',
        {},
        html('summary', {}, `${model}: ${own.length} measurements`),
        columnsTable(`Differences to the unpruned model. ${UNITS_NOTE}`, pick(resultColumns, RESULTS_SHOWN), own),
      );
    }),
  );
};

/** Candidates that stopped early: what their items tell, without accuracy and interval; nothing where none did. */
export const curtailedTable = ({ curtailed = [] }: SweepDocument): HtmlNode[] =>
  curtailed.length === 0
    ? []
    : [
        html(
          'details',
          {},
          html('summary', {}, `${curtailed.length} candidates that stopped early`),
          columnsTable(
            'They stopped as soon as all items could only call them not safe: they have no accuracy and no interval.',
            curtailedColumns,
            curtailed,
          ),
        ),
      ];

const overviewTable = ({ overview }: CompareDocument): HtmlNode =>
  columnsTable(
    'Over all tasks. Mean rank with the 95 % interval of a bootstrap over items; best, or not ' +
      'distinguishable from the best; better and worse than the best method of a task.',
    overviewColumns,
    overview,
  );

const taskTable = (comparison: CompareDocument): HtmlNode =>
  html(
    'details',
    {},
    html('summary', {}, 'Every method on every task'),
    columnsTable(
      `Differences to the best method of the task. ${UNITS_NOTE} = : best, or not distinguishable from the best.`,
      pick(compareColumns, COMPARE_SHOWN),
      compareLines(comparison),
    ),
  );

const recoveryTable = ({ recoveries }: CompareDocument): HtmlNode[] =>
  recoveries.length === 0
    ? []
    : [
        columnsTable(
          'Recovery against the same plans without, paired: on how many tasks the interval of the difference ' +
            'leaves out 0.',
          recoveryColumns,
          recoveries,
        ),
      ];

/** Comparisons of methods, a section per model at its middle factor and kind of answers. */
export const methodComparisons = (comparisons: readonly CompareDocument[]): HtmlNode[] => {
  const isOfAll = (note: string): boolean => comparisons.every((comparison) => comparison.notes.includes(note));
  return [
    ...comparisons.flatMap((comparison) => [
      html('h3', {}, `${comparison.model} at factor ${bareFactor(comparison.factor)}${answersText(comparison)}`),
      ...comparison.findings.map((finding) => html('p', {}, finding)),
      overviewTable(comparison),
      ...recoveryTable(comparison),
      taskTable(comparison),
      ...notes(comparison.notes.filter((note) => !isOfAll(note))),
    ]),
    ...notes(comparisons[0]?.notes.filter(isOfAll) ?? []),
  ];
};
