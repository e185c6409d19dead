import { provenanceHeading } from '../words/provenance.ts';
import { truncationNotes, truncationOf } from '../words/truncation.ts';
import { tokenClasses } from '../contract/outcome.ts';
import type { RunManifest } from '../contract/run.ts';
import type { SizeTrendDocument } from '../contract/size-trend.ts';
import {
  type AnswerLoss,
  type CalibrationDraw,
  type ElsewherePoint,
  type Fidelity,
  type PassAtK,
  type PointName,
  safeDrawsAt,
  type SweepDocument,
  type SweepResult,
  type Threshold,
} from '../contract/sweep.ts';
import type { CurtailedPoint } from '../contract/curtailed-point.ts';
import {
  drawnThresholdsText,
  fewTokensText,
  type LuckPoint,
  luckPoints,
  type LuckThreshold,
  luckThresholds,
} from '../evaluation/calibration-luck.ts';
import { choiceAndWriting, type ChoiceAndWriting } from '../evaluation/choice-and-writing.ts';
import {
  amount,
  asDifference,
  type Cell,
  type Columns,
  differenceColumns,
  factorColumn,
  heading,
  inUnits,
  itemsColumn,
  keptColumn,
  lostGainedColumns,
  methodColumn,
  modelColumn,
  inPercent,
  inThousandths,
  field,
  column,
  number,
  pColumn,
  pick,
  PLAIN_NAMES,
  seedColumn,
  shownCell,
  taskColumn,
  truncationColumn,
  plain,
  plainParts,
} from './columns.ts';
import type { Spread } from '../evaluation/draws.ts';
import type { MetricName } from '../contract/task.ts';
import { csvTable } from './csv.ts';
import { escapeMarkdown } from './escape.ts';
import {
  pointVerdictText,
  reachText,
  curtailedText,
  powerText,
  bracketWords,
  safeDrawsText,
  thresholdValue,
  verdictText,
} from '../words/verdicts.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import {
  bareFactor,
  formatBytes,
  formatCount,
  formatFixed,
  formatNats,
  formatParameters,
  formatPercent,
  formatRoughPercent,
  formatValue,
} from '../words/numbers.ts';

/** Leading columns of a line: its curve. */
export const curveColumns: Columns<Pick<PointName, 'model' | 'task' | 'method' | 'seed'>> = [
  modelColumn,
  taskColumn,
  methodColumn,
  seedColumn,
];

const droppedShareOf = ({ droppedShare }: { readonly droppedShare?: number | undefined }) => droppedShare;
const droppedColumn = number('dropped_share', droppedShareOf, 'dropped', inPercent, 'droppedShare');

const threeDigits = (value: number): number => Number(value.toPrecision(3));

/** A measure of fidelity and the ends of its interval. */
const fidelityColumns = (
  name: string,
  of: (fidelity: Fidelity) => AnswerLoss,
  title: string,
  format: (value: number) => string,
  definition: string,
): Columns<SweepResult> => {
  const found = ({ fidelity }: SweepResult): AnswerLoss | null => (fidelity === undefined ? null : of(fidelity));
  return [
    number(name, (row) => found(row)?.mean, title, format, definition),
    [`${name}_low`, (row) => found(row)?.low ?? null],
    [`${name}_high`, (row) => found(row)?.high ?? null],
  ];
};

/** pass@k of all texts of an item: the largest k. */
const passOf = ({ passAtK }: SweepResult): PassAtK | undefined => passAtK?.at(-1);
const passText = (share: number, row: SweepResult): string => `${formatPercent(share)} (k = ${String(passOf(row)?.k)})`;

const endingsOf = ({ endings }: SweepResult): SweepResult['endings'] => endings;

