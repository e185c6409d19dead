import { describe, expect, it } from 'vitest';
import { planFromRanking } from '../../../main/pruning/plan-from-ranking.ts';

describe('planFromRanking', () => {
  const ranking = [
    [3, 1, 0, 2],
    [2, 0, 1, 3],
  ];
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
