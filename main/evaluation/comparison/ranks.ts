import type { MetricName } from '../../contract/task.ts';
import type { ItemOutcome } from '../../contract/outcome.ts';
import { quantile } from '../../statistics/bootstrap.ts';
import { seededRandom } from '../../statistics/random.ts';
import { isRight } from '../item-answers.ts';

export const RANK_BOOTSTRAP = { resamples: 1000, seed: 0 } as const;

/**
 * Ranks of values, 1 for the best: the largest, or the smallest where lower is better. Equal values share their mean
 * rank.
 */
export const ranksOf = (values: readonly number[], isLowerBetter: boolean): number[] =>
  values.map((value) => {
    const better = values.filter((other) => (isLowerBetter ? other < value : other > value)).length;
    const equal = values.filter((other) => other === value).length;
    return better + (equal + 1) / 2;
  });

/** A task on which every method is measured; methods in the order of the answer, outcomes per draw. */
export interface RankedTask {
  readonly metric: MetricName;
  readonly methods: readonly (readonly (readonly ItemOutcome[])[])[];
}

export interface MeanRank {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** An item's contribution to a value: 1 for a right answer, or the log-likelihood of a text. */
const scoresOf = (metric: MetricName, outcomes: readonly ItemOutcome[]): Float64Array =>
  Float64Array.from(outcomes, (outcome) =>
    outcome.kind === 'text' ? outcome.logprob : Number(isRight(metric, outcome)),
  );

interface ScoredTask {
  readonly isPerplexity: boolean;
  /** Predicted tokens of each text, or 1 for each question. */
  readonly units: Float64Array;
  /** Methods x draws x items. */
  readonly scores: readonly (readonly Float64Array[])[];
}

const scoredTask = ({ metric, methods }: RankedTask): ScoredTask => ({
  isPerplexity: metric === 'perplexity',
  units: Float64Array.from(methods[0]?.[0] ?? [], (outcome) => (outcome.kind === 'text' ? outcome.tokens : 1)),
  scores: methods.map((draws) => draws.map((outcomes) => scoresOf(metric, outcomes))),
});

const sumAt = (numbers: Float64Array, indices: Uint32Array): number => {
  let sum = 0;
  for (const index of indices) sum += numbers[index] ?? Number.NaN;
  return sum;
};

/** Value of each method over items given by index: accuracy or perplexity, the mean over its draws. */
const valuesOf = ({ isPerplexity, units, scores }: ScoredTask, indices: Uint32Array): number[] => {
  const all = sumAt(units, indices);
  return scores.map((draws) => {
    const values = draws.map((draw) =>
      isPerplexity ? Math.exp(-sumAt(draw, indices) / all) : sumAt(draw, indices) / all,
    );
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  });
};

/**
 * Mean rank of each method over tasks, with a 95 % percentile interval: a resample draws the items of every task with
 * replacement, the same ones for all methods, and ranks again. The interval is over items of these tasks, for these
 * draws of methods with seeds; not over tasks. Empty without tasks.
 */
export const meanRanks = (
  tasks: readonly RankedTask[],
  { resamples, seed }: { readonly resamples: number; readonly seed: number } = RANK_BOOTSTRAP,
): MeanRank[] => {
  const [first] = tasks;
  if (first === undefined) return [];
  const scored = tasks.map(scoredTask);
  const ranksOver = (indicesOf: (task: ScoredTask) => Uint32Array): Float64Array => {
    const sums = new Float64Array(first.methods.length);
    for (const task of scored) {
      for (const [method, rank] of ranksOf(valuesOf(task, indicesOf(task)), task.isPerplexity).entries())
        sums[method] = (sums[method] ?? 0) + rank;
    }
    return sums.map((sum) => sum / scored.length);
  };
  const random = seededRandom(seed);
  const resampled = ({ units }: ScoredTask): Uint32Array => {
    const indices = new Uint32Array(units.length);
    for (let item = 0; item < indices.length; item++) indices[item] = random.integer(units.length);
    return indices;
  };
  const drawn = Array.from({ length: resamples }, () => ranksOver(resampled));
  const measured = ranksOver(({ units }) => Uint32Array.from(units, (_, index) => index));
  return Array.from(measured, (value, method) => {
    const ascending = Float64Array.from(drawn, (ranks) => ranks[method] ?? Number.NaN).sort();
    return { value, low: quantile(ascending, 0.025), high: quantile(ascending, 0.975) };
  });
};
