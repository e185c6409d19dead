import type { Finding, SafeCount, SizedModel, SizeThreshold, SizeTrendDocument } from '../contract/size-trend.ts';
import { answerKind } from '../contract/task.ts';
import { type Names, pick } from '../figures/columns.ts';
import { shareText } from '../figures/finding-tables.ts';
import { equalKeptColumns, PAIR_SHOWN, pairColumns, sizeThresholdColumns } from '../figures/size-tables.ts';
import { methodTitle } from '../words/methods.ts';
import { bareFactor, formatRange, UNITS_NOTE } from '../words/numbers.ts';
import {
  bracketText,
  chartQuestion,
  drawsFraction,
  MATRIX_CAPTION,
  thresholdLook,
  thresholdValue,
} from '../words/verdicts.ts';
import {
  columnsTable,
  folded,
  html,
  htmlAll,
  type HtmlContent,
  type HtmlNode,
  reportTable,
  tableOfCells,
  termList,
} from './html.ts';

/** Every finding in words, in the order of the charts. */
export const findingsInWords = (findings: readonly Finding[], worded: (sentence: string) => string): HtmlNode =>
  termList(
    'findings',
    findings.map(({ chart, method, sentence }) => [
      method === null ? chartQuestion(chart) : methodTitle(method),
      worded(sentence),
    ]),
  );

/** Safe cases per factor and E, one table per method. */
export const safeCountTables = ({ safeCounts, methods, models }: SizeTrendDocument): HtmlNode => {
  const sizes = [...new Set(models.map(({ experts }) => experts))].sort((a, b) => a - b);
  const kinds = answerKind.options.filter((kind) => safeCounts.some(({ answers }) => answers === kind));
  const curves = methods.flatMap((method) => kinds.map((answers) => ({ method, answers })));
  return html(
    'div',
    { class: 'matrices' },
    curves.map(({ method, answers }) =>
      reportTable<SafeCount>(
        htmlAll([
          html('b', {}, methodTitle(method)),
          `${kinds.length > 1 ? `, answers ${answers}` : ''}: thresholds at this factor or above` +
            (safeCounts.some(
              (count) => count.method === method && count.shares.some(({ draws }) => draws !== undefined),
            )
              ? ' in every draw (in brackets: in single draws, fewest to most)'
              : ''),
        ]),
        [
          { title: 'factor', isNumber: true, cell: ({ factor }) => bareFactor(factor) },
          ...sizes.map((experts) => ({
            title: `E = ${experts}`,
            isNumber: true,
            cell: ({ shares }: SafeCount) => shareText(shares.find((share) => share.experts === experts)),
          })),
        ],
        safeCounts.filter((count) => count.method === method && count.answers === answers),
      ),
    ),
  );
};

/** Every comparison of a pruned large model with a small one, in a collapsible table. */
export const pairTable = ({ pairs }: SizeTrendDocument, names: Names): HtmlNode =>
  folded(
    `All ${pairs.length} comparisons as a table`,
    columnsTable(UNITS_NOTE, pick(pairColumns, PAIR_SHOWN), pairs, names),
  );

/** Every comparison of two models pruned to the same number of experts; empty if there are none. */
export const equalKeptTable = ({ equalKept }: SizeTrendDocument, names: Names): HtmlNode =>
  equalKept.length === 0
    ? htmlAll([])
    : folded(
        `At an equal number of kept experts: all ${equalKept.length} comparisons`,
        columnsTable(
          'A model with more pretraining experts against the next smaller size, both pruned to as many. ' + UNITS_NOTE,
          pick(
            equalKeptColumns,
            'task method seed kept large small n large_value small_value difference interval p reading',
          ),
          equalKept,
          names,
        ),
      );

/** Deeper tint for higher thresholds, one step per doubling, in addition to the number. */
const cellOf = (threshold: SizeThreshold | undefined): HtmlNode => {
  if (threshold === undefined) return html('td', { class: 'number' }, '\u2013');
  const level = Math.min(6, Math.log2(threshold.lastSafe ?? 1));
  return html(
    'td',
    { class: `number level ${thresholdLook(threshold)}`, style: `--level:${Math.round(level * 100) / 100}` },
    html('b', {}, thresholdValue(threshold)),
    html(
      'small',
      {},
      threshold.lastSafe === null ? '' : ` ${bracketText(threshold)} ${drawsFraction(threshold)}`.trimEnd(),
    ),
  );
};

const headOf = ({ name, experts }: SizedModel): HtmlContent =>
  htmlAll([name, html('small', { class: 'size' }, `E = ${experts}`)]);

const matrix = (method: string, { models, tasks, thresholds }: SizeTrendDocument, names: Names): HtmlNode => {
  const matchingThresholds = thresholds.filter((threshold) => threshold.method === method);
  return tableOfCells(
    html('b', {}, methodTitle(method)),
    [
      html('th', { scope: 'col' }, htmlAll(['task', html('small', { class: 'size' }, 'test items')])),
      ...models.map((model) => html('th', { scope: 'col', class: 'number' }, headOf(model))),
    ],
    tasks.map((task) => {
      const ofTask = matchingThresholds.filter((entry) => entry.task === task);
      const items = html('small', {}, ` ${formatRange(ofTask.map(({ n }) => n))}`);
      return [
        html('th', { scope: 'row' }, htmlAll([names.task(task), items])),
        ...models.map(({ name }) => cellOf(ofTask.find(({ model }) => model === name))),
      ];
    }),
  );
};

/** Largest number of models at which two tables fit beside each other, on a screen and on paper. */
const PAIRED = 2;

/** Thresholds that end at an undecided factor, with the power of their tests; empty if there are none. */
const powerTable = ({ thresholds }: SizeTrendDocument, names: Names): HtmlNode => {
  const undecided = thresholds.filter(({ power }) => power !== null);
  if (undecided.length === 0) return htmlAll([]);
  return folded(
    `Power of the tests of ${undecided.length} undecided thresholds`,
    columnsTable(
      'The first factor that is not safe is undecided, not worse; or there are too few items. Chance: that a ' +
        'candidate without any true difference, with as many discordant items, is called safe. Items: the number ' +
        'at which that chance would be 80 %.',
      pick(sizeThresholdColumns, 'task method model n discordance chance_unharmed_is_safe items_for_80_percent'),
      undecided,
      names,
    ),
  );
};

/** The matrix models x tasks of threshold factors, one table per method, with an explanation of its cells. */
export const thresholdMatrices = (sizeTrend: SizeTrendDocument, names: Names): HtmlNode =>
  html(
    'div',
    {},
    html('p', { class: 'muted' }, MATRIX_CAPTION),
    html(
      'div',
      { class: sizeTrend.models.length <= PAIRED ? 'matrices' : 'matrices single' },
      sizeTrend.methods.map((method) => matrix(method, sizeTrend, names)),
    ),
    powerTable(sizeTrend, names),
  );
