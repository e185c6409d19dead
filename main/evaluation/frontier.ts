import type { GgufType } from '../contract/export.ts';
import { weightsOfLabel } from '../contract/method.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { pointNameKey, type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { holmAdjusted } from '../statistics/p-values.ts';
import { methodTitle } from '../words/methods.ts';
import {
  formatBytes,
  formatDifference,
  formatDifferenceInUnit,
  formatFactor,
  formatInterval,
  formatP,
  formatRoughPercent,
} from '../words/numbers.ts';
import { summarise } from './summarise.ts';

/**
 * Accuracy against bytes: which measured models no other one of their model and task beats in both, and whether a model
 * is better pruned or quantised to the same bytes.
 */

/** A measured model with its bytes. */
export interface FrontierPoint {
  readonly result: SweepResult;
  readonly bytes: number;
  /** Of the unpruned model's bytes at its stored weights. */
  readonly share: number;
  /** Type as which the weights are rounded; null: as stored. */
  readonly weights: GgufType | null;
  /** No other point is at least as good in no more bytes, and better in one of the two. */
  readonly isUndominated: boolean;
}

/**
 * The unpruned model at a type of weights, against the largest pruned model of a method that fits into its bytes at
 * another type: that one is chosen by its bytes alone, so that no luck of its accuracy chose it.
 */
export interface FrontierPair {
  readonly quantised: FrontierPoint;
  readonly pruned: FrontierPoint;
  /** Pruned minus quantised, on the same items, with the two-sided 95 % interval. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided exact McNemar, and adjusted for all pairs of a sweep by Holm's procedure; null for perplexity. */
  readonly p: number | null;
  readonly pHolm: number | null;
}

const isBetter = (metric: MetricName, one: number, other: number): boolean =>
  metric === 'perplexity' ? one < other : one > other;

const dominates = (one: SweepResult, other: SweepResult, bytes: number, otherBytes: number): boolean =>
  bytes <= otherBytes &&
  !isBetter(one.metric, other.value, one.value) &&
  (bytes < otherBytes || isBetter(one.metric, one.value, other.value));

/** Items with equal keys together, in the order of first appearance. */
const grouped = <T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly T[])[] =>
  [...new Set(items.map(keyOf))].map((key) => items.filter((item) => keyOf(item) === key));

/** The points of a sweep that have bytes, by model and task, by rising bytes. */
export const frontierPoints = (results: readonly SweepResult[]): readonly FrontierPoint[] =>
  grouped(results, ({ model, task }) => JSON.stringify([model, task])).flatMap((own) => {
    const whole = own.find(({ method }) => method === UNPRUNED)?.cost?.bytes;
    if (whole === undefined) return [];
    const sized = own.flatMap((result) => (result.cost === undefined ? [] : [{ result, bytes: result.cost.bytes }]));
    return sized
      .map(({ result, bytes }) => ({
        result,
        bytes,
        share: bytes / whole,
        weights: weightsOfLabel(result.method).weights,
        isUndominated: !sized.some((other) => dominates(other.result, result, other.bytes, bytes)),
      }))
      .sort((one, other) => one.bytes - other.bytes);
  });

const isWhole = ({ result: { method } }: FrontierPoint): boolean => weightsOfLabel(method).bare === UNPRUNED;

/** The pairs that answer "prune or quantise?": for each type and curve, the largest pruned model that fits. */
export const fittingPairs = (points: readonly FrontierPoint[]): readonly Pick<FrontierPair, 'quantised' | 'pruned'>[] =>
  points
    .filter((point) => point.weights !== null && isWhole(point))
    .flatMap((quantised) => {
      const fitting = points.filter(
        (point) =>
          point.result.model === quantised.result.model &&
          point.result.task === quantised.result.task &&
          point.result.factor > 1 &&
          point.weights !== quantised.weights &&
          point.bytes <= quantised.bytes,
      );
      const ofCurve = ({ result: { method, seed } }: FrontierPoint): string =>
        JSON.stringify([weightsOfLabel(method).bare, seed]);
      return grouped(fitting, ofCurve).flatMap((own) => {
        const pruned = own.at(-1);
        return pruned === undefined ? [] : [{ quantised, pruned }];
      });
    });

/** Compares pairs on the same items; those whose outcomes are not stored are left out. */
export const frontierPairs = (
  points: readonly FrontierPoint[],
  outcomesOf: (result: SweepResult) => readonly ItemOutcome[] | null,
): readonly FrontierPair[] => {
  const compared = fittingPairs(points).flatMap(({ quantised, pruned }) => {
    const [before, after] = [outcomesOf(quantised.result), outcomesOf(pruned.result)];
    if (before === null || after === null) return [];
    const { difference, low, high, p } = summarise(pruned.result.metric, before, after);
    return [{ quantised, pruned, difference, low, high, p }];
  });
  const adjusted = holmAdjusted(compared.map(({ p }) => p));
  return compared.map((pair, index) => ({ ...pair, pHolm: adjusted[index] ?? null }));
};

const against = ({ result }: FrontierPoint): string =>
  `${formatDifference(result.difference, result.metric)} ${formatInterval(result, result.metric)}`;

/** "In 53 % of the bytes (844 kB): REAP at factor ×1.5 ...; difference +1.8 points [+0.6, +3.1]". */
export const pairSentence = ({ quantised, pruned, difference, low, high, pHolm }: FrontierPair): string => {
  const { model, task, metric, method, factor, seed } = pruned.result;
  const drawn = seed === null ? '' : `, seed ${String(seed)}`;
  const size = (point: FrontierPoint): string => `${formatBytes(point.bytes)}, ${formatRoughPercent(point.share)}`;
  const side = low > 0 ? 'above' : high < 0 ? 'below' : null;
  const isPruned = side !== null && (side === 'above') === (metric !== 'perplexity');
  const verdict = side === null ? 'cannot tell' : isPruned ? 'pruning is better' : 'quantising is better';
  return (
    `${model} on ${task}, in ${formatRoughPercent(quantised.share)} of the bytes: ${methodTitle(method)} by ` +
    `${formatFactor(factor)}${drawn} (${size(pruned)}) ${against(pruned)}; ${methodTitle(quantised.result.method)} ` +
    `(${size(quantised)}) ${against(quantised)}; difference ${formatDifferenceInUnit(difference, metric)} ` +
    `${formatInterval({ low, high }, metric)}: ${verdict}` +
    `${pHolm === null ? '' : ` (all pairs together: ${formatP(pHolm)})`}.`
  );
};

/** The points whose outcomes `frontierPairs` reads. */
export const comparedResults = (points: readonly FrontierPoint[]): readonly SweepResult[] => [
  ...new Map(
    fittingPairs(points)
      .flatMap(({ quantised, pruned }) => [quantised.result, pruned.result])
      .map((result) => [pointNameKey(result), result] as const),
  ).values(),
];
