import type { SweepResult, Threshold } from '../contract/sweep.ts';
import { thresholdOf } from './threshold.ts';

const groupBy = <T>(items: readonly T[], keyOf: (item: T) => unknown): T[][] => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = JSON.stringify(keyOf(item));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
};

/**
 * One result per factor that stands for all seeds of a method: the seed with the lowest lower end. A factor is then safe
 * exactly if it is safe for every seed. Pooling the seeds' outcomes instead would count the same items several times
 * over and let a lucky draw pay for an unlucky one, while a user prunes with one draw. Factors that some seed has not
 * measured yet are left out unless a measured seed already fails there, which the lowest end shows by itself.
 */
const worstOfSeeds = (results: readonly SweepResult[], seeds: number, delta: number): SweepResult[] =>
  groupBy(results, ({ factor }) => factor).flatMap((sameFactor) => {
    const worst = sameFactor.reduce((low, other) => (other.lowOneSided < low.lowOneSided ? other : low));
    const told = sameFactor.length === seeds || worst.lowOneSided < -delta;
    return told ? [{ ...worst, seed: null }] : [];
  });

/**
 * Thresholds of every (model, task, method, seed) of a sweep, in the order in which they first appear, and for a method
 * measured under several seeds one more with `seed: null`: safe means safe for every seed. Pure and without inference:
 * a new delta needs only this.
 */
export const sweepThresholds = (results: readonly SweepResult[], delta: number): Threshold[] =>
  groupBy(
    results.filter(({ factor }) => factor > 1),
    ({ model, task, method }) => [model, task, method],
  ).flatMap((ofMethod) => {
    const bySeed = groupBy(ofMethod, ({ seed }) => seed);
    const groups = bySeed.length > 1 ? [...bySeed, worstOfSeeds(ofMethod, bySeed.length, delta)] : bySeed;
    return groups.flatMap((group) => thresholdOf(group, delta) ?? []);
  });

/** The threshold that stands for each (model, task, method): the one over all seeds where there are several. */
export const headlineThresholds = (thresholds: readonly Threshold[]): Threshold[] =>
  groupBy(thresholds, ({ model, task, method }) => [model, task, method]).flatMap((ofMethod) =>
    ofMethod.length === 1 ? ofMethod : ofMethod.filter(({ seed }) => seed === null),
  );
