import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atOnce } from '../../arithmetic/at-once.ts';
import { permuteExpert } from '../../../../main/pruning/merging/align-experts.ts';
import { mergeGroup, mergeShares } from '../../../../main/pruning/merging/merge-experts.ts';
import { randomExperts } from '../random-experts.ts';

const shape = { hidden: 5, width: 4 };
const reversed = Int32Array.of(3, 2, 1, 0);

describe('mergeGroup', () => {
  it('returns identical experts exactly, whatever their weights', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.boolean(),
        (weights, seed, align) => {
          const [expert] = randomExperts(shape, 1, seed);
          const group = { members: weights.map((_, at) => at), reference: 0, weights };
          const merged = atOnce(
            mergeGroup(
              weights.map(() => expert!),
              shape,
              group,
              align,
            ),
          );
          expect(merged).toEqual(expert);
        },
      ),
    );
  });

  it(
    'gives experts that differ only in the order of their neurons back exactly when it aligns, and not ' + 'otherwise',
    () => {
      const [expert] = randomExperts(shape, 1, 9);
      const experts = [permuteExpert(expert!, shape, reversed), expert!];
      const group = { members: [2, 6], reference: 6, weights: [3, 1] };
      expect(atOnce(mergeGroup(experts, shape, group, true))).toEqual(expert);
      expect(atOnce(mergeGroup(experts, shape, group, false))).not.toEqual(expert);
    },
  );

  it('averages with the weights, and evenly where all are zero', () => {
    const [a, b] = randomExperts(shape, 2, 4);
    const merge = (weights: number[]) =>
      atOnce(mergeGroup([a!, b!], shape, { members: [0, 1], reference: 0, weights }, false));
    merge([3, 1]).up.forEach((value, at) => expect(value).toBe(Math.fround(0.75 * a!.up[at]! + 0.25 * b!.up[at]!)));
    merge([0, 0]).down.forEach((value, at) => expect(value).toBe(Math.fround(0.5 * a!.down[at]! + 0.5 * b!.down[at]!)));
  });

  it('ignores a member with weight 0', () => {
    const [a, b] = randomExperts(shape, 2, 4);
    const group = { members: [0, 1], reference: 0, weights: [0, 2] };
    expect(atOnce(mergeGroup([a!, b!], shape, group, true))).toEqual(b);
  });

  it('does not return the memory of its input', () => {
    const [a] = randomExperts(shape, 1, 1);
    const merged = atOnce(mergeGroup([a!], shape, { members: [3], reference: 3, weights: [1] }, true));
    expect(merged.gate.buffer).not.toBe(a!.gate.buffer);
  });
});

describe('mergeShares', () => {
  it('sums to 1', () => {
    expect(mergeShares([1, 3])).toEqual([0.25, 0.75]);
    expect(mergeShares([0, 0, 0, 0])).toEqual([0.25, 0.25, 0.25, 0.25]);
  });
});