export const resultColumns: Columns<SweepResult> = [
  ...curveColumns,
  factorColumn,
  keptColumn,
  itemsColumn,
  ['metric', ({ metric }) => metric, { title: 'metric' }],
  field('value', 'value', inUnits, 'value'),
  ...plain('acc', 'accNorm', 'perplexity'),
  ...differenceColumns('pairedDifference'),
  field('lowOneSided', 'one-sided', asDifference, 'oneSided'),
  pColumn,
  ...lostGainedColumns,
  ['truncated', ({ truncated }) => truncated, amount('truncated', undefined, 'truncated')],
  number('ended', ({ endings }) => endings?.ended, 'ended', inPercent, 'ended'),
  number('looped', ({ endings }) => endings?.looped, 'looped', inPercent, 'looped'),
  ['pass_k', (row) => passOf(row)?.k ?? null],
  number('pass_at_k', (row) => passOf(row)?.value, 'pass@k', passText, 'passAtK'),
  ...plainParts('pass_at_k', passOf, 'difference', 'low', 'high'),
  ...plainParts('ended', endingsOf, 'difference', 'low', 'high', 'lowOneSided', 'highOneSided', 'lost', 'gained'),
  column('answer_loss', ({ answerLoss }) => answerLoss?.mean ?? null, {
    title: 'answer loss',
    numeric: true,
    text: ({ answerLoss }) => (answerLoss === undefined ? null : formatNats(answerLoss)),
    definition: 'answerLoss',
    spread: (rows) => {
      const means = rows.flatMap(({ answerLoss }) => answerLoss?.mean ?? []);
      return `${formatFixed(minOf(means), 2)} to ${formatFixed(maxOf(means), 2)}`;
    },
  }),
  ...plainParts('answer_loss', ({ answerLoss }: SweepResult) => answerLoss, 'low', 'high'),
  ['scored_positions', ({ fidelity }) => fidelity?.positions ?? null],
  ...fidelityColumns('kl', ({ kl }) => kl, 'KL', inThousandths, 'klToUnpruned'),
  ...fidelityColumns('reverse_kl', ({ reverseKl }) => reverseKl, 'reverse KL', inThousandths, 'reverseKl'),
  ...fidelityColumns('changed_token', ({ changed }) => changed, 'other token', inPercent, 'otherToken'),
  ...tokenClasses.map((name): Columns<SweepResult>[number] => [
    `kl_${name.replace(' ', '_')}`,
    ({ fidelity }) => fidelity?.classes?.find((entry) => entry.name === name)?.kl.mean ?? null,
  ]),
  ...fidelityColumns('acceptance', ({ acceptance }) => acceptance, 'acceptance', inPercent, 'acceptance'),
  ['high_one_sided', ({ highOneSided }) => highOneSided],
  column('verdict', ({ verdict }) => verdict ?? null, {
    title: 'verdict',
    text: ({ verdict }) => (verdict === undefined || verdict === null ? null : pointVerdictText(verdict)),
    definition: 'oneSidedEnds',
    spread: (rows) =>
      safeDrawsText({ count: rows.filter(({ verdict }) => verdict === 'safe').length, of: rows.length }),
  }),
  number('bytes', ({ cost }) => cost?.bytes, 'size', formatBytes, 'pointBytes'),
  number('active_parameters', ({ cost }) => cost?.activeParameters, 'active parameters', formatParameters),
  number('cache_bytes_per_token', ({ cost }) => cost?.cacheBytesPerToken, 'cache per token', formatBytes),
  number('prompt_tokens_per_second', ({ cost }) => cost?.promptTokensPerSecond, 'prompt tokens/s', threeDigits),
  number('decode_tokens_per_second', ({ cost }) => cost?.decodeTokensPerSecond, 'written tokens/s', threeDigits),
  droppedColumn,
];

/** Every number of a sweep, one candidate on one task per line. */
export const resultsCsv = (document: SweepDocument, manifest: RunManifest): string =>
  csvTable(
    manifest,
    resultColumns.flatMap((column): Columns<SweepResult> =>
      column[0] === 'looped' ? [column, truncationColumn(truncationOf(document.results))] : [column],
    ),
    document.results,
  );

