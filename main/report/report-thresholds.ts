import type { Finding, SafeCount, SizedModel, SizeThreshold, SizeTrendDocument } from '../contract/size-trend.ts';
import { answerKind } from '../contract/task.ts';
import { pick } from '../figures/columns.ts';
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
import { columnsTable, html, htmlAll, type HtmlContent, type HtmlNode, reportTable } from './html.ts';

/** Sentences of a chart, as a list. */
export const chartFindings = (findings: readonly Finding[], chart: Finding['chart']): HtmlNode => {
  const own = findings.filter((one) => one.chart === chart && (one.method !== null || chart === 'thresholds'));
  if (own.length === 0) return htmlAll([]);
  return html(
    'dl',
    { class: 'findings' },
    own.map(({ method, sentence }) =>
      html(
        'div',
        {},
        html('dt', {}, method === null ? chartQuestion(chart) : methodTitle(method)),
        html('dd', {}, sentence),
      ),
    ),
  );
};

/** Findings of the sweep, as sentences over all methods. */
export const keyFindings = (findings: readonly Finding[]): HtmlNode => {
  const key = findings.filter(({ method }) => method === null);
  return html(
    'dl',
    { class: 'findings key' },
    key.map(({ chart, sentence }) => html('div', {}, html('dt', {}, chartQuestion(chart)), html('dd', {}, sentence))),
  );
};

/** Safe cases per factor and E, one table per method. */
export const safeCountTables = ({ safeCounts, methods, models }: SizeTrendDocument): HtmlNode => {
  const sizes = [...new Set(models.map(({ experts }) => experts))].sort((a, b) => a - b);
  const share = ({ shares }: SafeCount, experts: number): string => {
    const found = shares.find((one) => one.experts === experts);
    if (found === undefined || found.of === 0) return '\u2013';
    const draws = found.draws === undefined ? '' : ` (${formatRange([found.draws.lowest, found.draws.highest])})`;
    return `${found.safe} of ${found.of}${draws}`;
  };
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
            (safeCounts.some((one) => one.method === method && one.shares.some(({ draws }) => draws !== undefined))
              ? ' in every draw (in brackets: in single draws, fewest to most)'
              : ''),
        ]),
        [
          { title: 'factor', isNumber: true, cell: ({ factor }) => bareFactor(factor) },
          ...sizes.map((experts) => ({
            title: `E = ${experts}`,
            isNumber: true,
            cell: (row: SafeCount) => share(row, experts),
          })),
        ],
        safeCounts.filter((one) => one.method === method && one.answers === answers),
      ),
    ),
  );
};

/** Every comparison of a pruned large model with a small one, in a collapsible table. */
export const pairTable = ({ pairs }: SizeTrendDocument): HtmlNode =>
  html(
    'details',
    {},
    html('summary', {}, `All ${pairs.length} comparisons as a table`),
    columnsTable(UNITS_NOTE, pick(pairColumns, PAIR_SHOWN), pairs),
  );

/** Every comparison of two models pruned to the same number of experts; empty if there are none. */
export const equalKeptTable = ({ equalKept }: SizeTrendDocument): HtmlNode =>
  equalKept.length === 0
    ? htmlAll([])
    : html(
        'details',
        {},
        html('summary', {}, `At an equal number of kept experts: all ${equalKept.length} comparisons`),
        columnsTable(
          'A model with more pretraining experts against the next smaller size, both pruned to as many. ' + UNITS_NOTE,
          pick(
            equalKeptColumns,
            'task method seed kept large small n large_value small_value difference interval p reading',
          ),
          equalKept,
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

const matrix = (method: string, { models, tasks, thresholds }: SizeTrendDocument): HtmlNode => {
  const own = thresholds.filter((one) => one.method === method);
  return html(
    'table',
    {},
    html('caption', {}, html('b', {}, methodTitle(method))),
    html(
      'thead',
      {},
      html(
        'tr',
        {},
        html('th', { scope: 'col' }, htmlAll(['task', html('small', { class: 'size' }, 'test items')])),
        models.map((model) => html('th', { scope: 'col', class: 'number' }, headOf(model))),
      ),
    ),
    html(
      'tbody',
      {},
      tasks.map((task) => {
        const ofTask = own.filter((one) => one.task === task);
        return html(
          'tr',
          {},
          html('th', { scope: 'row' }, htmlAll([task, html('small', {}, ` ${formatRange(ofTask.map(({ n }) => n))}`)])),
          models.map(({ name }) => cellOf(ofTask.find(({ model }) => model === name))),
        );
      }),
    ),
  );
};

/** Largest number of models at which two tables fit beside each other, on a screen and on paper. */
const PAIRED = 2;

/** Thresholds that end at an undecided factor, with the power of their tests; empty if there are none. */
const powerTable = ({ thresholds }: SizeTrendDocument): HtmlNode => {
  const undecided = thresholds.filter(({ power }) => power !== null);
  if (undecided.length === 0) return htmlAll([]);
  return html(
    'details',
    {},
    html('summary', {}, `Power of the tests of ${undecided.length} undecided thresholds`),
    columnsTable(
      'The first factor that is not safe is undecided, not worse; or there are too few items. Chance: that a ' +
        'candidate without any true difference, with as many discordant items, is called safe. Items: the number ' +
        'at which that chance would be 80 %.',
      pick(sizeThresholdColumns, 'task method model n discordance chance_unharmed_is_safe items_for_80_percent'),
      undecided,
    ),
  );
};

/** The matrix models x tasks of threshold factors, one table per method, with an explanation of its cells. */
export const thresholdMatrices = (sizeTrend: SizeTrendDocument): HtmlNode =>
  html(
    'div',
    {},
    html('p', { class: 'muted' }, MATRIX_CAPTION),
    html(
      'div',
      { class: sizeTrend.models.length <= PAIRED ? 'matrices' : 'matrices single' },
      sizeTrend.methods.map((method) => matrix(method, sizeTrend)),
    ),
    powerTable(sizeTrend),
  );
