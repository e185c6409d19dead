import type { CompareDocument, CompareRow, CompareTask } from '../contract/compare.ts';
import type { RunManifest } from '../contract/run.ts';
import type { EqualKeptPair, SharePoint, SizePair, SizeThreshold, SizeTrendDocument } from '../contract/size-trend.ts';
import {
  type PointName,
  safeDrawsAt,
  type SweepDocument,
  type SweepResult,
  type Threshold,
} from '../contract/sweep.ts';
import type { CurtailedPoint } from '../contract/curtailed-point.ts';
import { verdictText } from '../words/verdicts.ts';
import { type Columns, csvTable } from './csv.ts';
import { escapeMarkdown } from './escape.ts';

/** Leading columns of a line: its curve. */
const curveColumns: Columns<Pick<PointName, 'model' | 'task' | 'method' | 'seed'>> = [
  ['model', ({ model }) => model],
  ['task', ({ task }) => task],
  ['method', ({ method }) => method],
  ['seed', ({ seed }) => seed],
];

const resultColumns: Columns<SweepResult> = [
  ...curveColumns,
  ['factor', ({ factor }) => factor],
  ['kept', ({ kept }) => kept],
  ['n', ({ n }) => n],
  ['metric', ({ metric }) => metric],
  ['value', ({ value }) => value],
  ['acc', ({ acc }) => acc],
  ['acc_norm', ({ accNorm }) => accNorm],
  ['perplexity', ({ perplexity }) => perplexity],
  ['difference', ({ difference }) => difference],
  ['low', ({ low }) => low],
  ['high', ({ high }) => high],
  ['low_one_sided', ({ lowOneSided }) => lowOneSided],
  ['p', ({ p }) => p],
  ['lost', ({ lost }) => lost],
  ['gained', ({ gained }) => gained],
  ['truncated', ({ truncated }) => truncated],
  ['high_one_sided', ({ highOneSided }) => highOneSided ?? null],
  ['verdict', ({ verdict }) => verdict ?? null],
  ['bytes', ({ cost }) => cost?.bytes ?? null],
  ['active_parameters', ({ cost }) => cost?.activeParameters ?? null],
  ['cache_bytes_per_token', ({ cost }) => cost?.cacheBytesPerToken ?? null],
  ['prompt_tokens_per_second', ({ cost }) => cost?.promptTokensPerSecond ?? null],
  ['decode_tokens_per_second', ({ cost }) => cost?.decodeTokensPerSecond ?? null],
  ['dropped_share', ({ droppedShare }) => droppedShare ?? null],
];

