import { at } from '../contract/errors.ts';
import { isMergePlan, type MergePlan, type Plan } from '../contract/plan.ts';
import {
  isNothingToLose,
  type CalibrationDraw,
  type DrawCount,
  FEW_TOKENS,
  isSameFactor,
  pointNameKey,
  type PointVerdict,
  type SweepDocument,
  type SweepResult,
} from '../contract/sweep.ts';
import { mean } from '../statistics/bootstrap.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { methodInProse } from '../words/methods.ts';
import { bareFactor, counted, formatFactor, formatFixed, formatPercent, formatRange } from '../words/numbers.ts';
import { spreadOf, type Spread } from './draws.ts';
import { ranksOf } from './comparison/ranks.ts';
import { groupBy, readInSequence } from './threshold.ts';

/**
 * Calibration luck: how much of a result depends on the calibration items that happened to be there. Each draw of them
 * gives a plan with a verdict of its own; draws are never pooled, as draws of a method are not (`draws.ts`).
 */

/** Pearson's correlation of two lists; null where one of them does not vary. */
const correlation = (left: readonly number[], right: readonly number[]): number | null => {
  const [a, b] = [mean(left), mean(right)];
  let [product, first, second] = [0, 0, 0];
  for (const [index, value] of left.entries()) {
    const [x, y] = [value - a, at(right, index) - b];
    product += x * y;
    first += x * x;
    second += y * y;
  }
  const scale = Math.sqrt(first * second);
  return scale > 0 ? Math.min(1, Math.max(-1, product / scale)) : null;
};

/**
 * Spearman's rank correlation of two sets of scores [L][E], mean over the layers where both vary; null where no layer
 * does. Equal scores share their mean rank.
 */
export const meanRankCorrelation = (left: readonly Float64Array[], right: readonly Float64Array[]): number | null => {
  const found = left.flatMap((scores, layer) => {
    const value = correlation(ranksOf([...scores], false), ranksOf([...(right[layer] ?? [])], false));
    return value === null ? [] : [value];
  });
  return found.length === 0 ? null : mean(found);
};

/** Pairs of experts that a plan merges with each other, as texts. */
const mergedPairs = ({ groups }: MergePlan): ReadonlySet<string> =>
  new Set(
    groups.flatMap((ofLayer, layer) =>
      ofLayer.flatMap(({ members }) =>
        members.flatMap((member, index) =>
          members.slice(index + 1).map((partner) => [layer, ...[member, partner].sort((a, b) => a - b)].join(' ')),
        ),
      ),
    ),
  );

const keptExperts = (plan: Exclude<Plan, MergePlan>): ReadonlySet<string> =>
  new Set(plan.kept.flatMap((kept, layer) => kept.map((expert) => `${layer} ${expert}`)));

/**
 * Share of the first plan's kept experts that the second keeps too; of merging plans, of its pairs of experts that are
 * merged with each other. Null where the first has none.
 */
export const sharedChoice = (plan: Plan, other: Plan): number | null => {
  const of = (plan: Plan): ReadonlySet<string> => (isMergePlan(plan) ? mergedPairs(plan) : keptExperts(plan));
  const [original, drawn] = [of(plan), of(other)];
  return original.size === 0 ? null : [...original].filter((choice) => drawn.has(choice)).length / original.size;
};

/** The calibration draws of one method at one factor of one task, all with one number of drawn items. */
export interface LuckPoint extends Pick<SweepResult, 'model' | 'task' | 'method' | 'seed' | 'factor' | 'metric' | 'n'> {
  /** Calibration items in each draw; with passages the most. */
  readonly items: number;
  /** Wanted number of items in each; null: as many as there are. */
  readonly size: number | null;
  readonly draws: number;
  /** The plan of all calibration items; null while it is not there. */
  readonly all: SweepResult | null;
  readonly value: Spread;
  readonly difference: Spread;
  /** Standard deviation of the value over draws, with draws - 1; null for one draw. */
  readonly deviation: number | null;
  readonly inCommon: Spread | null;
  readonly rankCorrelation: Spread | null;
  /** Experts with too few tokens for their score to mean anything: over draws, on all items, and of how many. */
  readonly fewTokens: Spread;
  readonly fewTokensOfAll: number;
  readonly experts: number;
  /** Draws whose verdict is safe, of all. */
  readonly safe: DrawCount;
  /** Draws with the verdict of the plan of all items. */
  readonly agree: DrawCount;
}

