import type {
  BracketPairs,
  ExpertTrend,
  SizeThreshold,
  TrainingSpread,
  TrendDirection,
} from '../../contract/size-trend.ts';
import { seededRandom } from '../../statistics/random.ts';
import { compareBrackets } from './thresholds.ts';

/** Every pair of models that differ in E, by how their brackets lie. */
export const countBracketPairs = (points: readonly SizeThreshold[]): BracketPairs => {
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

const spreadOf = (points: readonly SizeThreshold[], experts: number): TrainingSpread => {
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
  thresholds: readonly SizeThreshold[],
  tasks: readonly string[],
  methods: readonly string[],
): ExpertTrend[] =>
  methods.flatMap((method) =>
    tasks.flatMap((task): ExpertTrend[] => {
      const points = thresholds.filter((one) => one.task === task && one.method === method);
      const sizes = [...new Set(points.map(({ experts }) => experts))];
      if (sizes.length < 2) return [];
      const pairs = countBracketPairs(points);
      return [
        {
          task,
          method,
          points,
          spread: sizes.map((size) => spreadOf(points, size)),
          pairs,
          direction: directionOf(pairs),
        },
      ];
    }),
  );

/** Relabellings up to which every one is counted; beyond, as many are drawn (seeded). */
const MOST_EXACT = 200_000;
const DRAWS = 99_999;

export interface PermutationTest {
  /** Two-sided. */
  readonly p: number;
  /** Ways to hand the sizes out to the models, and how many of them show a trend as strong as the one measured. */
  readonly relabellings: number;
  readonly asStrong: number;
  readonly exact: boolean;
}

/**
 * signs[i][j]: over all tasks, in how many the bracket of model j lies above that of model i, minus in how many it lies
 * below. Compared without regard to E.
 */
const orderSigns = (trends: readonly ExpertTrend[], models: readonly string[]): number[][] =>
  models.map((from) =>
    models.map((to) =>
      trends.reduce((sum, { points }) => {
        const [a, b] = [from, to].map((name) => points.find(({ model }) => model === name));
        if (a === undefined || b === undefined || from === to) return sum;
        const order = compareBrackets(a, b);
        return sum + (order === 'rises' ? 1 : order === 'falls' ? -1 : 0);
      }, 0),
    ),
  );

/** Jonckheere and Terpstra's statistic, summed over tasks, if the models had these sizes. */
const statistic = (signs: readonly (readonly number[])[], sizes: readonly number[]): number => {
  let sum = 0;
  sizes.forEach((small, i) => {
    sizes.forEach((large, j) => {
      if (small < large) sum += signs[i]?.[j] ?? 0;
    });
  });
  return sum;
};

/** Distinct orders of a multiset: n! / product of multiplicities!. */
const countOrders = (sizes: readonly number[]): number => {
  const seen = new Map<number, number>();
  return sizes.reduce((orders, size, index) => {
    const times = (seen.get(size) ?? 0) + 1;
    seen.set(size, times);
    return (orders * (index + 1)) / times;
  }, 1);
};

/** Calls `visit` with every distinct order of the sizes. */
const visitOrders = (sizes: readonly number[], visit: (order: readonly number[]) => void): void => {
  const left = new Map<number, number>();
  for (const size of sizes) left.set(size, (left.get(size) ?? 0) + 1);
  const order: number[] = [];
  const extend = (): void => {
    if (order.length === sizes.length) return visit(order);
    for (const [size, times] of left) {
      if (times === 0) continue;
      left.set(size, times - 1);
      order.push(size);
      extend();
      order.pop();
      left.set(size, times);
    }
  };
  extend();
};

/**
 * Whether thresholds follow E beyond the chance of training: the trained model is what a size is repeated with, and all
 * tasks of a model share its luck. So whole models are relabelled: under the null hypothesis that E does not matter,
 * every way to hand the sizes out to the models is equally likely (an exact permutation test of the statistic of
 * Jonckheere 1954, doi:10.1093/biomet/41.1-2.133, summed over tasks). Null where fewer than two sizes are told apart.
 */
export const permuteModels = (trends: readonly ExpertTrend[]): PermutationTest | null => {
  const sizeOf = new Map(trends.flatMap(({ points }) => points.map(({ model, experts }) => [model, experts] as const)));
  const sizes = [...sizeOf.values()];
  const relabellings = countOrders(sizes);
  if (relabellings < 2) return null;
  const signs = orderSigns(trends, [...sizeOf.keys()]);
  const measured = Math.abs(statistic(signs, sizes));
  let asStrong = 0;
  const count = (order: readonly number[]): void => {
    if (Math.abs(statistic(signs, order)) >= measured) asStrong += 1;
  };
  if (relabellings <= MOST_EXACT) {
    visitOrders(sizes, count);
    return { p: asStrong / relabellings, relabellings, asStrong, exact: true };
  }
  const random = seededRandom(0);
  for (let draw = 0; draw < DRAWS; draw += 1) count(random.shuffle(sizes));
  return { p: (asStrong + 1) / (DRAWS + 1), relabellings: DRAWS, asStrong, exact: false };
};
