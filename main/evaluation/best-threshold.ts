import type { Threshold } from '../contract/sweep.ts';
import { thresholdLook } from '../words/verdicts.ts';

/** How far a model can be pruned for a task by the best of several methods. */
export interface BestThreshold<T extends Threshold = Threshold> {
  /**
   * The largest threshold; among equal ones, the one whose bracket is open or ends latest, then one that is undecided
   * rather than worse.
   */
  readonly best: T;
  /** The methods that reach it, the best's own first. */
  readonly methods: readonly string[];
  /** Methods whose threshold cannot be determined. */
  readonly cannotTell: readonly string[];
}

/** Safe factor and end of the bracket, an open one last; null where nothing can be determined. */
const reach = ({ lastSafe, firstUnsafe }: Threshold): readonly [number, number] | null =>
  lastSafe === null ? null : [lastSafe, firstUnsafe ?? Infinity];

/**
 * The best of the thresholds of one model on one task, one per method; null for none. Where no threshold can be
 * determined, the first represents all. The maximum of several thresholds is selected after testing: it is not itself a
 * test at the level of each.
 */
export const bestThreshold = <T extends Threshold>(thresholds: readonly T[]): BestThreshold<T> | null => {
  const [first] = thresholds;
  if (first === undefined) return null;
  const cannotTell = thresholds.filter((one) => reach(one) === null).map(({ method }) => method);
  const known = thresholds
    .flatMap((threshold) => {
      const ends = reach(threshold);
      return ends === null ? [] : [{ threshold, ends }];
    })
    .sort(
      ({ ends: left, threshold: one }, { ends: right, threshold: other }) =>
        right[0] - left[0] || compareEnds(right[1], left[1]) || Number(isUnsafe(one)) - Number(isUnsafe(other)),
    );
  const [best] = known;
  if (best === undefined) return { best: first, methods: [], cannotTell };
  return {
    best: best.threshold,
    methods: known.filter(({ ends }) => ends[0] === best.ends[0]).map(({ threshold }) => threshold.method),
    cannotTell,
  };
};

const isUnsafe = (threshold: Threshold): boolean => thresholdLook(threshold) === 'unsafe';

/** Infinities are equal. */
const compareEnds = (left: number, right: number): number => (left === right ? 0 : left - right);