const deviationOf = (values: readonly number[]): number | null => {
  if (values.length < 2) return null;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
};

const spreadOrNull = (values: readonly (number | null)[]): Spread | null => {
  const known = values.flatMap((value) => value ?? []);
  return known.length === 0 ? null : spreadOf(known);
};

type Drawn = Pick<SweepDocument, 'results' | 'calibrationDraws'>;

/** One for each curve, factor and number of drawn items; smaller numbers first. */
export const luckPoints = ({ results, calibrationDraws = [] }: Drawn): readonly LuckPoint[] => {
  const ofAll = new Map(results.map((result) => [pointNameKey(result), result]));
  return groupBy(calibrationDraws, ({ size, result }) => [pointNameKey(result), size]).map((points): LuckPoint => {
    const [first] = points;
    const { size } = first;
    const { model, task, method, seed, factor, metric, n } = first.result;
    const all = ofAll.get(pointNameKey(first.result)) ?? null;
    const values = points.map(({ result }) => result.value);
    const count = (holds: (result: SweepResult) => boolean): DrawCount => ({
      count: points.filter(({ result }) => holds(result)).length,
      of: points.length,
    });
    return {
      model,
      task,
      method,
      seed,
      factor,
      metric,
      n,
      size,
      all,
      items: maxOf(points.map(({ items }) => items)),
      draws: points.length,
      value: spreadOf(values),
      difference: spreadOf(points.map(({ result }) => result.difference)),
      deviation: deviationOf(values),
      inCommon: spreadOrNull(points.map(({ inCommon }) => inCommon)),
      rankCorrelation: spreadOrNull(points.map(({ rankCorrelation }) => rankCorrelation)),
      fewTokens: spreadOf(points.map(({ fewTokens }) => fewTokens)),
      fewTokensOfAll: first.fewTokensOfAll,
      experts: first.experts,
      safe: count(({ verdict }) => verdict === 'safe'),
      agree: count(({ verdict }) => verdict === all?.verdict),
    };
  });
};

/** The thresholds of the calibration draws of one curve, beside that of all items, at the factors of the draws. */
export interface LuckThreshold extends Pick<SweepResult, 'model' | 'task' | 'method' | 'seed'> {
  readonly items: number;
  readonly size: number | null;
  /** Largest factor such that it and every smaller one is safe: of the plans of all items, and of each draw. */
  readonly all: number;
  readonly draws: readonly number[];
}

const lastSafe = (results: readonly SweepResult[]): number =>
  readInSequence(
    results.map(({ factor, verdict }): { readonly factor: number; readonly verdict: PointVerdict } => ({
      factor,
      verdict: verdict ?? 'undecided',
    })),
  ).lastSafe;

/**
 * One for each curve and number of drawn items where every draw has every factor; none where the unpruned model is at
 * chance, or not measured yet.
 */
export const luckThresholds = (document: Drawn): readonly LuckThreshold[] => {
  const { results, calibrationDraws = [] } = document;
  const keyOf = ({ size, result: { model, task, method, seed } }: CalibrationDraw): readonly unknown[] => [
    ...[model, task, method, seed, size],
  ];
  return groupBy(calibrationDraws, keyOf).flatMap((ofCurve): LuckThreshold[] => {
    const [first] = ofCurve;
    const points = new Set(ofCurve.map(({ result }) => pointNameKey(result)));
    const all = results.filter((result) => points.has(pointNameKey(result)));
    const draws = groupBy(ofCurve, ({ draw }) => draw).map((group) => group.map(({ result }) => result));
    const isWhole = [all, ...draws].every((pointsOfDraw) => pointsOfDraw.length === points.size);
    if (!isWhole || all.some(({ verdict }) => isNothingToLose(verdict))) return [];
    const { model, task, method, seed } = first.result;
    const items = maxOf(ofCurve.map((entry) => entry.items));
    return [{ model, task, method, seed, items, size: first.size, all: lastSafe(all), draws: draws.map(lastSafe) }];
  });
};

