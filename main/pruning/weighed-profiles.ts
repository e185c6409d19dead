import type { RoutingStatistics, OutputStatistics } from '../profile/routing-statistics.ts';
import { sharesOfLayer } from './budget.ts';
import { maxOf } from '../statistics/extremes.ts';
import { refuse } from '../contract/errors.ts';

/** Score of every expert of one MoE layer, higher is better. [E] */
export type Saliency = (statistics: RoutingStatistics, layer: number) => Float64Array;

/** Profiles of one or more tasks, and the weight of each (shares that sum to 1). */
export interface WeighedProfiles {
  readonly statistics: readonly RoutingStatistics[];
  readonly taskShares: readonly number[];
}

/**
 * Scores of every MoE layer over several tasks: each task's scores are divided by their sum over the layer, so that no
 * task outweighs another by its length or its norms, then averaged with the tasks' shares. With one task the order is
 * that of the saliency.
 */
export const averageScores = ({ statistics, taskShares }: WeighedProfiles, saliency: Saliency): Float64Array[] =>
  Array.from({ length: statistics[0]?.layers ?? 0 }, (_, layer) => {
    const tasks = statistics.map((task) => sharesOfLayer(saliency(task, layer)));
    return Float64Array.from(tasks[0] ?? [], (_share, expert) =>
      tasks.reduce((sum, task, at) => sum + task[expert]! * taskShares[at]!, 0),
    );
  });

/** Row of one MoE layer in an [L, E] statistic; a view, not a copy. */
export const layerRow = (matrix: Float64Array, layer: number, experts: number): Float64Array =>
  matrix.subarray(layer * experts, (layer + 1) * experts);

/** One MoE layer's [E, E] matrix in an [L, E, E] statistic; a view, not a copy. */
export const layerSquare = (matrix: Float64Array, layer: number, experts: number): Float64Array =>
  matrix.subarray(layer * experts * experts, (layer + 1) * experts * experts);

/**
 * One profile for several tasks in which every task counts by its share however many tokens it has: each task's sums
 * are scaled to its share of all tokens, then added; peaks are the largest. A single profile is returned unchanged.
 * Statistics that only some profiles have are left out, and so are eliminations, which cannot be added.
 */
export const combineStatistics = ({ statistics, taskShares }: WeighedProfiles): RoutingStatistics => {
  const [first] = statistics;
  if (first === undefined) throw new RangeError('no profile to combine');
  if (statistics.length === 1) return first;
  const tokens = statistics.reduce((sum, task) => sum + task.tokens, 0);
  const total = (of: (task: RoutingStatistics) => Float64Array): Float64Array => {
    const sums = new Float64Array(of(first).length);
    statistics.forEach((task, at) => {
      const scale = (tokens * taskShares[at]!) / task.tokens;
      of(task).forEach((value, k) => {
        sums[k]! += scale * value;
      });
    });
    return sums;
  };
  const shared = <T>(of: (task: RoutingStatistics) => T | undefined): boolean =>
    statistics.every((task) => of(task) !== undefined);
  const outputs = (): OutputStatistics => ({
    hidden: first.outputs?.hidden ?? 0,
    routedSum: total((task) => task.outputs?.routedSum ?? NOTHING),
    ...(shared((task) => task.outputs?.everywhere)
      ? {
          everywhere: {
            sum: total((task) => task.outputs?.everywhere?.sum ?? NOTHING),
            cosineSum: total((task) => task.outputs?.everywhere?.cosineSum ?? NOTHING),
          },
        }
      : {}),
  });
  return {
    layers: first.layers,
    experts: first.experts,
    topK: first.topK,
    items: statistics.reduce((sum, task) => sum + task.items, 0),
    tokens,
    counts: total((task) => task.counts),
    gateMass: total((task) => task.gateMass),
    probabilitySelected: total((task) => task.probabilitySelected),
    probabilityMass: total((task) => task.probabilityMass),
    eanSum: total((task) => task.eanSum),
    reapSum: total((task) => task.reapSum),
    eanSquareSum: total((task) => task.eanSquareSum),
    gatedMoments: total((task) => task.gatedMoments),
    logitSum: total((task) => task.logitSum),
    logitGram: total((task) => task.logitGram),
    probabilityGram: total((task) => task.probabilityGram),
    coactivation: total((task) => task.coactivation),
    ...(shared((task) => task.peakOutputs) ? { peakOutputs: largestPeaks(statistics) } : {}),
    ...(shared((task) => task.outputs) ? { outputs: outputs() } : {}),
    ...(shared((task) => task.residualSum) ? { residualSum: total((task) => task.residualSum ?? NOTHING) } : {}),
  };
};

const NOTHING = new Float64Array(0);

/** [L, E] largest peaks over several profiles. */
export const largestPeaks = (statistics: readonly RoutingStatistics[]): Float64Array =>
  Float64Array.from(statistics[0]?.peakOutputs ?? NOTHING, (_, at) =>
    maxOf(statistics.map((task) => task.peakOutputs?.[at] ?? 0)),
  );

/**
 * Requires a statistic that a profile contains only if a method asked for it.
 *
 * @throws WorkbenchError `profile-too-thin` where the profile was made without it.
 */
export const requireStatistic = <T>(statistic: T | undefined, what: string): T => {
  if (statistic !== undefined) return statistic;
  throw refuse(
    'profile-too-thin',
    `The profile does not contain ${what}.`,
    'Profile the model again for this method: it needs more than routing.',
  );
};

/**
 * Shares of several tasks, summing to 1; equal where none are given.
 *
 * @throws WorkbenchError `task-weights-invalid` where there is not one per task, or one is negative, or all are 0.
 */
export const taskShares = (weights: readonly number[] | undefined, tasks: number): readonly number[] => {
  if (weights === undefined) return Array.from({ length: tasks }, () => 1 / tasks);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const unfit = weights.find((weight) => !(Number.isFinite(weight) && weight >= 0));
  if (weights.length === tasks && unfit === undefined && total > 0) return weights.map((weight) => weight / total);
  throw refuse(
    'task-weights-invalid',
    `The weights ${weights.join(', ')} do not fit ${tasks} task${tasks === 1 ? '' : 's'}.`,
    'Give one number per task, none negative and not all 0.',
  );
};

/** Sums over the outputs of every expert on every token. @throws WorkbenchError `profile-too-thin`. */
export const everyOutput = ({ outputs }: RoutingStatistics): NonNullable<OutputStatistics['everywhere']> =>
  requireStatistic(outputs?.everywhere, 'the outputs of every expert on every token');
