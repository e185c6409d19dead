import { describe, expect, it } from 'vitest';
import type { ExpertTrend } from '../../../../main/contract/size-trend.ts';
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
    expect(test).toEqual({ p: 2 / 24, relabellings: 24, asStrong: 2, exact: true });
  });

  it('counts distinct relabellings where sizes are trained twice, and reaches a small p', () => {
    const test = permuteModels(trendsOf([8, 8, 16, 16, 32, 32, 64, 64], [[0, 0, 1, 1, 2, 2, 3, 3]]));
    expect(test?.relabellings).toBe(2520);
    expect(test?.asStrong).toBe(2);
  });

  it('says 1 where nothing differs, and nothing for one size', () => {
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
    expect(test).toEqual({ p: 1, relabellings: 6, asStrong: 6, exact: true });
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
