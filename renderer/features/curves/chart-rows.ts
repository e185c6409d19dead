import type { SweepResult } from '../../../main/contract/sweep.ts';
import { maxOf, minOf } from '../../../main/statistics/extremes.ts';
import type { MethodCurve, TaskCurves } from './task-curves.ts';

/** A point as drawn. */
export interface ChartRow {
  /** Horizontal position: the factor, shifted slightly so that methods do not hide each other. */
  readonly x: number;
  /** Value of the line (the mean of the draws). */
  readonly line: number | null;
  /** Value of a single measured point. */
  readonly dot: number | null;
  /** [down, up] from `dot` to the ends of the paired interval, shifted to the unpruned value. */
  readonly error: readonly [number, number] | null;
  /** [low, high] of the same interval; for several draws, the lowest and highest value. */
  readonly band: readonly [number, number] | null;
  readonly result: SweepResult | null;
  readonly threshold: boolean;
}

/** Shift between methods, as a power of two; smaller if many methods would make factors overlap. */
const DODGE = 0.05;
const WIDEST = 0.6;

/** x of a factor for the method with index `index` of `count`. */
export const dodged = (factor: number, index: number, count: number): number =>
  factor === 1 ? 1 : factor * 2 ** ((index - (count - 1) / 2) * Math.min(DODGE, WIDEST / Math.max(1, count - 1)));

/** Rows of one method: its line, its dots with intervals, and its threshold. */
export const chartRows = (
  curve: MethodCurve,
  unpruned: number | null,
  index: number,
  count: number,
): readonly ChartRow[] => {
  const isThreshold = (factor: number, seed: number | null): boolean =>
    curve.thresholds.some((threshold) => threshold.factor === factor && threshold.seed === seed);
  const single = curve.draws === 1;
  const lines = curve.line.map(({ factor, value, lowest, highest }): ChartRow => {
    const result = single ? (curve.points.find((point) => point.factor === factor) ?? null) : null;
    const interval =
      result === null || unpruned === null ? null : ([unpruned + result.low, unpruned + result.high] as const);
    return {
      x: dodged(factor, index, count),
      line: value,
      dot: result?.value ?? null,
      error: interval === null ? null : [Math.max(0, value - interval[0]), Math.max(0, interval[1] - value)],
      band: single && factor > 1 ? interval : [lowest, highest],
      result,
      threshold: result !== null && isThreshold(factor, result.seed),
    };
  });
  if (single) return lines;
  const dots = curve.points.map((result): ChartRow => ({
    x: dodged(result.factor, index, count),
    line: null,
    dot: result.value,
    error: null,
    band: null,
    result,
    threshold: isThreshold(result.factor, result.seed),
  }));
  return [...lines, ...dots];
};

/** Powers of two from 1 to the largest measured factor, plus that factor itself if it is far enough from them. */
export const factorTicks = (curves: readonly TaskCurves[]): readonly number[] => {
  const largest = maxOf([
    2,
    ...curves.flatMap((task) =>
      task.curves.flatMap((curve) => [...curve.points.map((point) => point.factor), ...curve.curtailed]),
    ),
  ]);
  const ticks: number[] = [];
  for (let factor = 1; factor <= largest * 1.001; factor *= 2) ticks.push(factor);
  const last = ticks.at(-1) ?? 1;
  return largest > last * 1.25 ? [...ticks, largest] : ticks;
};

/** Range of the value axis: 0 to 1 for accuracies, so that tasks can be compared; the measured range for perplexity. */
export const valueDomain = (curves: TaskCurves): readonly [number, number] => {
  if (curves.metric !== 'perplexity') return [0, 1];
  const values = [
    ...(curves.unpruned === null ? [] : [curves.unpruned]),
    ...curves.curves.flatMap((curve) => curve.points.map((point) => point.value)),
  ];
  if (values.length === 0) return [0, 1];
  const [low, high] = [minOf(values), maxOf(values)];
  const room = (high - low || high || 1) * 0.08;
  return [Math.max(0, low - room), high + room];
};
