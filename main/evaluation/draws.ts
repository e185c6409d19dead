import {
  factorKey,
  isFactorAtMost,
  type PointVerdict,
  type SweepDocument,
  type SweepResult,
  type Threshold,
} from '../contract/sweep.ts';
import type { CurtailedPoint } from '../contract/curtailed-point.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { isCutShort } from './curtailed-points.ts';
import { verdictOf } from './verdicts.ts';

/**
 * Several draws of one method: the same task and factor with several seeds. Each draw is a measurement of its own, with
 * its own paired interval. Outcomes of draws are never pooled: that would count the same items several times, and let a
 * lucky draw pay for an unlucky one. Whoever prunes uses one draw and cannot know which, so a statement holds over
 * draws only if every draw makes it. All summaries over draws come from here.
 */

/** A number over draws. */
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

/** What every draw says; null where two of them say different things, or there is none. */
export const unanimous = <T extends string | boolean>(readings: readonly T[]): T | null => {
  const [first] = readings;
  return first !== undefined && readings.every((reading) => reading === first) ? first : null;
};

/** How many of the draws that say anything say it. */
export interface DrawCount {
  readonly count: number;
  readonly of: number;
}

/** The draws of one method at one factor of one task. */
export interface PointOverDraws extends Pick<SweepResult, 'model' | 'task' | 'method' | 'factor' | 'metric' | 'n'> {
  /** Draws that were measured on every item, by seed: one, whose seed may be null, for a method without draws. */
  readonly results: readonly SweepResult[];
  /** Draws that stopped early, by seed: they have no value. */
  readonly curtailed: readonly CurtailedPoint[];
  /** Draws of the method on this task, also those that did not come to this factor. */
  readonly draws: number;
  /** Null where some draw has no value because it stopped: a mean over the others alone would be too good. */
  readonly value: Spread | null;
  /** To the unpruned model; null as `value`. */
  readonly difference: Spread | null;
  /** Safe or worse where every draw is, else undecided. */
  readonly verdict: PointVerdict;
  /** Draws that are safe, of those that were measured or stopped here. */
  readonly safe: DrawCount;
}

const bySeed = <P extends { readonly seed: number | null }>(points: readonly P[]): readonly P[] =>
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

const groups = (document: Points): readonly (readonly (SweepResult | CurtailedPoint)[])[] => {
  const known = new Map<string, (SweepResult | CurtailedPoint)[]>();
  for (const point of [...document.results, ...(document.curtailed ?? [])]) {
    if (point.factor <= 1) continue;
    const key = JSON.stringify([point.model, point.task, point.method, factorKey(point.factor)]);
    const group = known.get(key);
    if (group === undefined) known.set(key, [point]);
    else group.push(point);
  }
  return [...known.values()];
};

/** How many draws each method has on each task, by `curveKey`. */
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
 * The points of curves, one per model, task, method and factor above 1, in the order in which they first appear; draws
 * are gathered. Verdicts are those of the document (which asks for items enough), else read at `reading`, else open.
 */
export const pointsOverDraws = (document: Points, reading: Reading | null = null): readonly PointOverDraws[] => {
  const counts = drawCounts(document);
  return groups(document).flatMap((points): PointOverDraws[] => {
    const results = bySeed(points.flatMap((point) => ('lowOneSided' in point ? [point] : [])));
    const curtailed = bySeed(points.flatMap((point) => ('gainedAtMost' in point ? [point] : [])));
    const [first] = points;
    if (first === undefined) return [];
    const { model, task, method, factor, metric, n } = first;
    const draws = counts.get(curveKey(first)) ?? 1;
    const verdicts = [
      ...results.map((result) => verdictAt(result, reading)),
      ...curtailed.map((point): PointVerdict => (point.verdict === 'worse' ? 'worse' : 'undecided')),
    ];
    const isPartial = results.length === 0 || (results.length < draws && isCutShort(document, first));
    const spread = (of: (result: SweepResult) => number): Spread | null =>
      isPartial ? null : spreadOf(results.map(of));
    return [
      {
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
        verdict: unanimous(verdicts) ?? 'undecided',
        safe: { count: verdicts.filter((verdict) => verdict === 'safe').length, of: verdicts.length },
      },
    ];
  });
};

/**
 * Of a threshold over draws: how many single draws are safe at a factor and every smaller one, of those that tell it.
 * Nothing of nothing for a method without draws.
 */
export const safeDrawsAt = ({ draws = [] }: Pick<Threshold, 'draws'>, factor: number): DrawCount => {
  const decided = draws.flatMap(({ lastSafe, firstUnsafe }) => {
    if (lastSafe === null) return [];
    if (isFactorAtMost(factor, lastSafe)) return [true];
    return firstUnsafe !== null && isFactorAtMost(firstUnsafe, factor) ? [false] : [];
  });
  return { count: decided.filter((isSafe) => isSafe).length, of: decided.length };
};