/** Power of the test; empty if nothing is undecided. */
export const powerColumns: Columns<Pick<Threshold, 'power' | 'n'>> = [
  number('discordance', ({ power }) => power?.discordance, 'discordant', formatRoughPercent),
  number('chance_unharmed_is_safe', ({ power }) => power?.chance, 'chance', formatRoughPercent),
  ['items_for_80_percent', ({ power }) => power?.itemsForWanted ?? null, amount('items for 80 %')],
  ['power', null, { title: 'what this test could have shown', text: powerText }],
];

/** For a threshold over draws: how many, and in how many the first factor that is not safe in all is safe. */
const drawColumns: Columns<Pick<Threshold, 'draws' | 'firstUnsafe'>> = [
  ['draws', ({ draws }) => draws?.length ?? null],
  [
    'draws_safe_at_first_unsafe',
    ({ draws, firstUnsafe }) =>
      draws === undefined || firstUnsafe === null ? null : safeDrawsAt({ draws }, firstUnsafe).count,
  ],
];

export const headlineColumns: Columns<Threshold> = [
  ['factor', ({ factor }) => factor, amount('threshold', thresholdValue, 'threshold')],
  ['bracket', null, { title: 'verdict', text: bracketWords, definition: 'bracket' }],
];

/** How far texts end as often as those of the unpruned model. */
const endingColumns = <T>(prefix: string, endingsOf: (row: T) => Threshold['endings']): Columns<T> => [
  column(`${prefix}ends_verdict`, (row) => endingsOf(row)?.verdict ?? null, {
    title: 'ends as often',
    definition: 'endsAsOften',
    text: (row) => {
      const found = endingsOf(row);
      return found === undefined ? null : reachText(found);
    },
  }),
  [`${prefix}ends_last_safe`, (row) => endingsOf(row)?.lastSafe ?? null],
  [`${prefix}ends_first_unsafe`, (row) => endingsOf(row)?.firstUnsafe ?? null],
];

/** How far plans made for the task are safe on every task. */
const everywhereColumns: Columns<Pick<Threshold, 'everywhere'>> = [
  column('everywhere_verdict', ({ everywhere }) => everywhere?.verdict ?? null, {
    title: 'safe everywhere',
    definition: 'everywhere',
    text: ({ everywhere }) => (everywhere === undefined ? null : reachText(everywhere)),
  }),
  ...plainParts('everywhere', ({ everywhere }: Pick<Threshold, 'everywhere'>) => everywhere, 'lastSafe', 'firstUnsafe'),
];

export const thresholdColumns: Columns<Threshold> = [
  ...curveColumns.slice(0, 3),
  [
    'seed',
    ({ seed }) => seed,
    { title: 'seed', text: ({ seed, draws }) => (draws === undefined ? seed : 'every draw'), numeric: true },
  ],
  ...headlineColumns,
  field('lastSafe', 'last safe', bareFactor),
  field('firstUnsafe', 'first not safe', bareFactor),
  ['delta', ({ delta }) => delta],
  itemsColumn,
  ['verdict', ({ verdict }) => verdict, { title: 'verdict', text: ({ verdict }) => verdictText(verdict) }],
  field('firstWorse', 'first worse', bareFactor),
  ...endingColumns<Threshold>('', ({ endings }) => endings),
  ...everywhereColumns,
  ...powerColumns,
  ...drawColumns,
];

export const thresholdsCsv = (document: SweepDocument, manifest: RunManifest): string =>
  csvTable(manifest, [...thresholdColumns, truncationColumn(truncationOf(document.results))], document.thresholds);

const markdownTable = <T>(columns: Columns<T>, rows: readonly T[]): readonly string[] => {
  const line = (cells: readonly Cell[]): string =>
    `| ${cells.map((cell) => escapeMarkdown(String(cell ?? ''))).join(' | ')} |`;
  return [
    line(columns.map(([, , shown]) => heading(shown?.title ?? ''))),
    `| ${columns.map(([, , shown]) => (shown?.numeric === true ? '---:' : '---')).join(' | ')} |`,
    ...rows.map((row) => line(columns.map((column) => shownCell(column, row, PLAIN_NAMES)))),
  ];
};