/** The thresholds of draws in words: "×4 in 3, ×8 in 2". */
export const drawnThresholdsText = ({ draws }: Pick<LuckThreshold, 'draws'>): string =>
  groupBy(
    [...draws].sort((left, right) => left - right),
    (factor) => factor,
  )
    .map((group) => `${formatFactor(group[0])} in ${group.length}`)
    .join(', ');

/** Points of accuracy with a decimal, as in "2.3". */
const inPoints = (share: number): string => formatFixed(100 * share, 1);

/**
 * Calibration luck of each model and method in words, for each number of drawn items: thresholds that moved, how far
 * points moved, and how alike the plans are. Perplexities do not count towards the movement of points.
 */
export const luckSentences = (document: Drawn): readonly string[] => {
  const thresholds = luckThresholds(document);
  const keyOf = ({ model, method, size }: Pick<LuckPoint, 'model' | 'method' | 'size'>): readonly unknown[] => [
    ...[model, method, size],
  ];
  return groupBy(luckPoints(document), keyOf).map((points): string => {
    const [first] = points;
    const matchingThresholds = thresholds.filter(
      (threshold) => JSON.stringify(keyOf(threshold)) === JSON.stringify(keyOf(first)),
    );
    const moved = matchingThresholds.filter(({ all, draws }) => draws.some((factor) => !isSameFactor(factor, all)));
    const accuracies = points.filter(({ metric }) => metric !== 'perplexity');
    const widest = accuracies.reduce<LuckPoint | null>((most, point) => {
      const width = ({ value }: LuckPoint): number => value.highest - value.lowest;
      return most === null || width(point) > width(most) ? point : most;
    }, null);
    const deviations = accuracies.flatMap(({ deviation }) => deviation ?? []);
    const inCommon = points.flatMap((point) => point.inCommon?.mean ?? []);
    const agreeing = points.filter(({ agree }) => agree.count === agree.of).length;
    const { model, method, draws } = first;
    const items = formatRange(points.map((point) => point.items));
    return (
      `${model} by ${methodInProse(method)}, ${counted(draws, 'calibration draw')} of ${items} items: ` +
      `${moved.length} of ${counted(matchingThresholds.length, 'threshold')} differ in some draw, and ` +
      `${agreeing} of ${counted(points.length, 'point')} have the same verdict in every draw.` +
      (deviations.length === 0 || widest === null
        ? ''
        : ` A point moves by ${inPoints(mean(deviations))} points in the mean (standard deviation over draws), at ` +
          `most by ${inPoints(widest.value.highest - widest.value.lowest)} between two draws (on ${widest.task} at ` +
          `${formatFactor(widest.factor)}).`) +
      (inCommon.length === 0
        ? ''
        : ` Plans have ${formatPercent(mean(inCommon))} in common with those of all items (mean of ` +
          `points; the smallest mean over draws of a point is ${formatPercent(minOf(inCommon))}).`) +
      ` Of ${first.experts} experts, ` +
      `${formatFixed(mean(points.map(({ fewTokens }) => fewTokens.mean)), 0)} have fewer than ` +
      `${FEW_TOKENS} tokens in a draw, ` +
      `${formatFixed(mean(points.map(({ fewTokensOfAll }) => fewTokensOfAll)), 0)} on all items (means over tasks).`
    );
  });
};

/** Experts with too few tokens in words: "3.4 of 256 (2 on all items)". */
export const fewTokensText = ({ fewTokens, fewTokensOfAll, experts }: LuckPoint): string =>
  `${bareFactor(fewTokens.mean)} of ${experts} (${fewTokensOfAll} on all items)`;
