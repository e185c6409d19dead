import type { PointVerdict, SweepDocument, SweepResult } from '../contract/sweep.ts';
import type { CurtailedPoint, UnneededPoint } from '../contract/curtailed-point.ts';
import {
  areSafeCounts,
  areWorseCounts,
  independentItems,
  itemsNeeded,
  lowerEndAt,
  ONE_SIDED_ALPHA,
  verdictOf,
} from './verdicts.ts';

/**
 * The verdict that a curtailed candidate's items decide at a margin and level (at most 5 %), else null. For passages
 * the counts decide nothing, only the bound from their moves.
 */
export const readCurtailed = (
  point: CurtailedPoint,
  delta: number,
  alpha: number,
): NonNullable<CurtailedPoint['verdict']> | null => {
  const { n, lost, gainedAtMost: gained, independentAtLeast, lowAtMost } = point;
  if (independentAtLeast < n) return lowAtMost !== undefined && lowAtMost < -delta ? 'unsafe' : null;
  if (areSafeCounts({ gained, lost, n }, delta, alpha)) return null;
  return areWorseCounts({ gained, lost, n }, delta, ONE_SIDED_ALPHA) ? 'worse' : 'unsafe';
};

/** The fields of a candidate that a threshold reads, from a result or a curtailed candidate. */
export interface JudgedPoint {
  readonly subject: Pick<SweepResult, 'model' | 'task' | 'method' | 'seed' | 'metric'>;
  readonly factor: number;
  readonly verdict: PointVerdict;
  /** Test items, and their effective number of independent items (of a curtailed candidate: at least). */
  readonly n: number;
  readonly independent: number;
  /** Lower end that draws are ordered by; minus infinity for a curtailed one, which is certainly unsafe. */
  readonly low: number;
  readonly result: SweepResult | null;
}

export const judgedResult = (result: SweepResult, delta: number, alpha: number): JudgedPoint => ({
  subject: result,
  factor: result.factor,
  verdict: verdictOf(result, delta, alpha),
  n: result.n,
  independent: independentItems(result),
  low: lowerEndAt(result, delta, alpha) ?? -Infinity,
  result,
});

/**
 * Null where the answered items decide nothing at this margin: the threshold then ends before the point. A point whose
 * curve has too few items is undecided.
 */
export const judgedCurtailed = (point: CurtailedPoint, delta: number, alpha: number): JudgedPoint | null => {
  const verdict = readCurtailed(point, delta, alpha);
  if (verdict === null && point.independentAtLeast >= itemsNeeded(delta, point.metric, alpha)) return null;
  return {
    subject: point,
    factor: point.factor,
    verdict: verdict === 'worse' ? 'worse' : 'undecided',
    n: point.n,
    independent: point.independentAtLeast,
    low: -Infinity,
    result: null,
  };
};

/** Candidates left unmeasured by a search for thresholds: the measured ones are then mostly the safe ones. */
export const unmeasuredPoints = ({
  curtailed = [],
  notNeeded = [],
}: Pick<SweepDocument, 'curtailed' | 'notNeeded'>): readonly UnneededPoint[] => [...curtailed, ...notNeeded];

/** Every candidate above factor 1 of a sweep: measured, curtailed, or not needed. */
export const testedPoints = (
  document: Pick<SweepDocument, 'results' | 'curtailed' | 'notNeeded'>,
): readonly UnneededPoint[] => [...document.results.filter(({ factor }) => factor > 1), ...unmeasuredPoints(document)];

/** Whether some draw of a method lacks a factor. */
export const isCutShort = (
  document: Pick<SweepDocument, 'curtailed' | 'notNeeded'>,
  { model, task, method }: Pick<UnneededPoint, 'model' | 'task' | 'method'>,
): boolean =>
  unmeasuredPoints(document).some((point) => point.model === model && point.task === task && point.method === method);

/** Factors of a curve that were not measured, because a smaller one is unsafe. */
export interface UnneededFactors extends Pick<UnneededPoint, 'model' | 'task' | 'method' | 'seed'> {
  readonly factors: readonly number[];
}

/** By curve, in the order of the points. */
export const unneededFactors = (points: readonly UnneededPoint[]): readonly UnneededFactors[] => {
  const curves = new Map<string, UnneededFactors & { readonly factors: number[] }>();
  for (const { model, task, method, seed, factor } of points) {
    const key = JSON.stringify([model, task, method, seed]);
    const curve = curves.get(key) ?? { model, task, method, seed, factors: [] };
    curve.factors.push(factor);
    curves.set(key, curve);
  }
  return [...curves.values()];
};
