import type {
  ExpertTrend,
  Finding,
  SafeShare,
  SizeThreshold,
  SizeTrendDocument,
  TrendDirection,
} from '../contract/size-trend.ts';
import { type AnswerKind, answerKind } from '../contract/task.ts';
import { countPairs } from '../evaluation/size-trend/pairs.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { methodTitle } from '../words/methods.ts';
import { formatDifference, formatFactor, formatInterval, formatProbability, formatRange } from '../words/numbers.ts';

/** A question of a sweep, answered in numbers: a row per kind of answers and method. */
export interface FindingTable {
  readonly chart: Finding['chart'];
  /** What the numbers count. */
  readonly note: string;
  readonly columns: readonly { readonly title: string; readonly isNumber: boolean }[];
  readonly rows: readonly (readonly string[])[];
}

interface FindingRow {
  readonly answers: AnswerKind | null;
  readonly method: string;
}

interface FindingColumn<T> {
  readonly title: string;
  readonly isNumber: boolean;
  readonly cell: (row: T) => string | number;
}

const text = <T>(title: string, cell: (row: T) => string): FindingColumn<T> => ({ title, isNumber: false, cell });
const number = <T>(title: string, cell: (row: T) => string | number): FindingColumn<T> => ({
  title,
  isNumber: true,
  cell,
});

const NONE = '\u2013';

const table = <T extends FindingRow>(
  chart: Finding['chart'],
  note: string,
  rows: readonly T[],
  columns: readonly FindingColumn<T>[],
): FindingTable[] => {
  if (rows.length === 0) return [];
  const answers = rows.some((row) => row.answers === 'written') ? [text<T>('answers', (row) => row.answers ?? '')] : [];
  const all = [text<T>('method', ({ method }) => methodTitle(method)), ...answers, ...columns];
  return [
    {
      chart,
      note,
      columns: all.map(({ title, isNumber }) => ({ title, isNumber })),
      rows: rows.map((row) => all.map(({ cell }) => String(cell(row)))),
    },
  ];
};

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

const lastSafeOf = ({ lastSafe }: SizeThreshold): number => lastSafe ?? 1;

/** Whether no other method reaches further on the same task of the same model, with a factor above 1. */
const isFurthest = (threshold: SizeThreshold, all: readonly SizeThreshold[]): boolean =>
  lastSafeOf(threshold) > 1 &&
  lastSafeOf(threshold) ===
    maxOf(all.filter(({ model, task }) => model === threshold.model && task === threshold.task).map(lastSafeOf));

/** How far is safe, over all models and tasks. */
const thresholdTable = (sizeTrend: SizeTrendDocument): FindingTable[] => {
  const { thresholds } = sizeTrend;
  return table(
    'thresholds',
    'Cases of a model and a task. Furthest: alone or with others.',
    groups(sizeTrend, thresholds).map(({ own, ...row }) => ({
      ...row,
      known: own.filter(({ lastSafe }) => lastSafe !== null),
      all: own.length,
    })),
    [
      number('safe above \u00d71', ({ known }) => known.filter((entry) => lastSafeOf(entry) > 1).length),
      number('at no tested factor', ({ known }) => known.filter((entry) => lastSafeOf(entry) === 1).length),
      number('cannot tell', ({ known, all }) => all - known.length),
      number('cases', ({ all }) => all),
      number('furthest in', ({ known }) => known.filter((entry) => isFurthest(entry, thresholds)).length),
      number('largest threshold', ({ known }) => {
        const largest = known.reduce<SizeThreshold | null>(
          (best, entry) => (best !== null && lastSafeOf(best) >= lastSafeOf(entry) ? best : entry),
          null,
        );
        if (largest === null || lastSafeOf(largest) <= 1) return NONE;
        return `${largest.firstUnsafe === null ? '\u2265 ' : ''}${formatFactor(lastSafeOf(largest))}`;
      }),
    ],
  );
};

/** "3 of 9 (2 to 5)": thresholds that reach a factor, in every draw and in single ones. */
export const shareText = (share: SafeShare | undefined): string => {
  if (share === undefined || share.of === 0) return NONE;
  const draws = share.draws === undefined ? '' : ` (${formatRange([share.draws.lowest, share.draws.highest])})`;
  return `${share.safe} of ${share.of}${draws}`;
};

/** How many tasks are safe at the smallest factor, by the number of experts. */
const safeTable = ({ safeCounts, models }: SizeTrendDocument): FindingTable[] => {
  if (safeCounts.length === 0) return [];
  const smallest = minOf(safeCounts.map(({ factor }) => factor));
  const rows = safeCounts.filter(({ factor }) => factor === smallest);
  const isDrawn = rows.some(({ shares }) => shares.some(({ draws }) => draws !== undefined));
  return table(
    'safe-tasks',
    `Thresholds at ${formatFactor(smallest)} or above, of those that can be told` +
      (isDrawn ? ', in every draw (in brackets: in single draws, fewest to most).' : '.'),
    rows,
    [...new Set(models.map(({ experts }) => experts))]
      .sort((left, right) => left - right)
      .map((size) => number(`E ${size}`, ({ shares }) => shareText(shares.find(({ experts }) => experts === size)))),
  );
};

/** The findings of a sweep over the sizes of its models. */
export const findingTables = (sizeTrend: SizeTrendDocument): readonly FindingTable[] => {
  const { trends, findings, pairs, shareTrends } = sizeTrend;
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
    ...thresholdTable(sizeTrend),
    ...table(
      'threshold-over-experts',
      'Tasks by the direction of their threshold as E grows.',
      groups(sizeTrend, trends),
      [
        number('rises', going('rises')),
        number('falls', going('falls')),
        number('stays', going('stays')),
        number('cannot tell', going('cannot-tell')),
        number('tasks', ({ own }) => own.length),
        number('p', (row) => {
          const p = ofRow(row)?.p ?? null;
          return p === null ? NONE : formatProbability(p);
        }),
        text('over all tasks', (row) => readings[ofRow(row)?.verdict ?? 'counted']),
      ],
    ),
    ...safeTable(sizeTrend),
    ...table(
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
    ...table(
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
