import type { OutputStatistics, RoutingStatistics } from '../profile/routing-statistics.ts';
import { maxOf } from '../statistics/extremes.ts';
import type { WeighedProfiles } from './average-scores.ts';

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
