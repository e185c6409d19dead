import { describe, expect, it } from 'vitest';
import { compareForward, NOT_COMPARABLE } from '../../../main/export/compare-forward.ts';
import type { ForwardResult } from '../../../main/inference/model-runner.ts';

const result = (logits: readonly number[], experts: readonly number[]): ForwardResult => ({
  logits: Float32Array.from(logits),
  routerLogits: new Float32Array(),
  experts: Int32Array.from(experts),
});
/** One layer, experts 3 and 5 kept; one sequence of two tokens, vocabulary 2, top-1. */
const compare = (ours: ForwardResult, theirs: ForwardResult): ReturnType<typeof compareForward> =>
  compareForward(
    [ours],
    [theirs],
    [
      new Map([
        [3, 0],
        [5, 1],
      ]),
    ],
    [2],
    1e-5,
  );

describe('two models are compared', () => {
  it('absolutely for small logits and relative to the largest of a position beyond 1', () => {
    const ours = result([0.5, 100, 0, 0], [3, 5]);
    expect(compare(ours, result([0.5 + 2e-6, 100 + 8e-4, 0, 0], [0, 1]))).toMatchObject({
      sameExperts: true,
      problems: [],
    });
    const far = compare(ours, result([0.5, 100.002, 0, 0], [0, 1]));
    expect(far.maxLogitDifference).toBeCloseTo(2e-5, 7);
    expect(far.problems[0]).toMatch(/^sequence 0, position 0: the logit of token 1 is 100\.00\d+ instead of 100\.$/);
    // A small logit beside a large one is rounded like the large one; at a position of small ones it is not.
    expect(compare(ours, result([0.5 + 8e-4, 100, 0, 0], [0, 1])).problems).toEqual([]);
    expect(compare(ours, result([0.5, 100, 8e-4, 0], [0, 1])).problems).toHaveLength(1);
    expect(compare(ours, result([0.5 + 2e-3, 100, 0, 0], [0, 1])).problems).toHaveLength(1);
  });

  it('by experts after renumbering, as sets', () => {
    const two = (ours: readonly number[], theirs: readonly number[]): boolean =>
      compareForward(
        [result([1], ours)],
        [result([1], theirs)],
        [
          new Map([
            [3, 0],
            [5, 1],
          ]),
        ],
        [1],
        1e-5,
      ).sameExperts;
    expect(two([3, 5], [1, 0])).toBe(true);
    expect(two([3, 5], [0, 0])).toBe(false);
    expect(compare(result([0, 0, 0, 0], [3, 5]), result([0, 0, 0, 0], [0, 0])).problems).toEqual([
      'sequence 0, layer 0, position 1: the export chose experts 0 instead of 1 (numbered as in the export).',
    ]);
  });

  it('with not-a-number and infinity as failures', () => {
    const ours = result([1, 1, 1, 1], [3, 5]);
    for (const wrong of [NaN, Infinity]) {
      expect(compare(ours, result([1, 1, wrong, 1], [0, 1]))).toMatchObject({
        maxLogitDifference: NOT_COMPARABLE,
        sameExperts: true,
      });
    }
    expect(compare(ours, result([1, 1], [0, 1]))).toMatchObject({
      maxLogitDifference: NOT_COMPARABLE,
      sameExperts: false,
    });
  });
});