/** Power of the test; empty if nothing is undecided. */
const powerColumns: Columns<Pick<Threshold, 'power'>> = [
  ['discordance', ({ power }) => power?.discordance ?? null],
  ['chance_unharmed_is_safe', ({ power }) => power?.chance ?? null],
  ['items_for_80_percent', ({ power }) => power?.itemsForWanted ?? null],
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

const thresholdColumns: Columns<Threshold> = [
  ...curveColumns,
  ['factor', ({ factor }) => factor],
  ['last_safe', ({ lastSafe }) => lastSafe],
  ['first_unsafe', ({ firstUnsafe }) => firstUnsafe],
  ['delta', ({ delta }) => delta],
  ['n', ({ n }) => n],
  ['verdict', ({ verdict }) => verdict],
  ['first_worse', ({ firstWorse }) => firstWorse],
  ...powerColumns,
  ...drawColumns,
];

const curtailedColumns: Columns<CurtailedPoint> = [
  ...curveColumns,
  ['factor', ({ factor }) => factor],
  ['kept', ({ kept }) => kept],
  ['n', ({ n }) => n],
  ['evaluated', ({ evaluated }) => evaluated],
  ['metric', ({ metric }) => metric],
  ['lost_at_least', ({ lost }) => lost],
  ['gained_at_most', ({ gainedAtMost }) => gainedAtMost],
  ['verdict', ({ verdict }) => verdict ?? null],
  ['dropped_share', ({ droppedShare }) => droppedShare ?? null],
];

/** Candidates of a sweep that stopped early, one per line; null where none did. */
export const curtailedCsv = ({ curtailed = [] }: SweepDocument, manifest: RunManifest): string | null =>
  curtailed.length === 0 ? null : csvTable(manifest, curtailedColumns, curtailed);

/** Every number of a sweep, one candidate on one task per line. */
export const resultsCsv = (document: SweepDocument, manifest: RunManifest): string =>
  csvTable(manifest, resultColumns, document.results);

export const thresholdsCsv = (document: SweepDocument, manifest: RunManifest): string =>
  csvTable(manifest, thresholdColumns, document.thresholds);

/** At most three decimals: 16 / 13 -> 1.231. */
const factorText = (factor: number | null): string => (factor === null ? '' : String(Math.round(factor * 1000) / 1000));

const headline = ({ verdict, factor }: Threshold): string => {
  if (factor === null) return '?';
  return verdict === 'all-safe' ? `≥ ${factorText(factor)}` : factorText(factor);
};

/** The thresholds as a Markdown table, with the rule, how many were decided at which level, and the run below it. */
export const thresholdsMarkdown = (document: SweepDocument, manifest: RunManifest): string => {
  const titles = [
    'Model',
    'Task',
    'Method',
    'Seed',
    'Threshold',
    'Last safe',
    'First not safe',
    'First worse',
    'n',
    'Verdict',
  ];
  const rows = document.thresholds.map((threshold) => [
    escapeMarkdown(threshold.model),
    escapeMarkdown(threshold.task),
    escapeMarkdown(threshold.method),
    threshold.seed === null ? (threshold.draws === undefined ? '' : 'every draw') : String(threshold.seed),
    headline(threshold),
    factorText(threshold.lastSafe),
    factorText(threshold.firstUnsafe),
    factorText(threshold.firstWorse),
    String(threshold.n),
    verdictText(threshold.verdict),
  ]);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const alignment = titles.map((title) =>
    /^(Seed|Threshold|Last safe|First not safe|First worse|n)$/.test(title) ? '---:' : '---',
  );
  return [
    `# Thresholds: ${escapeMarkdown(manifest.title)}`,
    '',
    line(titles),
    line(alignment),
    ...rows.map(line),
    '',
    document.rule,
    '',
    ...(document.multiplicity === undefined ? [] : [document.multiplicity.sentence, '']),
    `Run \`${manifest.id}\`, ${manifest.createdAt}.`,
    '',
  ].join('\n');
};

interface Line {
  readonly document: CompareDocument;
  readonly task: CompareTask;
  readonly row: CompareRow;
}

/** `factor_asked` is the factor at which methods are compared, `factor` the nearest one that a method reached. */
const compareColumns: Columns<Line> = [
  ['model', ({ document }) => document.model],
  ['answers', ({ document }) => document.answers],
  ['factor_asked', ({ document }) => document.factor],
  ['task', ({ task }) => task.task],
  ['metric', ({ task }) => task.metric],
  ['n', ({ task }) => task.n],
  ['rank', ({ row }) => row.rank],
  ['shares_best', ({ row }) => String(row.sharesBest)],
  ['method', ({ row }) => row.method],
  ['draws', ({ row }) => Math.max(1, row.seeds.length)],
  ['factor', ({ row }) => row.factor],
  ['kept', ({ row }) => row.kept],
  ['value', ({ row }) => row.value],
  ['lowest', ({ row }) => row.lowest],
  ['highest', ({ row }) => row.highest],
  ['reference', ({ task }) => task.reference],
  ['difference', ({ row }) => row.paired?.difference ?? null],
  ['low', ({ row }) => row.paired?.interval?.low ?? null],
  ['high', ({ row }) => row.paired?.interval?.high ?? null],
  ['p', ({ row }) => row.paired?.p ?? null],
  ['p_holm', ({ row }) => row.pHolm],
  ['lost', ({ row }) => row.paired?.lost ?? null],
  ['gained', ({ row }) => row.paired?.gained ?? null],
  ['reading', ({ row }) => row.reading],
  ['lowest_difference', ({ row }) => row.paired?.lowest ?? null],
  ['highest_difference', ({ row }) => row.paired?.highest ?? null],
  ['pairs_of_draws', ({ row }) => row.paired?.pairs.length ?? null],
  ['pairs_better', ({ row }) => row.paired?.better ?? null],
  ['pairs_worse', ({ row }) => row.paired?.worse ?? null],
];

/** Comparisons of the methods of a sweep: one method on one task per line, model after model. */
export const comparisonsCsv = (comparisons: readonly CompareDocument[], manifest: RunManifest): string =>
  csvTable(
    manifest,
    compareColumns,
    comparisons.flatMap((document) =>
      document.tasks.flatMap((task) => task.rows.map((row) => ({ document, task, row }))),
    ),
  );

const sizeThresholdColumns: Columns<SizeThreshold> = [
  ['method', ({ method }) => method],
  ['task', ({ task }) => task],
  ['experts', ({ experts }) => experts],
  ['model', ({ model }) => model],
  ['factor', ({ factor }) => factor],
  ['last_safe', ({ lastSafe }) => lastSafe],
  ['first_unsafe', ({ firstUnsafe }) => firstUnsafe],
  ['largest_tested', ({ largestTested }) => largestTested],
  ['delta', ({ delta }) => delta],
  ['n', ({ n }) => n],
  ['verdict', ({ verdict }) => verdict],
  ['first_worse', ({ firstWorse }) => firstWorse],
  ['kept_safe', ({ keptSafe }) => keptSafe],
  ['bytes_safe', ({ bytesSafe }) => bytesSafe],
  ['bytes_unsafe', ({ bytesUnsafe }) => bytesUnsafe],
  ['kept_unsafe', ({ keptUnsafe }) => keptUnsafe],
  ['kept_worse', ({ keptWorse }) => keptWorse],
  ...powerColumns,
];

const pairColumns: Columns<SizePair> = [
  ['method', ({ method }) => method],
  ['seed', ({ seed }) => seed],
  ['task', ({ task }) => task],
  ['large', ({ large }) => large],
  ['large_experts', ({ largeExperts }) => largeExperts],
  ['small', ({ small }) => small],
  ['experts', ({ experts }) => experts],
  ['factor', ({ factor }) => factor],
  ['past_threshold', ({ pastThreshold }) => (pastThreshold === null ? null : String(pastThreshold))],
  ['metric', ({ metric }) => metric],
  ['n', ({ n }) => n],
  ['pruned', ({ pruned }) => pruned],
  ['scratch', ({ scratch }) => scratch],
  ['difference', ({ difference }) => difference],
  ['low', ({ low }) => low],
  ['high', ({ high }) => high],
  ['p', ({ p }) => p],
  ['lost', ({ lost }) => lost],
  ['gained', ({ gained }) => gained],
  ['reading', ({ reading }) => reading],
];

/** Thresholds with the number of experts before pruning, by method and task, E rising. */
export const expertTrendsCsv = ({ trends }: SizeTrendDocument, manifest: RunManifest): string =>
  csvTable(
    manifest,
    sizeThresholdColumns,
    trends.flatMap(({ points }) => points),
  );

/** Pruned large model against small model from scratch, one comparison per line. */
export const sizePairsCsv = ({ pairs }: SizeTrendDocument, manifest: RunManifest): string =>
  csvTable(manifest, pairColumns, pairs);

const shareColumns: Columns<SharePoint> = [
  ['answers', ({ answers }) => answers],
  ['method', ({ method }) => method],
  ['task', ({ task }) => task],
  ['model', ({ model }) => model],
  ['experts', ({ experts }) => experts],
  ['seed', ({ seed }) => seed],
  ['factor', ({ factor }) => factor],
  ['dropped_share', ({ share }) => share],
  ['difference', ({ difference }) => difference],
];

/** Dropped share and loss of every point, with the experts of its model. */
export const sharePointsCsv = ({ sharePoints }: SizeTrendDocument, manifest: RunManifest): string =>
  csvTable(manifest, shareColumns, sharePoints);

const equalKeptColumns: Columns<EqualKeptPair> = [
  ['method', ({ method }) => method],
  ['seed', ({ seed }) => seed],
  ['task', ({ task }) => task],
  ['kept', ({ kept }) => kept],
  ['large', ({ large }) => large],
  ['large_experts', ({ largeExperts }) => largeExperts],
  ['small', ({ small }) => small],
  ['small_experts', ({ smallExperts }) => smallExperts],
  ['metric', ({ metric }) => metric],
  ['n', ({ n }) => n],
  ['large_value', ({ largeValue }) => largeValue],
  ['small_value', ({ smallValue }) => smallValue],
  ['difference', ({ difference }) => difference],
  ['low', ({ low }) => low],
  ['high', ({ high }) => high],
  ['p', ({ p }) => p],
  ['reading', ({ reading }) => reading],
];

/** Models of neighbouring sizes pruned to the same number of experts, one comparison per line. */
export const equalKeptCsv = ({ equalKept }: SizeTrendDocument, manifest: RunManifest): string =>
  csvTable(manifest, equalKeptColumns, equalKept);

/** The findings as a Markdown list, with notes and the run. */
export const findingsMarkdown = ({ findings, notes, rule }: SizeTrendDocument, manifest: RunManifest): string => {
  return [
    `# Findings: ${escapeMarkdown(manifest.title)}`,
    '',
    ...findings.map(({ sentence }) => `- ${escapeMarkdown(sentence)}`),
    '',
    ...[rule, ...notes].flatMap((text) => [escapeMarkdown(text), '']),
    `Run \`${manifest.id}\`, ${manifest.createdAt}.`,
    '',
  ].join('\n');
};
