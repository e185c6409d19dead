import {
  type DrawCount,
  factorKey,
  isNothingToLose,
  type PointVerdict,
  type SweepDocument,
  type SweepResult,
} from '../contract/sweep.ts';
import type { CurtailedPoint } from '../contract/curtailed-point.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { isCutShort } from './curtailed-points.ts';
import { groupBy } from './threshold.ts';
import { verdictOf } from './verdicts.ts';

/**
 * Several draws of one method: the same task and factor with several seeds. Each draw is a separate measurement, with
 * its own paired interval. Outcomes of draws are never pooled: that would count the same items several times, and let a
 * lucky draw compensate for an unlucky one. A user prunes with one draw and cannot know which kind it is, so a
 * statement over draws must hold for every draw. All summaries over draws come from here.
 */

/** Mean, lowest and highest of a number over draws. */
export interface Spread {
  readonly mean: number;
  readonly lowest: number;
  readonly highest: number;
}

/** NaN for no value. */
export const spreadOf = (values: readonly number[]): Spread => {
  if (values.length === 0) return { mean: Number.NaN, lowest: Number.NaN, highest: Number.NaN };
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    lowest: minOf(values),
    highest: maxOf(values),
  };
};

/** The reading that all draws share; null where two differ, or there is none. */
export const unanimous = <T extends string | boolean>(readings: readonly T[]): T | null => {
  const [first] = readings;
  return first !== undefined && readings.every((reading) => reading === first) ? first : null;
};

/** The draws of one method at one factor of one task. */
export interface PointOverDraws extends Pick<SweepResult, 'model' | 'task' | 'method' | 'factor' | 'metric' | 'n'> {
  /** Draws measured on every item, by seed: one, whose seed may be null, for a method without draws. */
  readonly results: readonly SweepResult[];
  /** Curtailed draws, by seed: they have no value. */
  readonly curtailed: readonly CurtailedPoint[];
  /** All draws of the method on this task, including those without this factor. */
  readonly draws: number;
  /** Null where some draw was curtailed: a mean over the others alone would be biased upwards. */
  readonly value: Spread | null;
  /** Difference to the unpruned model; null as `value`. */
  readonly difference: Spread | null;
  /** Safe or worse where every draw is, the reason where the unpruned model has nothing to lose, else undecided. */
  readonly verdict: PointVerdict;
  /** Safe draws, of those that were measured or curtailed here. */
  readonly safe: DrawCount;
}

/** In the order of their seeds. */
export const bySeed = <P extends { readonly seed: number | null }>(points: readonly P[]): readonly P[] =>
  [...points].sort((left, right) => (left.seed ?? 0) - (right.seed ?? 0));

interface Points {
  readonly results: readonly SweepResult[];
  readonly curtailed?: SweepDocument['curtailed'];
  readonly notNeeded?: SweepDocument['notNeeded'];
}

interface Reading {
  readonly delta: number;
  readonly alpha?: number | undefined;
}

const groups = ({ results, curtailed = [] }: Points) =>
  groupBy(
    [...results, ...curtailed].filter(({ factor }) => factor > 1),
    ({ model, task, method, factor }) => [model, task, method, factorKey(factor)],
  );

/** Number of draws of each method on each task, by `curveKey`. */
const drawCounts = ({ results, curtailed = [], notNeeded = [] }: Points): ReadonlyMap<string, number> => {
  const seeds = new Map<string, Set<number | null>>();
  for (const point of [...results, ...curtailed, ...notNeeded]) {
    const key = curveKey(point);
    seeds.set(key, (seeds.get(key) ?? new Set()).add(point.seed));
  }
  return new Map([...seeds].map(([key, of]) => [key, of.size]));
};

const curveKey = ({ model, task, method }: Pick<SweepResult, 'model' | 'task' | 'method'>): string =>
  JSON.stringify([model, task, method]);

const verdictAt = (result: SweepResult, reading: Reading | null): PointVerdict =>
  result.verdict ?? (reading === null ? 'undecided' : verdictOf(result, reading.delta, reading.alpha));

/**
 * The points of curves, one per model, task, method and factor above 1, in order of first appearance, with draws
 * combined. Verdicts are those of the document (which requires enough items), else read at `reading`, else open.
 */
export const pointsOverDraws = (document: Points, reading: Reading | null = null): readonly PointOverDraws[] => {
  const counts = drawCounts(document);
  return groups(document).map((points): PointOverDraws => {
    const results = bySeed(points.flatMap((point) => ('lowOneSided' in point ? [point] : [])));
    const curtailed = bySeed(points.flatMap((point) => ('gainedAtMost' in point ? [point] : [])));
    const [first] = points;
    const { model, task, method, factor, metric, n } = first;
    const draws = counts.get(curveKey(first)) ?? 1;
    const verdicts = [
      ...results.map((result) => verdictAt(result, reading)),
      ...curtailed.map((point): PointVerdict => (point.verdict === 'worse' ? 'worse' : 'undecided')),
    ];
    const isPartial = results.length === 0 || (results.length < draws && isCutShort(document, first));
    const spread = (of: (result: SweepResult) => number): Spread | null =>
      isPartial ? null : spreadOf(results.map(of));
    return {
      model,
      task,
      method,
      factor,
      metric,
      n,
      results,
      curtailed,
      draws,
      value: spread(({ value }) => value),
      difference: spread(({ difference }) => difference),
      verdict: verdicts.find(isNothingToLose) ?? unanimous(verdicts) ?? 'undecided',
      safe: { count: verdicts.filter((verdict) => verdict === 'safe').length, of: verdicts.length },
    };
  });
};
