import { describe, expect, it } from 'vitest';
import type { MergeGroup } from '../../../main/contract/plan.ts';
import { validatePlan } from '../../../main/pruning/validate-plan.ts';

const target = { moeLayers: 2, experts: 4, topK: 2 };
const drop =
  (...kept: number[][]) =>
  () =>
    validatePlan({ kept }, target);
const group = (members: number[], reference = members[0]!, weights = members.map(() => 1)): MergeGroup => ({
  members,
  reference,
  weights,
});
const merge =
  (...second: MergeGroup[]) =>
  () =>
    validatePlan({ groups: [[group([0, 1]), group([2, 3])], second], router: 'mean-row', align: true }, target);

describe('validatePlan', () => {
  it('sorts kept experts and keeps everything else', () => {
    expect(
      validatePlan(
        {
          kept: [
            [3, 0],
            [1, 2],
          ],
          method: 'reap',
          seed: 3,
        },
        target,
      ),
    ).toEqual({
      kept: [
        [0, 3],
        [1, 2],
      ],
      method: 'reap',
      seed: 3,
    });
  });

  it('refuses a dropping plan that does not fit, by layer and value', () => {
    expect(drop([0, 1])).toThrow('names 1 layers; the model has 2');
    expect(drop([0, 1], [1, 4])).toThrow('names expert 4 in layer 1');
    expect(drop([0, -1], [1, 2])).toThrow('names expert -1 in layer 0');
    expect(drop([0, 1], [2, 2, 3])).toThrow('names expert 2 twice in layer 1');
    expect(drop([0, 1], [2])).toThrow('leaves 1 expert in layer 1, fewer than the top-2');
  });

  it('refuses a plan made for another model', () => {
    const kept = [
      [0, 1],
      [0, 1],
    ];
    expect(() => validatePlan({ kept, experts: 8 }, target)).toThrow('made for 8 experts per layer; the model has 4');
    expect(() => validatePlan({ kept, topK: 1 }, target)).toThrow('made for top-1');
  });

  it('refuses matrices that do not fit the groups', () => {
    const row = [1, 0, 0, 0];
    const plan =
      (merge: number[][], layers = 2) =>
      () =>
        validatePlan(
          {
            groups: [
              [group([0, 1]), group([2, 3])],
              [group([0, 1]), group([2, 3])],
            ],
            router: 'summed-probabilities',
            align: false,
            blend: Array.from({ length: layers }, () => ({ merge, router: [row, row] })),
          },
          target,
        );
    expect(plan([row, row])).not.toThrow();
    expect(plan([row, row], 1)).toThrow('names 1 layers; the model has 2');
    expect(plan([row, row, row])).toThrow('matrix merge of 3 x 4 in layer 0, where 2 x 4 is needed');
    expect(plan([row, [1, 0, 0]])).toThrow('matrix merge of 2 x 3 in layer 0');
  });

  it('sorts members with their weights and keeps the order of groups', () => {
    const plan = validatePlan(
      {
        groups: [
          [group([3, 2], 3, [5, 7]), group([1, 0], 0, [2, 4])],
          [group([0, 1]), group([2, 3])],
        ],
        router: 'mean-row',
        align: false,
      },
      target,
    );
    expect(plan).toMatchObject({
      groups: [
        [group([2, 3], 3, [7, 5]), group([0, 1], 0, [4, 2])],
        [group([0, 1]), group([2, 3])],
      ],
    });
  });

  it('refuses groups that do not partition the experts', () => {
    expect(merge(group([0, 1]), group([2]))).toThrow('has no group for expert 3 in layer 1');
    expect(merge(group([0, 1]), group([1, 2, 3]))).toThrow('names expert 1 twice in layer 1');
    expect(merge(group([0, 1]), group([2, 3, 4]))).toThrow('names expert 4 in layer 1');
    expect(merge(group([0, 1, 2, 3]))).toThrow('leaves 1 expert in layer 1');
    expect(merge(group([0, 1], 2), group([2, 3]))).toThrow(
      'aligns group 0 of layer 1 to expert 2, which is not a member',
    );
    expect(merge(group([0, 1]), group([2, 3], 2, [1]))).toThrow('gives 1 weights for 2 members in group 1 of layer 1');
    expect(merge(group([0, 1]), group([2, 3], 2, [1, NaN]))).toThrow('a member of group 1 of layer 1 the weight NaN');
  });
});
