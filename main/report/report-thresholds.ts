import { assertNever } from '../contract/errors.ts';
import type {
  EqualKeptPair,
  Finding,
  SafeCount,
  SizedModel,
  SizePair,
  SizeThreshold,
  SizeTrendDocument,
} from '../contract/size-trend.ts';
import { html, htmlAll, type HtmlContent, type HtmlNode, reportTable } from './html.ts';
import { printedDifference, printedFactor, printedP, printedValue } from './report-numbers.ts';

const questionOf = (chart: Finding['chart']): string => {
  switch (chart) {
    case 'threshold-over-experts':
      return 'Does the threshold rise with the number of pretraining experts?';
    case 'safe-tasks':
      return 'How many tasks are safe?';
    case 'pruned-against-scratch':
      return 'Prune many experts, or train fewer?';
    case 'thresholds':
      return 'How far can the models be pruned?';
    default:
      return assertNever(chart);
  }
};

/** Sentences of a chart, as a list. */
export const chartFindings = (findings: readonly Finding[], chart: Finding['chart']): HtmlNode => {
  const own = findings.filter((one) => one.chart === chart && (one.method !== null || chart === 'thresholds'));
  if (own.length === 0) return htmlAll([]);
  return html(
    'dl',
    { class: 'findings' },
    ...own.map(({ method, sentence }) =>
      html('div', {}, html('dt', {}, method ?? questionOf(chart)), html('dd', {}, sentence)),
    ),
  );
};

/** What the sweep shows, in the sentences over all methods. */
export const keyFindings = (findings: readonly Finding[]): HtmlNode => {
  const key = findings.filter(({ method }) => method === null);
  return html(
    'dl',
    { class: 'findings key' },
    ...key.map(({ chart, sentence }) => html('div', {}, html('dt', {}, questionOf(chart)), html('dd', {}, sentence))),
  );
};

/** Safe cases per factor and E, one table per method. */
export const safeCountTables = ({ safeCounts, methods, models }: SizeTrendDocument): HtmlNode => {
  const sizes = [...new Set(models.map(({ experts }) => experts))].sort((a, b) => a - b);
  const share = ({ shares }: SafeCount, experts: number): string => {
    const found = shares.find((one) => one.experts === experts);
    return found === undefined || found.of === 0 ? '\u2013' : `${found.safe} of ${found.of}`;
  };
  return html(
    'div',
    { class: 'matrices' },
    ...methods.map((method) =>
      reportTable<SafeCount>(
        htmlAll([html('b', {}, method), ': thresholds at this factor or above']),
        [
          { title: 'factor', isNumber: true, cell: ({ factor }) => printedFactor(factor) },
          ...sizes.map((experts) => ({
            title: `E = ${experts}`,
            isNumber: true,
            cell: (row: SafeCount) => share(row, experts),
          })),
        ],
        safeCounts.filter((one) => one.method === method),
      ),
    ),
  );
};

const pastText = ({ pastThreshold }: SizePair): string =>
  pastThreshold === null ? 'cannot tell' : pastThreshold ? 'past' : 'within';

/** Every comparison of a pruned large model with a small one, in a table to unfold. */
export const pairTable = ({ pairs }: SizeTrendDocument): HtmlNode =>
  html(
    'details',
    {},
    html('summary', {}, `All ${pairs.length} comparisons as a table`),
    reportTable<SizePair>(
      'Accuracies in per cent, differences in percentage points (perplexity as it stands); two-sided 95 % intervals, paired.',
      [
        { title: 'task', cell: ({ task }) => task },
        { title: 'method', cell: ({ method, seed }) => (seed === null ? method : `${method}, seed ${seed}`) },
        { title: 'pruned', cell: ({ large, largeExperts, experts }) => `${large} (${largeExperts} \u2192 ${experts})` },
        { title: 'from scratch', cell: ({ small }) => small },
        { title: 'threshold', cell: pastText },
        { title: 'n', isNumber: true, cell: ({ n }) => n },
        { title: 'pruned', isNumber: true, cell: ({ pruned, metric }) => printedValue(pruned, metric) },
        { title: 'scratch', isNumber: true, cell: ({ scratch, metric }) => printedValue(scratch, metric) },
        {
          title: 'difference',
          isNumber: true,
          cell: ({ difference, metric }) => printedDifference(difference, metric),
        },
        {
          title: '95 % interval',
          isNumber: true,
          cell: ({ low, high, metric }) => `${printedDifference(low, metric)} to ${printedDifference(high, metric)}`,
        },
        { title: 'p', isNumber: true, cell: ({ p }) => printedP(p) },
      ],
      pairs,
    ),
  );

