import { describe, expect, it } from 'vitest';
import type { ExpertTrend } from '../../../../main/contract/size-trend.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';
import { expertTrends, permuteModels } from '../../../../main/evaluation/size-trend/trends.ts';
import { sizeThreshold } from '../sample-threshold.ts';

/** Trends of tasks whose threshold bracket per model is [2^power, 2^(power + 1)). */
const trendsOf = (sizes: readonly number[], tasks: readonly (readonly number[])[]): ExpertTrend[] => {
  const thresholds = tasks.flatMap((powers, task) =>
    powers.map((power, model) =>
      sizeThreshold({
        task: `t${task}`,
        model: `m${model}`,
        experts: sizes[model] ?? 0,
        lastSafe: 2 ** power,
        firstUnsafe: 2 ** (power + 1),
      }),
    ),
  );
  return expertTrends(
    thresholds,
    tasks.map((_, task) => `t${task}`),
    ['reap'],
  );
};

describe('relabelling models', () => {
  it('finds 2 of 24 orders of four models as strong as a strict rise', () => {
    const test = permuteModels(
      trendsOf(
        [8, 16, 32, 64],
        [
          [0, 1, 2, 3],
          [0, 1, 2, 3],
        ],
      ),
    );
    expect(test).toEqual({ p: 2 / 24, leastP: 2 / 24, relabellings: 24, asStrong: 2, exact: true, sign: 1 });
  });

  it('counts distinct relabellings where sizes are trained twice, and reaches a small p', () => {
    const test = permuteModels(trendsOf([8, 8, 16, 16, 32, 32, 64, 64], [[0, 0, 1, 1, 2, 2, 3, 3]]));
    expect(test?.relabellings).toBe(2520);
    expect(test?.asStrong).toBe(2);
  });

  it('gives p = 1 where nothing differs, and null for one size', () => {
    expect(permuteModels(trendsOf([8, 16, 32], [[1, 1, 1]]))?.p).toBe(1);
    expect(permuteModels(trendsOf([8, 8], [[0, 1]]))).toBeNull();
    expect(permuteModels([])).toBeNull();
  });

  it('agrees with counting by hand for three models and two tasks', () => {
    // Orders of (m0, m1, m2) over sizes 8, 16, 32, and the statistic of each: signs add up over the tasks.
    // Task 0: m0 < m1 < m2. Task 1: m2 < m0 < m1. Sum of signs: m0-m1 +2, m0-m2 0, m1-m2 0.
    const test = permuteModels(
      trendsOf(
        [8, 16, 32],
        [
          [0, 1, 2],
          [1, 2, 0],
        ],
      ),
    );
    // |S| = 2 whichever way: every order puts m0 below or above m1.
    expect(test).toEqual({ p: 1, leastP: 2 / 6, relabellings: 6, asStrong: 6, exact: true, sign: 1 });
  });

  it('permutes sizes only within each series of trainings: 4! x 4! ways, not 8! / 2!^4', () => {
    const trends = trendsOf([8, 16, 32, 64, 8, 16, 32, 64], [[0, 1, 2, 3, 0, 1, 2, 3]]);
    const inSeries = (model: string): string => (Number(model.slice(1)) < 4 ? 'first' : 'second');
    expect(permuteModels(trends, inSeries)).toEqual({
      p: 2 / 576,
      leastP: 2 / 576,
      relabellings: 576,
      asStrong: 2,
      exact: true,
      sign: 1,
    });
    expect(permuteModels(trends)?.relabellings).toBe(2520);
  });

  it('keeps its level where series differ in more than E: a null of 2,520 ways does not', () => {
    // E does not matter, but the second series, of larger models, lies two doublings higher throughout.
    const random = seededRandom(5);
    const sizes = [8, 8, 16, 16, 16, 16, 32, 32];
    const inSeries = (model: string): string => (Number(model.slice(1)) < 4 ? 'first' : 'second');
    const [rounds, level] = [300, 0.1];
    const rejected = { within: 0, between: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const trends = trendsOf(sizes, [sizes.map((_, model) => random.integer(3) + (model < 4 ? 0 : 2))]);
      if ((permuteModels(trends, inSeries)?.p ?? 1) <= level) rejected.within += 1;
      if ((permuteModels(trends)?.p ?? 1) <= level) rejected.between += 1;
    }
    expect(rejected.within / rounds).toBeLessThanOrEqual(level);
    expect(rejected.between / rounds).toBeGreaterThan(3 * level);
  });

  it('takes a task for a series only where all of its models were measured', () => {
    // Task 1 lacks m3, and would reverse the order of the others.
    const whole = trendsOf([8, 16, 32, 64], [[0, 1, 2, 3]]);
    const partial = trendsOf([8, 16, 32], [[3, 2, 1]]);
    expect(permuteModels([...whole, ...partial])).toEqual(permuteModels(whole));
  });

  it('draws relabellings where there are too many to count, near the exact answer and reproducibly', () => {
    const sizes = [8, 8, 8, 8, 16, 16, 16, 16, 32, 32, 32, 32, 64, 64];
    const powers = [0, 1, 1, 0, 1, 0, 1, 2, 1, 2, 0, 1, 1, 2];
    const drawn = permuteModels(trendsOf(sizes, [powers]));
    expect(drawn?.exact).toBe(false);
    expect(drawn).toEqual(permuteModels(trendsOf(sizes, [powers])));
    expect(drawn?.p).toBeGreaterThan(0.01);
    expect(drawn?.p).toBeLessThan(0.3);
  });
});