/** The thresholds as a Markdown table, with the rule, how many were decided at which level, and the run below it. */
export const thresholdsMarkdown = (document: SweepDocument, manifest: RunManifest): string =>
  [
    `# Thresholds: ${escapeMarkdown(manifest.title)}`,
    '',
    ...markdownTable(
      pick(thresholdColumns, 'model task method seed factor last_safe first_unsafe first_worse n verdict'),
      document.thresholds,
    ),
    '',
    ...truncationNotes(document.results).flatMap((note) => [escapeMarkdown(note), '']),
    document.rule,
    '',
    ...(document.multiplicity === undefined ? [] : [document.multiplicity.sentence, '']),
    `Run \`${manifest.id}\`, ${manifest.createdAt}.`,
    '',
  ].join('\n');

export const curtailedColumns: Columns<CurtailedPoint> = [
  ...curveColumns,
  factorColumn,
  keptColumn,
  ...plain('n', 'evaluated', 'metric'),
  ['lost_at_least', ({ lost }) => lost],
  ['gained_at_most', ({ gainedAtMost }) => gainedAtMost],
  ['verdict', ({ verdict }) => verdict ?? null, { title: 'curtailed', text: curtailedText, definition: 'stop' }],
  droppedColumn,
];

/** The columns of results that are in CSV, of points that have a result. */
const ofResult: Columns<{ readonly result: SweepResult }> = resultColumns.flatMap(
  ([name, value]): Columns<{ readonly result: SweepResult }> =>
    value === null ? [] : [[name, ({ result }) => value(result)]],
);

/** A plan on a task that it was not made for; on its own task it is among the results. */
const elsewhereColumns: Columns<ElsewherePoint> = [
  ['made_for', ({ madeFor }) => madeFor ?? 'all tasks'],
  ...ofResult.map(([name, value]) => [name === 'task' ? 'measured_on' : name, value] as const),
];

/** Columns of points that have a result, and whether truncation was measured on its task. */
const withTruncation = <T extends { readonly result: SweepResult }>(
  columns: Columns<T>,
  { results }: SweepDocument,
): Columns<T> => {
  const isTruncated = truncationOf(results);
  return [...columns, truncationColumn(({ result }) => isTruncated(result))];
};

/** Plans of a sweep on tasks that they were not made for, one per line; null where none were measured. */
export const elsewhereCsv = (document: SweepDocument, manifest: RunManifest): string | null => {
  const { elsewhere = [] } = document;
  return elsewhere.length === 0 ? null : csvTable(manifest, withTruncation(elsewhereColumns, document), elsewhere);
};

/** A plan made from calibration items that were drawn again; that of all items is among the results. */
const calibrationDrawColumns: Columns<CalibrationDraw> = [
  ['calibration_draw', ({ draw }) => draw],
  ['calibration_items', ({ items }) => items],
  ...plain('inCommon', 'rankCorrelation', 'experts', 'fewTokens', 'fewTokensOfAll'),
  ...ofResult,
];

/** Plans of a sweep from calibration items that were drawn again, one per line; null where none were measured. */
export const calibrationDrawsCsv = (document: SweepDocument, manifest: RunManifest): string | null => {
  const { calibrationDraws: drawn = [] } = document;
  return drawn.length === 0 ? null : csvTable(manifest, withTruncation(calibrationDrawColumns, document), drawn);
};

/** A curve at one factor over calibration draws, with the thresholds of the draws. */
export interface LuckRow extends LuckPoint {
  readonly threshold: LuckThreshold | null;
}

/** Names a row among those of one document. */
export const luckKey = ({ model, task, method, seed, size }: Omit<LuckThreshold, 'items' | 'all' | 'draws'>): string =>
  JSON.stringify([model, task, method, seed, size]);

export const luckRows = (document: SweepDocument): readonly LuckRow[] => {
  const thresholds = luckThresholds(document);
  return luckPoints(document).map((point) => ({
    ...point,
    threshold: thresholds.find((threshold) => luckKey(threshold) === luckKey(point)) ?? null,
  }));
};

const verdictOfAll = (all: SweepResult | null): string | null =>
  all?.verdict === undefined || all.verdict === null ? null : pointVerdictText(all.verdict);

