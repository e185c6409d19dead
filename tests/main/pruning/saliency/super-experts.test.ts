import { describe, expect, it } from 'vitest';
import { superExpertPins } from '../../../../main/pruning/saliency/super-experts.ts';

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
