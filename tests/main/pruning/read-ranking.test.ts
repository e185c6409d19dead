import { describe, expect, it } from 'vitest';
import { planFromRanking } from '../../../main/pruning/plan-from-ranking.ts';
import { readRanking } from '../../../main/pruning/read-ranking.ts';

const target = { moeLayers: 2, experts: 4 };
const read = (json: unknown) => readRanking(typeof json === 'string' ? json : JSON.stringify(json), 'a file', target);

describe('readRanking', () => {
  it('reads lists by layer, by number or in order, and adds experts that are not named', () => {
    const ranking = [
      [3, 1, 0, 2],
      [2, 0, 1, 3],
    ];
    expect(read({ 0: [3, 1], 1: [2] })).toEqual(ranking);
    expect(read([[3, 1], [2]])).toEqual(ranking);
    expect(read({ ranking: { 1: [2], 0: [3, 1] } })).toEqual(ranking);
  });

  it('refuses what is no ranking of this model, by layer and expert', () => {
    expect(() => read('{')).toThrow('it is no JSON');
    expect(() => read({ layers: 2 })).toThrow('no lists of experts');
    expect(() => read({ 0: [1] })).toThrow('has no layer 1');
    expect(() => read({ 0: [1], 1: [1], 2: [1] })).toThrow('names 3 layers');
    expect(() => read([[1]])).toThrow('names 1 layers');
    expect(() => read({ 0: [1, 4], 1: [] })).toThrow('names expert 4 in layer 0');
    expect(() => read({ 0: [1], 1: [2, 2] })).toThrow('names expert 2 twice in layer 1');
  });
});

describe('planFromRanking', () => {
  const ranking = read({ 0: [3, 1], 1: [2] });
  const plan = (changed: Partial<Parameters<typeof planFromRanking>[0]>) =>
    planFromRanking({ ranking, experts: 4, topK: 1, keep: 2, budget: 'uniform', pins: [], ...changed });

  it('keeps the first of each layer, pins first', () => {
    expect(plan({})).toMatchObject({
      method: 'ranking',
      factor: 2,
      kept: [
        [1, 3],
        [0, 2],
      ],
    });
    expect(plan({ pins: [{ layer: 0, expert: 2, keep: true }] })).toMatchObject({
      kept: [
        [2, 3],
        [0, 2],
      ],
    });
    expect(plan({ budget: 'manual', counts: [1, 3] })).toMatchObject({ kept: [[3], [0, 1, 2]], factor: 2 });
  });

  it('refuses budgets that compare layers, and numbers that do not fit', () => {
    expect(() => plan({ budget: 'global' })).toThrow('orders experts only within each');
    expect(() => plan({ keep: 5 })).toThrow('Cannot keep 5, 5 of 4 experts');
    expect(() => plan({ budget: 'manual', counts: [2] })).toThrow('Cannot keep 2 of 4 experts in 2 layers');
  });
});
