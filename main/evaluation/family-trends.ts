import type { BracketPairs, ExpertTrend, FamilyThreshold, TrainingSpread, TrendDirection } from '../contract/family.ts';
import { compareBrackets } from './family-brackets.ts';

/** Every pair of models that differ in E, by how their brackets lie. */
export const countBracketPairs = (points: readonly FamilyThreshold[]): BracketPairs => {
  const pairs = { rises: 0, falls: 0, overlaps: 0, unknown: 0 };
  for (const smaller of points) {
    for (const larger of points) if (smaller.experts < larger.experts) pairs[compareBrackets(smaller, larger)] += 1;
  }
  return pairs;
};

/** The sign of Kendall's S over the pairs; `stays` where as many rise as fall, none included. */
export const directionOf = ({ rises, falls, overlaps }: BracketPairs): TrendDirection => {
  if (rises > falls) return 'rises';
  if (falls > rises) return 'falls';
  return rises + overlaps > 0 ? 'stays' : 'cannot-tell';
};

const spreadOf = (points: readonly FamilyThreshold[], experts: number): TrainingSpread => {
  const trained = points.filter((point) => point.experts === experts);
  const told = trained.flatMap(({ lastSafe }) => (lastSafe === null ? [] : [lastSafe]));
  const isTold = told.length > 0;
  return {
    experts,
    models: trained.length,
    lowest: isTold ? Math.min(...told) : null,
    highest: isTold ? Math.max(...told) : null,
  };
};

/** Threshold against E, for every task and method that at least two sizes were measured with. */
export const expertTrends = (
  thresholds: readonly FamilyThreshold[],
  tasks: readonly string[],
  methods: readonly string[],
): ExpertTrend[] =>
  methods.flatMap((method) =>
    tasks.flatMap((task): ExpertTrend[] => {
      const points = thresholds.filter((one) => one.task === task && one.method === method);
      const sizes = [...new Set(points.map(({ experts }) => experts))];
      if (sizes.length < 2) return [];
      const pairs = countBracketPairs(points);
      return [{ task, method, points, spread: sizes.map((size) => spreadOf(points, size)), pairs, direction: directionOf(pairs) }];
    }),
  );
