import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commonPrefix, treeLength, treeOf, treeRow } from '../../../main/inference/token-tree.ts';
import { groupTrees } from '../../../main/inference/batch.ts';

const sequences = fc.array(fc.array(fc.nat(2), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 5 });

describe('a token tree', () => {
  it('stores the common beginning once', () => {
    expect(
      treeOf([
        [1, 2, 3],
        [1, 2, 4, 5],
      ]),
    ).toEqual({ trunk: [1, 2], branches: [[3], [4, 5]] });
    expect(
      treeOf([
        [1, 2],
        [1, 2, 3],
      ]),
    ).toEqual({ trunk: [1, 2], branches: [[], [3]] });
    expect(treeOf([[1, 2]])).toEqual({ trunk: [1, 2], branches: [] });
    expect(commonPrefix([])).toBe(0);
  });

  it('returns every sequence through its rows', () => {
    fc.assert(
      fc.property(sequences, (list) => {
        const tree = treeOf(list);
        const packed = [...tree.trunk, ...tree.branches.flat()];
        expect(packed.length).toBe(treeLength(tree));
        list.forEach((sequence, branch) => {
          expect(sequence.map((_, position) => packed[treeRow(tree, branch, position)])).toEqual(sequence);
        });
      }),
    );
  });
});

describe('groups of trees', () => {
  it('contain every tree once and stay within the slots, longest first', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 100 }),
        (lengths, slots) => {
          const groups = groupTrees(
            lengths.map((length) => ({ trunk: new Array<number>(length).fill(0), branches: [] })),
            slots,
          );
          expect(groups.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, index) => index));
          const sizes = groups.flat().map((index) => lengths[index]!);
          expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
          for (const group of groups)
            expect(
              group.length === 1 || group.length * Math.max(...group.map((index) => lengths[index]!)) <= slots,
            ).toBe(true);
        },
      ),
    );
  });
});
