import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globalBudget, keepByCounts, sharesOfLayer } from '../../../main/pruning/budget.ts';

const layer = (...scores: number[]) => Float64Array.from(scores);
const pin = (at: number, expert: number, keep: boolean) => ({ layer: at, expert, keep });

describe('keepByCounts', () => {
  it('keeps the best of every layer, ties to the lower index', () => {
    const scores = [layer(1, 3, 2, 0), layer(5, 5, 5, 5)];
    expect(keepByCounts(scores, [2, 2], [])).toEqual([
      [1, 2],
      [0, 1],
    ]);
  });

  it('keeps and drops pinned experts first', () => {
    const pins = [pin(0, 3, true), pin(0, 1, false)];
    const scores = [layer(1, 3, 2, 0), layer(4, 3, 2, 1)];
    expect(keepByCounts(scores, [2, 2], pins)).toEqual([
      [2, 3],
      [0, 1],
    ]);
  });

  it('refuses pins that cannot be met or that name nothing', () => {
    const scores = [layer(1, 2, 3), layer(1, 2, 3)];
    const attempt =
      (...pins: ReturnType<typeof pin>[]) =>
      () =>
        keepByCounts(scores, [2, 2], pins);
    expect(attempt(pin(1, 0, true), pin(1, 1, true), pin(1, 2, true))).toThrow('layer 1: 3 experts are pinned to stay');
    expect(attempt(pin(0, 0, false), pin(0, 1, false))).toThrow('layer 0: 2 of 3 experts are pinned to go');
    expect(attempt(pin(0, 1, false), pin(0, 1, true))).toThrow('Expert 1 of layer 0 is pinned to stay and to go');
    expect(attempt(pin(2, 0, true))).toThrow('2:0 names layer 2');
    expect(attempt(pin(0, 3, true))).toThrow('0:3 names expert 3');
  });
});

describe('globalBudget', () => {
  it('keeps the largest shares of all layers and at least top-k in each', () => {
    const scores = [layer(97, 1, 1, 1), layer(1, 1, 1, 1)];
    expect(globalBudget({ scores, keep: 2, topK: 1, pins: [] })).toEqual([[0], [0, 1, 2]]);
    expect(globalBudget({ scores, keep: 2, topK: 2, pins: [] })).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it('compares shares, not raw scores', () => {
    const scores = [layer(9, 8, 2, 1), layer(9e6, 8e6, 2e6, 1e6)];
    expect(globalBudget({ scores, keep: 2, topK: 1, pins: [] })).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it('keeps keep * L experts and respects floor and pins', () => {
    const request = fc.record({
      scores: fc.array(fc.array(fc.double({ min: 0, max: 9, noNaN: true }), { minLength: 6, maxLength: 6 }), {
        minLength: 1,
        maxLength: 4,
      }),
      topK: fc.integer({ min: 1, max: 2 }),
      keep: fc.integer({ min: 3, max: 5 }),
      stay: fc.nat(),
      go: fc.nat(),
    });
    fc.assert(
      fc.property(request, ({ scores, topK, keep, stay, go }) => {
        const pins = [pin(0, stay % 3, true), pin(scores.length - 1, 3 + (go % 3), false)];
        const kept = globalBudget({ scores: scores.map((row) => layer(...row)), keep, topK, pins });
        expect(kept.flat()).toHaveLength(keep * scores.length);
        expect(kept.every((experts) => experts.length >= topK && new Set(experts).size === experts.length)).toBe(true);
        expect(kept[0]).toContain(stay % 3);
        expect(kept[scores.length - 1]).not.toContain(3 + (go % 3));
      }),
    );
  });

  it('refuses pins that need more experts than the plan has, or leave too few', () => {
    const scores = [layer(1, 2, 3), layer(1, 2, 3)];
    const all = (at: number, keep: boolean) => [0, 1, 2].map((expert) => pin(at, expert, keep));
    const attempt = (keep: number, pins: ReturnType<typeof pin>[]) => () =>
      globalBudget({ scores, keep, topK: 2, pins });
    expect(attempt(2, all(0, true))).toThrow('need 5 experts and the plan keeps 4');
    expect(attempt(3, [pin(0, 0, false)])).toThrow('leave 5 experts and the plan keeps 6');
    expect(attempt(2, all(1, false))).toThrow('layer 1: 3 of 3 experts are pinned to go and 2 must stay');
  });
});

describe('sharesOfLayer', () => {
  it('sums to 1, even where nothing was scored', () => {
    expect([...sharesOfLayer(layer(1, 3))]).toEqual([0.25, 0.75]);
    expect([...sharesOfLayer(layer(0, 0))]).toEqual([0.5, 0.5]);
  });
});
