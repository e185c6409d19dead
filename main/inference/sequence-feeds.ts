import { maxOf } from '../statistics/extremes.ts';
import { type Feeds, floatTensor, integerTensor } from './session.ts';
import { treeLength, type TokenTree } from './token-tree.ts';

/**
 * Inputs of a block with a state for trees whose tokens are packed one after the other: the trunks side by side, then
 * all branches side by side, each from the state at the end of its trunk. `prefixed`: also which trunks continue a
 * prefix. Where no tree has branches, an empty one stands for them.
 */
export const sequenceFeeds = (trees: readonly TokenTree[], prefixed: boolean): Feeds => {
  const trunks: Sequence[] = [];
  const branches: (Sequence & { readonly parent: number })[] = [];
  let row = 0;
  trees.forEach((tree, parent) => {
    const { length } = tree.trunk;
    trunks.push({ first: row, length });
    let first = row + length;
    for (const branch of tree.branches) {
      branches.push({ first, length: branch.length, parent });
      first += branch.length;
    }
    row += treeLength(tree);
  });
  if (branches.length === 0) branches.push({ first: 0, length: 0, parent: 0 });
  const unpack = new Int32Array(row);
  const pack = packed(trunks, unpack, 0);
  const branchPack = packed(branches, unpack, pack.size);
  return {
    pack,
    lengths: lengthsOf(trunks),
    branchPack,
    branchLengths: lengthsOf(branches),
    parents: integerTensor(
      branches.map(({ parent }) => parent),
      [branches.length],
    ),
    unpack: integerTensor(unpack, [row]),
    ...(prefixed
      ? {
          continues: floatTensor(
            Float32Array.from(trees, ({ start }) => (start === undefined ? 0 : 1)),
            [trees.length],
          ),
        }
      : {}),
  };
};

/** Consecutive rows. */
interface Sequence {
  readonly first: number;
  readonly length: number;
}

const lengthsOf = (sequences: readonly Sequence[]): ReturnType<typeof integerTensor> =>
  integerTensor(
    sequences.map(({ length }) => length),
    [sequences.length],
  );

/** [B, S] row of each slot, at least one a sequence; notes the slot of each row, from `firstSlot` on. */
const packed = (
  sequences: readonly Sequence[],
  unpack: Int32Array,
  firstSlot: number,
): ReturnType<typeof integerTensor> => {
  const slots = Math.max(1, maxOf(sequences.map(({ length }) => length)));
  const pack = new Int32Array(sequences.length * slots);
  sequences.forEach(({ first, length }, sequence) => {
    for (let at = 0; at < length; at += 1) {
      pack[sequence * slots + at] = first + at;
      unpack[first + at] = firstSlot + sequence * slots + at;
    }
  });
  return integerTensor(pack, [sequences.length, slots]);
};