const spreadText = ({ lowest, highest }: Spread, metric: MetricName): string =>
  lowest === highest
    ? formatValue(lowest, metric)
    : `${formatValue(lowest, metric)}\u2013${formatValue(highest, metric)}`;

export const luckColumns: Columns<LuckRow> = [
  ...curveColumns,
  factorColumn,
  field('items', 'items drawn', formatCount, 'calibrationDraw'),
  number('all', ({ all }) => all?.value, 'all items', inUnits, 'value'),
  ['lowest', ({ value }) => value.lowest, amount('draws', ({ value, metric }) => spreadText(value, metric), 'value')],
  field('deviation', 'spread', inUnits, 'calibrationDraw'),
  number('in_common', ({ inCommon }) => inCommon?.mean, 'in common', inPercent, 'inCommon'),
  number('rank_correlation', (row) => row.rankCorrelation?.mean, 'rank corr.', inThousandths, 'rankCorrelation'),
  ['few_tokens', ({ fewTokens }) => fewTokens.mean, amount('< 8 tokens', fewTokensText, 'fewTokens')],
  column('safe_draws', ({ safe }) => safe.count, {
    title: 'safe in',
    text: ({ safe }) => `${safe.count} of ${safe.of}`,
    definition: 'calibrationDraw',
  }),
  ['verdict', ({ all }) => all?.verdict ?? null, { title: 'on all items', text: ({ all }) => verdictOfAll(all) }],
  column('thresholds', ({ threshold }) => threshold?.draws.join(' ') ?? null, {
    title: 'safe to (draws)',
    text: ({ threshold }) => (threshold === null ? null : drawnThresholdsText(threshold)),
    definition: 'calibrationDraw',
  }),
];

/** Candidates of a sweep that stopped early, one per line; null where none did. */
export const curtailedCsv = ({ curtailed = [], results }: SweepDocument, manifest: RunManifest): string | null =>
  curtailed.length === 0
    ? null
    : csvTable(manifest, [...curtailedColumns, truncationColumn(truncationOf(results))], curtailed);

export const kindColumns: Columns<ChoiceAndWriting> = [
  modelColumn,
  taskColumn,
  methodColumn,
  ['n', ({ choice }) => choice.n],
  ['choice', null, { title: 'safe by choice', text: ({ choice }) => reachText(choice) }],
  ...plainParts('choice', ({ choice }: ChoiceAndWriting) => choice, 'verdict', 'lastSafe', 'firstUnsafe'),
  ['written', null, { title: 'safe when written', text: ({ writing }) => reachText(writing) }],
  ['written_task', ({ writtenTask }) => writtenTask],
  ...plainParts('written', ({ writing }: ChoiceAndWriting) => writing, 'verdict', 'lastSafe', 'firstUnsafe'),
  ...endingColumns<ChoiceAndWriting>('written_', ({ writing }) => writing.endings),
];

/** Thresholds of tasks measured with both kinds of answers, one line each; null if there are none. */
export const choiceAndWritingCsv = (document: SweepDocument, manifest: RunManifest): string | null => {
  const pairs = choiceAndWriting(document);
  const isTruncated = truncationOf(document.results);
  const ofWriting = truncationColumn<ChoiceAndWriting>(({ writing }) => isTruncated(writing));
  return pairs.length === 0 ? null : csvTable(manifest, [...kindColumns, ofWriting], pairs);
};

export const findingsMarkdown = ({ findings, notes, rule }: SizeTrendDocument, manifest: RunManifest): string => {
  return [
    `# Findings: ${escapeMarkdown(manifest.title)}`,
    '',
    ...[provenanceHeading(manifest.provenance) ?? []]
      .flat()
      .flatMap((heading) => [`**${escapeMarkdown(heading)}**`, '']),
    ...findings.map(({ sentence }) => `- ${escapeMarkdown(sentence)}`),
    '',
    ...[rule, ...notes].flatMap((text) => [escapeMarkdown(text), '']),
    `Run \`${manifest.id}\`, ${manifest.createdAt}.`,
    '',
  ].join('\n');
};