/** Every comparison of two models pruned to as many experts; nothing where there is none. */
export const equalKeptTable = ({ equalKept }: SizeTrendDocument): HtmlNode =>
  equalKept.length === 0
    ? htmlAll([])
    : html(
        'details',
        {},
        html('summary', {}, `At an equal number of kept experts: all ${equalKept.length} comparisons`),
        reportTable<EqualKeptPair>(
          'A model with more pretraining experts against the next smaller size, both pruned to as many. Accuracies in per cent, differences in percentage points (perplexity as it stands); two-sided 95 % intervals, paired.',
          [
            { title: 'task', cell: ({ task }) => task },
            { title: 'method', cell: ({ method }) => method },
            { title: 'kept', isNumber: true, cell: ({ kept }) => printedFactor(kept) },
            { title: 'larger', cell: ({ large, largeExperts }) => `${large} (E = ${largeExperts})` },
            { title: 'smaller', cell: ({ small, smallExperts }) => `${small} (E = ${smallExperts})` },
            { title: 'larger', isNumber: true, cell: ({ largeValue, metric }) => printedValue(largeValue, metric) },
            { title: 'smaller', isNumber: true, cell: ({ smallValue, metric }) => printedValue(smallValue, metric) },
            {
              title: 'difference',
              isNumber: true,
              cell: ({ difference, metric }) => printedDifference(difference, metric),
            },
            {
              title: '95 % interval',
              isNumber: true,
              cell: ({ low, high, metric }) =>
                `${printedDifference(low, metric)} to ${printedDifference(high, metric)}`,
            },
            { title: 'reading', cell: ({ reading }) => reading },
          ],
          equalKept,
        ),
      );

/** "[2, 4) worse 8": safe up to and with 2, no longer safe at 4, worse from 8 on; open where nothing larger was tested. */
const bracketText = ({ lastSafe, firstUnsafe, firstWorse }: SizeThreshold): string =>
  lastSafe === null
    ? ''
    : `[${printedFactor(lastSafe)}, ${firstUnsafe === null ? '\u2026' : printedFactor(firstUnsafe)})` +
      (firstWorse === null ? '' : ` worse ${printedFactor(firstWorse)}`);

const factorText = ({ lastSafe, verdict }: SizeThreshold): string => {
  if (lastSafe === null) return '?';
  return verdict === 'all-safe' ? `\u2265 ${printedFactor(lastSafe)}` : printedFactor(lastSafe);
};

/** Deeper tint for higher thresholds, one step per doubling; the number says the same. */
const cellOf = (threshold: SizeThreshold | undefined): HtmlNode => {
  if (threshold === undefined) return html('td', { class: 'number' }, '\u2013');
  const level = Math.min(6, Math.log2(threshold.lastSafe ?? 1));
  return html(
    'td',
    { class: 'number level', style: `--level:${Math.round(level * 100) / 100}` },
    html('b', {}, factorText(threshold)),
    html('small', {}, threshold.lastSafe === null ? '' : ` ${bracketText(threshold)}`),
  );
};

const percent = (share: number | null): string => (share === null ? '' : `${Number((share * 100).toPrecision(2))} %`);

