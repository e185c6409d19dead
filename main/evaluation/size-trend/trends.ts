import { at } from '../../contract/errors.ts';
import type {
  BracketPairs,
  ExpertTrend,
  SizeThreshold,
  TrainingSpread,
  TrendDirection,
} from '../../contract/size-trend.ts';
import { maxOf, minOf } from '../../statistics/extremes.ts';
import { seededRandom } from '../../statistics/random.ts';
import { compareBrackets } from './thresholds.ts';

/** Every pair of models that differ in E, by the positions of their brackets. */
export const countBracketPairs = (points: readonly SizeThreshold[]): BracketPairs => {
  const pairs = { rises: 0, falls: 0, overlaps: 0, unknown: 0 };
  for (const smaller of points) {
    for (const larger of points) if (smaller.experts < larger.experts) pairs[compareBrackets(smaller, larger)] += 1;
  }
  return pairs;
};

/** The sign of Kendall's S over the pairs; `stays` where as many rise as fall, or neither occurs. */
export const directionOf = ({ rises, falls, overlaps }: BracketPairs): TrendDirection => {
  if (rises > falls) return 'rises';
  if (falls > rises) return 'falls';
  return rises + overlaps > 0 ? 'stays' : 'cannot-tell';
};

const spreadOf = (points: readonly SizeThreshold[], experts: number): TrainingSpread => {
  const trained = points.filter((point) => point.experts === experts);
  const known = trained.flatMap(({ lastSafe }) => (lastSafe === null ? [] : [lastSafe]));
  const isKnown = known.length > 0;
  return {
    experts,
    models: trained.length,
    lowest: isKnown ? minOf(known) : null,
    highest: isKnown ? maxOf(known) : null,
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
      const points = thresholds.filter((threshold) => threshold.task === task && threshold.method === method);
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

/** Up to this many relabellings are enumerated; beyond, as many are sampled (seeded). */
const MOST_EXACT = 200_000;
const DRAWS = 99_999;

export interface PermutationTest {
  /** Two-sided. */
  readonly p: number;
  /** Ways to assign the sizes to the models, and how many of them show a trend as strong as the measured one. */
  readonly relabellings: number;
  readonly asStrong: number;
  readonly exact: boolean;
  /** The smallest p that models of these sizes could show, whatever was measured. */
  readonly leastP: number;
  /** Sign of the statistic: 1 where thresholds rise with E, -1 where they fall, else 0. */
  readonly sign: number;
}

/** Models that were trained and measured in one series: relabelled only among themselves. */
interface Series {
  readonly models: readonly string[];
  /** E of each. */
  readonly sizes: readonly number[];
}

const seriesOfTrends = (trends: readonly ExpertTrend[], seriesOf: (model: string) => string): readonly Series[] => {
  const sizeOf = new Map(trends.flatMap(({ points }) => points.map(({ model, experts }) => [model, experts] as const)));
  const names = [...new Set([...sizeOf.keys()].map(seriesOf))];
  return names.map((name) => {
    const matching = [...sizeOf].filter(([model]) => seriesOf(model) === name);
    return { models: matching.map(([model]) => model), sizes: matching.map(([, size]) => size) };
  });
};

/** A task counts for a series where all models of the series were measured on it: only then are they exchangeable. */
const wholeTrends = (trends: readonly ExpertTrend[], series: readonly Series[]): readonly ExpertTrend[] =>
  trends.map((trend) => {
    const measured = new Set(trend.points.map(({ model }) => model));
    const whole = new Set(
      series.filter(({ models }) => models.every((model) => measured.has(model))).flatMap(({ models }) => models),
    );
    return { ...trend, points: trend.points.filter(({ model }) => whole.has(model)) };
  });

/**
 * signs[i][j]: over all tasks, in how many the bracket of model j lies above that of model i, minus in how many it lies
 * below, regardless of E.
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
      if (small < large) sum += at(at(signs, i), j);
    });
  });
  return sum;
};

/** Distinct orders of a multiset: n! / product of multiplicities!. */
export const countOrders = (sizes: readonly number[]): number => {
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

/** Calls `visit` with the sizes of all models, for every relabelling within the series. */
const visitRelabellings = (series: readonly Series[], visit: (sizes: readonly number[]) => void): void => {
  const extend = (at: number, before: readonly number[]): void => {
    const next = series[at];
    if (next === undefined) return visit(before);
    visitOrders(next.sizes, (order) => extend(at + 1, [...before, ...order]));
  };
  extend(0, []);
};

/**
 * Whether thresholds follow E beyond the chance of training. A size is replicated by another training, and all tasks of
 * a model share its training: nine tasks on four models are one sample of four models, so no test over tasks (a sign
 * test, say) separates E from that chance. Only whole models are exchangeable: under the null hypothesis that E does
 * not matter, any assignment of the sizes to the models is as likely as the measured one. That holds within a series of
 * trainings, whose models share the recipe, the seed, the sweep and its tasks. It does not hold between series: a
 * second one was trained and measured separately, on fewer tasks, so its models differ from those of the first in more
 * than E. So sizes are permuted within each series: 4! x 4! = 576 ways for two trainings of four sizes (all 2,520 ways
 * would count orders that the null hypothesis does not make equally likely), 4! = 24 for one, where p is at least 2/24
 * = 0.083 and nothing is significant at 5 %. Two-sided and exact up to 200,000 ways.
 *
 * The statistic is that of Jonckheere 1954 (doi:10.1093/biomet/41.1-2.133), summed over tasks: of all pairs of models
 * that differ in E, between series too, the number that rise minus the number that fall. Permutation within blocks:
 * Good 2005, Permutation, Parametric and Bootstrap Tests of Hypotheses (doi:10.1007/b138696).
 *
 * `seriesOf` names the series of a model; absent: all are of one. Null where the sizes can be assigned in only one way.
 */
export const permuteModels = (
  trends: readonly ExpertTrend[],
  seriesOf: (model: string) => string = () => '',
): PermutationTest | null => {
  const series = seriesOfTrends(trends, seriesOf);
  const sizes = series.flatMap((entry) => entry.sizes);
  const relabellings = series.reduce((ways, entry) => ways * countOrders(entry.sizes), 1);
  if (relabellings < 2) return null;
  const signs = orderSigns(
    wholeTrends(trends, series),
    series.flatMap(({ models }) => models),
  );
  const measured = statistic(signs, sizes);
  // The reverse of an order is as strong as the order itself.
  const common = { leastP: 2 / relabellings, sign: Math.sign(measured) };
  let asStrong = 0;
  const count = (order: readonly number[]): void => {
    if (Math.abs(statistic(signs, order)) >= Math.abs(measured)) asStrong += 1;
  };
  if (relabellings <= MOST_EXACT) {
    visitRelabellings(series, count);
    return { ...common, p: asStrong / relabellings, relabellings, asStrong, exact: true };
  }
  const random = seededRandom(0);
  for (let draw = 0; draw < DRAWS; draw += 1) count(series.flatMap((entry) => random.shuffle(entry.sizes)));
  return { ...common, p: (asStrong + 1) / (DRAWS + 1), relabellings: DRAWS, asStrong, exact: false };
};
