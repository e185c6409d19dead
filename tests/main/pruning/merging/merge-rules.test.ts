import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atOnce } from '../../arithmetic/at-once.ts';
import type { MergeRule } from '../../../../main/contract/plan.ts';
import { mergeGroup } from '../../../../main/pruning/merging/merge-experts.ts';
import { combineExperts } from '../../../../main/pruning/merging/expert-weights.ts';
import { randomExperts } from '../random-experts.ts';

const shape = { hidden: 5, width: 4 };
const rules: readonly MergeRule[] = [
  { name: 'average' },
  { name: 'slerp', fromReference: false },
  { name: 'slerp', fromReference: true },
  { name: 'karcher' },
  { name: 'sce', density: 0.5 },
  { name: 'ties', density: 0.5 },
  { name: 'subspace', rank: 2 },
];
const merge = (experts: ReturnType<typeof randomExperts>, weights: readonly number[], rule: MergeRule) =>
  atOnce(
    mergeGroup(
      experts,
      shape,
      { members: experts.map((_, at) => at), reference: 0, weights: [...weights] },
      false,
      rule,
    ),
  );
const close = (a: Float32Array, b: ArrayLike<number>, digits: number) =>
  a.forEach((value, k) => expect(value).toBeCloseTo(b[k]!, digits));

describe('merge rules', () => {
  it.each(rules.filter(({ name }) => name !== 'subspace').map((rule) => [JSON.stringify(rule), rule] as const))(
    '%s gives identical experts back',
    (_, rule) => {
      const [expert] = randomExperts(shape, 1, 3);
      const merged = merge([expert!, expert!, expert!], [1, 2, 3], rule);
      if (rule.name === 'average') expect(merged).toEqual(expert);
      for (const matrix of ['gate', 'up', 'down'] as const) close(merged[matrix], expert![matrix], 5);
    },
  );

  it.each(rules.map((rule) => [JSON.stringify(rule), rule] as const))(
    '%s does not depend on the scale of the weights',
    (_, rule) => {
      const experts = randomExperts(shape, 3, 8);
      const [once, tenfold] = [merge(experts, [1, 2, 3], rule), merge(experts, [10, 20, 30], rule)];
      for (const matrix of ['gate', 'up', 'down'] as const) close(once[matrix], tenfold[matrix], 5);
    },
  );

  it('moves from the reference towards the members by TIES and SCE', () => {
    const [reference, other] = randomExperts(shape, 2, 5);
    for (const rule of [
      { name: 'ties', density: 1 },
      { name: 'sce', density: 1 },
    ] as const) {
      const { up } = merge([reference!, other!], [1, 1], rule);
      const along = up.reduce(
        (sum, value, k) => sum + (value - reference!.up[k]!) * (other!.up[k]! - reference!.up[k]!),
        0,
      );
      expect(along).toBeGreaterThan(0);
    }
  });

  it('keeps the lengths of directions that are averaged on the sphere', () => {
    const experts = randomExperts(shape, 3, 9);
    const length = (values: Float32Array) => Math.hypot(...values);
    const mean = experts.reduce((sum, { up }) => sum + length(up) / 3, 0);
    for (const rule of [{ name: 'slerp', fromReference: false }, { name: 'karcher' }] as const) {
      const { up } = merge(experts, [1, 1, 1], rule);
      expect(length(up)).toBeCloseTo(mean, rule.name === 'karcher' ? 4 : 1);
      // The plain average is shorter: directions cancel.
      expect(length(merge(experts, [1, 1, 1], { name: 'average' }).up)).toBeLessThan(mean * 0.9);
    }
  });

  it('is the average where the subspace is not truncated, and lies in `rank` directions where it is', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const experts = randomExperts(shape, 3, seed);
        const average = merge(experts, [1, 2, 1], { name: 'average' });
        close(merge(experts, [1, 2, 1], { name: 'subspace', rank: 9 }).gate, average.gate, 6);
        const { gate } = merge(experts, [1, 2, 1], { name: 'subspace', rank: 1 });
        // Rank one: every 2 x 2 minor vanishes.
        for (let i = 1; i < shape.width; i++) {
          for (let j = 1; j < shape.hidden; j++) {
            expect(gate[0]! * gate[i * shape.hidden + j]! - gate[j]! * gate[i * shape.hidden]!).toBeCloseTo(0, 5);
          }
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('combineExperts', () => {
  it('returns an expert for a single 1, and allows negative weights', () => {
    const experts = randomExperts(shape, 3, 2);
    expect(combineExperts(experts, [0, 1, 0])).toEqual(experts[1]);
    combineExperts(experts, [1, 0, -1]).down.forEach((value, k) => {
      expect(value).toBeCloseTo(experts[0]!.down[k]! - experts[2]!.down[k]!, 6);
    });
  });
});
