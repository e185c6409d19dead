import { expect, test, describe, it } from 'vitest';
import { meanOutputs } from '../../../main/inference/expert-constants.ts';
import { emptyStatistics } from '../../../main/profile/routing-statistics.ts';
import { noviceSaliency, superExpertPins } from '../../../main/pruning/saliency.ts';

/** Three experts with two outputs: one gives (1, 2) and (3, 6), one always (5, 0), one is never chosen. */
const statistics = () => {
  const made = emptyStatistics(1, 3, 1, 2, ['routed-outputs']);
  made.counts.set([2, 4, 0]);
  made.gateMass.set([0.5, 3, 0]);
  made.eanSquareSum.set([1 + 4 + 9 + 36, 4 * 25, 0]);
  made.outputs?.routedSum.set([4, 8, 20, 0, 0, 0]);
  return made;
};

test("the score is an expert's weight times the spread of its output, by hand", () => {
  // Variances of (1, 3) and (2, 6): 1 and 4.
  expect([...noviceSaliency(statistics(), 0)]).toEqual([0.5 * Math.sqrt(5), 0, 0]);
});

test('the constant is the mean over the tokens of an expert, 0 where there is none', () => {
  expect([...meanOutputs(statistics(), 0)]).toEqual([2, 4, 5, 0, 0, 0]);
  expect(() => meanOutputs(emptyStatistics(1, 3, 1, 2, []), 0)).toThrow('mean outputs of chosen experts');
});

const layers = (...rows: number[][]) => rows.map((row) => Float64Array.from(row));

describe('superExpertPins', () => {
  it('pins outliers over all layers, late layers only on request', () => {
    const activations = layers([1, 1, 90, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 100, 1, 1]);
    expect(superExpertPins(activations, 'all')).toEqual([{ layer: 3, expert: 1, keep: true }]);
    expect(superExpertPins(activations, 'early')).toEqual([]);
    const many = Array.from({ length: 20 }, () => new Float64Array(30).fill(1));
    many[2]![7] = 50;
    many[19]![3] = 60;
    expect(superExpertPins(many, 'all')).toEqual([
      { layer: 2, expert: 7, keep: true },
      { layer: 19, expert: 3, keep: true },
    ]);
    expect(superExpertPins(many, 'early')).toEqual([{ layer: 2, expert: 7, keep: true }]);
  });

  it('pins nothing where all are equal or there is nothing', () => {
    expect(superExpertPins(layers([2, 2], [2, 2]), 'all')).toEqual([]);
    expect(superExpertPins([], 'all')).toEqual([]);
  });
});
