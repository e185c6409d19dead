import type { SizePair, SizeTrendDocument } from '../contract/size-trend.ts';
import type { MetricName } from '../contract/task.ts';
import { groupBy } from '../evaluation/threshold.ts';
import { mean } from '../statistics/bootstrap.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { methodTitle } from '../words/methods.ts';
import {
  differenceUnit,
  formatCount,
  formatDifference,
  formatFactor,
  formatInterval,
  formatP,
  formatValue,
} from '../words/numbers.ts';
import { type Standing, standingOf, standingText } from '../words/verdicts.ts';
import { type Chart, type ChartFigure, type ChartTip, linearAxis, rowsChart, rowsPlot, tickText } from './chart.ts';
import type { FigureTheme } from './colors.ts';
import { methodMarks } from './method-marks.ts';

/** A method's point in a row: one comparison with its interval, or the mean and range of several. */
interface PairPoint {
  readonly method: string;
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Draws and trainings behind the point. */
  readonly pairs: readonly SizePair[];
  /** Relative to the large model's threshold: past it if any comparison behind the point is. */
  readonly standing: Standing;
}

/** A size pruned to a smaller size, against that smaller size from scratch. */
interface PairRow {
  readonly largeExperts: number;
  readonly experts: number;
  readonly points: readonly PairPoint[];
}

interface PairPanel {
  readonly task: string;
  readonly metric: MetricName;
  readonly n: number;
  readonly rows: readonly PairRow[];
}

const standingOfAll = (pairs: readonly SizePair[]): Standing => {
  const standings = pairs.map(standingOf);
  if (standings.includes('past')) return 'past';
  return standings.every((standing) => standing === 'within') ? 'within' : 'unknown';
};

const pointOf = (pairs: readonly [SizePair, ...SizePair[]]): PairPoint => {
  const [{ method, difference, low, high }] = pairs;
  const standing = standingOfAll(pairs);
  if (pairs.length === 1) return { method, difference, low, high, pairs, standing };
  const differences = pairs.map((pair) => pair.difference);
  return {
    method,
    difference: mean(differences),
    low: minOf(differences),
    high: maxOf(differences),
    pairs,
    standing,
  };
};

/** Gathers pairs for drawing: a panel per task, a row per pair of sizes (by E', then E). */
export const pairPanels = (pairs: readonly SizePair[], tasks: readonly string[]): PairPanel[] =>
  tasks.flatMap((task): PairPanel[] => {
    const matchingPairs = pairs
      .filter((pair) => pair.task === task)
      .sort((a, b) => a.experts - b.experts || a.largeExperts - b.largeExperts);
    const [first] = matchingPairs;
    if (first === undefined) return [];
    const rows = groupBy(matchingPairs, ({ experts, largeExperts }) => [experts, largeExperts]).map((ofSizes) => ({
      largeExperts: ofSizes[0].largeExperts,
      experts: ofSizes[0].experts,
      points: groupBy(ofSizes, ({ method }) => method).map(pointOf),
    }));
    return [{ task, metric: first.metric, n: minOf(matchingPairs.map(({ n }) => n)), rows }];
  });

const valuesOf = ({ rows }: PairPanel): number[] =>
  rows.flatMap(({ points }) => points.flatMap(({ low, high, difference }) => [low, high, difference]));

/** Lowest and highest end of any whisker, including 0: accuracies share one axis, each perplexity has its own. */
export const differenceDomain = (panel: PairPanel, panels: readonly PairPanel[]): readonly [number, number] => {
  const shown = panel.metric === 'perplexity' ? [panel] : panels.filter(({ metric }) => metric !== 'perplexity');
  const values = [0, ...shown.flatMap(valuesOf)];
  return [minOf(values), maxOf(values)];
};

/** How to read comparisons of a pruned large model with a small one. */
const SIZE_PAIR_CAPTION =
  'Row E \u2192 E\u2032: the model with E experts pruned to E\u2032, minus the model trained with E\u2032, ' +
  'on the same items; left of 0 (perplexity: ' +
  'right of 0) the pruned model is worse. Whiskers: two-sided 95 % interval of the paired difference ' +
  '(Tango\u2019s score ' +
  'interval; paired bootstrap for perplexity); for several draws or trainings mean and range. Filled: past ' +
  'the pruned ' +
  'model\u2019s threshold; hollow: within it; pale: undecided.';

