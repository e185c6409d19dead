import type { RunManifest } from '../contract/run.ts';
import type {
  EqualKeptPair,
  SharePoint,
  ShareTrend,
  SizePair,
  SizeThreshold,
  SizeTrendDocument,
  SlopeOverExperts,
} from '../contract/size-trend.ts';
import {
  amount,
  type Columns,
  differenceColumns,
  factorColumn,
  column,
  field,
  inThousandths,
  inUnits,
  itemsColumn,
  keptColumn,
  methodColumn,
  modelColumn,
  pColumn,
  seedColumn,
  taskColumn,
  truncationColumn,
  plain,
} from './columns.ts';
import { csvTable } from './csv.ts';
import { headlineColumns, powerColumns } from './tables.ts';
import { standingOf, standingText } from '../words/verdicts.ts';
import { bareFactor, formatDifference, formatInterval, formatPercent } from '../words/numbers.ts';

export const sizeThresholdColumns: Columns<SizeThreshold> = [
  methodColumn,
  taskColumn,
  ['experts', ({ experts }) => experts, amount('E', undefined, 'experts')],
  modelColumn,
  ...headlineColumns,
  ...plain('lastSafe', 'firstUnsafe'),
  field('largestTested', 'largest tested', bareFactor, 'largestTested'),
  field('delta', '\u03b4', inThousandths, 'delta'),
  itemsColumn,
  ...plain('verdict', 'firstWorse', 'keptSafe', 'bytesSafe', 'bytesUnsafe', 'keptUnsafe', 'keptWorse'),
  ...powerColumns,
  truncationColumn(({ truncationMeasured }) => truncationMeasured === true),
];

/** Thresholds with the number of experts before pruning, by method and task, E rising. */
export const expertTrendsCsv = ({ trends }: SizeTrendDocument, manifest: RunManifest): string =>
  csvTable(
    manifest,
    sizeThresholdColumns,
    trends.flatMap(({ points }) => points),
  );

export const pairColumns: Columns<SizePair> = [
  methodColumn,
  seedColumn,
  taskColumn,
  column('large', ({ large }) => large, {
    title: 'pruned model',
    text: ({ large, largeExperts, experts }) => `${large} (${largeExperts} \u2192 ${experts})`,
  }),
  ['large_experts', ({ largeExperts }) => largeExperts],
  ['small', ({ small }) => small, { title: 'model from scratch' }],
  ['experts', ({ experts }) => experts],
  factorColumn,
  [
    'past_threshold',
    ({ pastThreshold }) => (pastThreshold === null ? null : String(pastThreshold)),
    { title: 'threshold', text: (pair) => standingText(standingOf(pair)), definition: 'pastThreshold' },
  ],
  ['metric', ({ metric }) => metric],
  itemsColumn,
  field('pruned', 'pruned', inUnits),
  field('scratch', 'from scratch', inUnits),
  ...differenceColumns('scratchDifference'),
  pColumn,
  ...plain('lost', 'gained', 'reading'),
];

/** Columns of a pair for readers: behind the names, the difference and where the pruned model stands. */
export const PAIR_SHOWN = 'task method seed large small difference interval past_threshold n pruned scratch p';

/** Pruned large model against small model from scratch, one comparison per line. */
export const sizePairsCsv = ({ pairs }: SizeTrendDocument, manifest: RunManifest): string =>
  csvTable(manifest, pairColumns, pairs);

const shareColumns: Columns<SharePoint> = [
  ['answers', ({ answers }) => answers],
  methodColumn,
  taskColumn,
  modelColumn,
  ['experts', ({ experts }) => experts],
  seedColumn,
  factorColumn,
  ['dropped_share', ({ share }) => share],
  ['difference', ({ difference }) => difference],
];

/** Dropped share and loss of every point, with the experts of its model. */
export const sharePointsCsv = ({ sharePoints }: SizeTrendDocument, manifest: RunManifest): string =>
  csvTable(manifest, shareColumns, sharePoints);

const slopeText = (slope: SlopeOverExperts): string =>
  `${formatDifference(slope.slope, 'acc')} ${formatInterval(slope, 'acc')}`;

/** The slopes over E of a method, with the share that an equal factor drops. */
export const shareTrendColumns: Columns<ShareTrend> = [
  methodColumn,
  ['answers', ({ answers }) => answers, { title: 'answers' }],
  ['share', null, amount('at equal share', ({ atEqualShare }) => slopeText(atEqualShare), 'slopeOverExperts')],
  ['draws', ({ draws }) => draws, amount('draws', undefined, 'seed')],
  [
    'factor',
    null,
    amount('equal factor', ({ equalFactor }) => equalFactor && bareFactor(equalFactor.factor), 'factor'),
  ],
  [
    'at_factor',
    null,
    amount('at equal factor', ({ equalFactor }) => equalFactor && slopeText(equalFactor), 'slopeOverExperts'),
  ],
  column('drops', null, {
    title: 'dropped share',
    definition: 'droppedShare',
    text: ({ equalFactor }) =>
      (equalFactor?.sizes ?? []).map(({ experts, share }) => `${formatPercent(share)} at E ${experts}`).join(', '),
  }),
];

export const equalKeptColumns: Columns<EqualKeptPair> = [
  methodColumn,
  seedColumn,
  taskColumn,
  keptColumn,
  [
    'large',
    ({ large }) => large,
    { title: 'larger model', text: ({ large, largeExperts }) => `${large} (E = ${largeExperts})` },
  ],
  ['large_experts', ({ largeExperts }) => largeExperts],
  [
    'small',
    ({ small }) => small,
    { title: 'smaller model', text: ({ small, smallExperts }) => `${small} (E = ${smallExperts})` },
  ],
  ...plain('smallExperts', 'metric'),
  itemsColumn,
  field('largeValue', 'larger', inUnits),
  field('smallValue', 'smaller', inUnits),
  ...differenceColumns('pairedDifference'),
  pColumn,
  ['reading', ({ reading }) => reading, { title: 'reading' }],
];

/** Models of neighbouring sizes pruned to the same number of experts, one comparison per line. */
export const equalKeptCsv = ({ equalKept }: SizeTrendDocument, manifest: RunManifest): string =>
  csvTable(manifest, equalKeptColumns, equalKept);