const headOf = ({ name, experts }: SizedModel): HtmlContent =>
  htmlAll([name, html('small', { class: 'size' }, `E = ${experts}`)]);

const itemsText = (thresholds: readonly SizeThreshold[]): string => {
  const items = [...new Set(thresholds.map(({ n }) => n))].sort((a, b) => a - b);
  return items.length === 0
    ? ''
    : items.length === 1
      ? String(items[0])
      : `${String(items[0])}\u2013${String(items.at(-1))}`;
};

const matrix = (method: string, { models, tasks, thresholds }: SizeTrendDocument): HtmlNode => {
  const own = thresholds.filter((one) => one.method === method);
  return html(
    'table',
    {},
    html('caption', {}, html('b', {}, method)),
    html(
      'thead',
      {},
      html(
        'tr',
        {},
        html('th', { scope: 'col' }, htmlAll(['task', html('small', { class: 'size' }, 'test items')])),
        ...models.map((model) => html('th', { scope: 'col', class: 'number' }, headOf(model))),
      ),
    ),
    html(
      'tbody',
      {},
      ...tasks.map((task) => {
        const ofTask = own.filter((one) => one.task === task);
        return html(
          'tr',
          {},
          html('th', { scope: 'row' }, htmlAll([task, html('small', {}, ` ${itemsText(ofTask)}`)])),
          ...models.map(({ name }) => cellOf(ofTask.find(({ model }) => model === name))),
        );
      }),
    ),
  );
};

/** Models up to which two tables fit beside each other, on paper and on a screen. */
const PAIRED_ON_PAPER = 2;
const PAIRED_ON_SCREEN = 4;
const matricesClass = (models: number): string =>
  models <= PAIRED_ON_PAPER ? 'matrices' : models <= PAIRED_ON_SCREEN ? 'matrices many' : 'matrices single';

/** Thresholds that end at an undecided factor, with what their tests could have told; nothing where there is none. */
const powerTable = ({ thresholds }: SizeTrendDocument): HtmlNode => {
  const undecided = thresholds.filter(({ power }) => power !== null);
  if (undecided.length === 0) return htmlAll([]);
  return html(
    'details',
    {},
    html('summary', {}, `What the tests of ${undecided.length} undecided thresholds could have told`),
    reportTable<SizeThreshold>(
      'The first unsafe factor is undecided, not worse; or nothing can be told. Chance: that a candidate without any true ' +
        'difference, with as many discordant items, is called safe. Items: with which that chance would be 80 %.',
      [
        { title: 'task', cell: ({ task }) => task },
        { title: 'method', cell: ({ method }) => method },
        { title: 'model', cell: ({ model }) => model },
        { title: 'n', isNumber: true, cell: ({ n }) => n },
        { title: 'discordant', isNumber: true, cell: ({ power }) => percent(power?.discordance ?? null) },
        { title: 'chance', isNumber: true, cell: ({ power }) => percent(power?.chance ?? null) },
        { title: 'items for 80 %', isNumber: true, cell: ({ power }) => power?.itemsForWanted ?? '\u2013' },
      ],
      undecided,
    ),
  );
};

/** The matrix models x tasks of threshold factors, one table per method, with what a cell says. */
export const thresholdMatrices = (family: SizeTrendDocument): HtmlNode =>
  html(
    'div',
    {},
    html(
      'p',
      { class: 'muted' },
      'Bold: the threshold. Beside it the bracket [last safe, first unsafe): between the two no factor was tested. ' +
        'Worse: from this factor on the quality is known to have fallen by more than the margin; an unsafe factor below it is ' +
        'undecided. \u2265: every ' +
        'tested factor is safe, so the threshold is this or more. 1: no tested factor is safe. ?: it cannot be told, for want ' +
        'of items. For a method that draws at random, safe means safe for every draw.',
    ),
    html(
      'div',
      { class: matricesClass(family.models.length) },
      ...family.methods.map((method) => matrix(method, family)),
    ),
    powerTable(family),
  );
