import type { SizePair } from '../contract/size-trend.ts';
import type { MetricName } from '../contract/task.ts';
import { type Standing, standingOf } from '../words/verdicts.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';

/** A method's point in a row: one comparison with its interval, or the mean and range of several. */
export interface PairPoint {
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
export interface PairRow {
  readonly largeExperts: number;
  readonly experts: number;
  readonly points: readonly PairPoint[];
}

export interface PairPanel {
  readonly task: string;
  readonly metric: MetricName;
  readonly n: number;
  readonly rows: readonly PairRow[];
}

const distinct = <T>(items: readonly T[]): T[] => [...new Set(items)];

const standingOfAll = (pairs: readonly SizePair[]): Standing => {
  const standings = pairs.map(standingOf);
  if (standings.includes('past')) return 'past';
  return standings.every((standing) => standing === 'within') ? 'within' : 'unknown';
};

const pointOf = (method: string, pairs: readonly SizePair[]): PairPoint => {
  const [only] = pairs;
  const standing = standingOfAll(pairs);
  if (pairs.length === 1 && only !== undefined) {
    const { difference, low, high } = only;
    return { method, difference, low, high, pairs, standing };
  }
  const differences = pairs.map(({ difference }) => difference);
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
  return {
    method,
    difference: mean,
    low: minOf(differences),
    high: maxOf(differences),
    pairs,
    standing,
  };
};

const rowOf = (largeExperts: number, experts: number, pairs: readonly SizePair[]): PairRow => ({
  largeExperts,
  experts,
  points: distinct(pairs.map(({ method }) => method)).map((method) =>
    pointOf(
      method,
      pairs.filter((pair) => pair.method === method),
    ),
  ),
});

/** Gathers pairs for drawing: a panel per task, a row per pair of sizes (by E', then E). */
export const pairPanels = (pairs: readonly SizePair[], tasks: readonly string[]): PairPanel[] =>
  tasks.flatMap((task): PairPanel[] => {
    const own = pairs.filter((pair) => pair.task === task);
    const [first] = own;
    if (first === undefined) return [];
    const ascending = (a: number, b: number): number => a - b;
    const rows = distinct(own.map(({ experts }) => experts))
      .sort(ascending)
      .flatMap((experts) => {
        const toThis = own.filter((pair) => pair.experts === experts);
        return distinct(toThis.map(({ largeExperts }) => largeExperts))
          .sort(ascending)
          .map((largeExperts) =>
            rowOf(
              largeExperts,
              experts,
              toThis.filter((pair) => pair.largeExperts === largeExperts),
            ),
          );
      });
    return [{ task, metric: first.metric, n: minOf(own.map(({ n }) => n)), rows }];
  });

const valuesOf = ({ rows }: PairPanel): number[] =>
  rows.flatMap(({ points }) => points.flatMap(({ low, high, difference }) => [low, high, difference]));

/** Lowest and highest end of any whisker, including 0: accuracies share one axis, each perplexity has its own. */
export const differenceDomain = (panel: PairPanel, panels: readonly PairPanel[]): readonly [number, number] => {
  const shown = panel.metric === 'perplexity' ? [panel] : panels.filter(({ metric }) => metric !== 'perplexity');
  const values = [0, ...shown.flatMap(valuesOf)];
  return [minOf(values), maxOf(values)];
};