/** Exact numbers of a point. */
const pairTip = (
  { largeExperts, experts }: PairRow,
  { method, difference, low, high, pairs, standing }: PairPoint,
): ChartTip => {
  const [first] = pairs;
  const metric = first?.metric ?? 'acc';
  const unit = differenceUnit(metric);
  const interval = formatInterval({ low, high }, metric);
  return {
    title: `${methodTitle(method)}, E ${formatCount(largeExperts)} pruned to ${formatCount(experts)}`,
    lines:
      pairs.length === 1 && first !== undefined
        ? [
            `${first.large} ${formatFactor(first.factor)}: ${formatValue(first.pruned, metric)}; ${first.small} ` +
              `from scratch: ${formatValue(first.scratch, metric)}`,
            `difference ${formatDifference(difference, metric)} ${interval}${unit}`,
            `n ${formatCount(first.n)}${first.p === null ? '' : `, ${formatP(first.p)}`}, ` + standingText(standing),
          ]
        : [
            `${formatCount(pairs.length)} comparisons (draws and trainings)`,
            `mean difference ${formatDifference(difference, metric)}, range ${interval}${unit}`,
            standingText(standing),
          ],
  };
};

const LOOKS = { past: 'filled', within: 'hollow', unknown: 'pale' } as const;

/** Identity of a point in its chart. */
export const pairKey = ({
  largeExperts,
  experts,
  method,
}: Pick<SizePair, 'largeExperts' | 'experts' | 'method'>): string => JSON.stringify([largeExperts, experts, method]);

/**
 * Pruned large model against small model from scratch at equal numbers of experts: a chart per task, a row per pair of
 * sizes, a mark per `shown` method.
 */
export const sizePairFigure = (
  sizeTrend: SizeTrendDocument,
  tasks: readonly string[],
  theme: FigureTheme,
  shown: readonly string[] = sizeTrend.methods,
): ChartFigure => {
  const all = pairPanels(
    sizeTrend.pairs.filter(({ method }) => shown.includes(method)),
    sizeTrend.tasks,
  );
  const panels = all.filter(({ task }) => tasks.includes(task));
  const marks = methodMarks(sizeTrend.methods, theme, shown);
  const most = maxOf([1, ...panels.map(({ rows }) => rows.length)]);
  const chartOf = (panel: PairPanel): Chart => {
    const { task, metric, n, rows } = panel;
    const across = metric === 'perplexity' ? 'difference of perplexity' : 'difference of accuracy (points)';
    return {
      key: task,
      heading: theme.task(task),
      note: `n = ${n}${metric === 'perplexity' ? ', perplexity' : ''}`,
      x: linearAxis(
        differenceDomain(panel, all),
        { title: across, label: (tick) => tickText(tick, metric) },
        { most: 4 },
      ),
      definition: 'scratchDifference',
      ...rowsChart(
        rows.map(({ largeExperts, experts }) => `${largeExperts} \u2192 ${experts}`),
        [...marks].map(([key, mark]) => ({ key, mark })),
        rows.flatMap((row, index) =>
          row.points.map((point) => ({
            key: pairKey({ ...row, method: point.method }),
            row: index,
            curve: point.method,
            x: point.difference,
            look: LOOKS[point.standing],
            whiskers: [{ along: 'x', low: point.low, high: point.high }],
            tip: () => pairTip(row, point),
          })),
        ),
      ),
    };
  };
  return {
    title: 'Pruned from more experts, against trained with as many',
    description: `${panels.length} tasks, methods ${[...marks.keys()].join(', ')}. ${SIZE_PAIR_CAPTION}`,
    caption: SIZE_PAIR_CAPTION,
    legend: [...marks].map(([method, mark]) => ({ label: methodTitle(method), mark })),
    charts: panels.map(chartOf),
    plot: rowsPlot(most, marks.size),
  };
};
