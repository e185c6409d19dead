import type { Tensor } from 'onnxruntime-node';
import { present } from '../contract/errors.ts';
import type { BlockDescriptor, ModelDescriptor, Rotary, Temperature } from '../checkpoint/descriptor.ts';
import { byReach, firstSeen, type Reach, reachKey } from '../checkpoint/reach.ts';
import { HIDDEN } from '../graph/heads.ts';
import { maxOf } from '../statistics/extremes.ts';
import { type Feeds, floatTensor, integersOf, integerTensor } from './session.ts';
import { entriesKey, entryFeeds, type EntrySequence, rotaryTables, rowNumbers } from './entry-feeds.ts';
import { treeLength, type TokenTree } from './token-tree.ts';

/** Trees that run together; their tokens are packed one after the other, without padding. */
export interface Batch {
  /** Indices of the trees in the caller's list; empty for a batch that is the prefix of trees in other batches. */
  readonly trees: readonly number[];
  readonly members: readonly TokenTree[];
  /** Row of each tree's first token among the packed tokens. */
  readonly firstRow: readonly number[];
  readonly tokens: number;
  readonly tokenIds: Tensor;
  /** Inputs of every block with attention except hidden states, mask, attention bias and rotation. */
  readonly feeds: Readonly<Record<'pack' | 'unpack', Tensor>>;
  /** Inputs of every block with a state except hidden states and mask; empty where no block has one. */
  readonly sequences: Feeds;
  /** Inputs of the blocks that rotate so, or whose queries grow so. */
  readonly byPosition: ReadonlyMap<Rotary | Temperature, Feeds>;
  /** Inputs of blocks with entries, by `entriesKey`. */
  readonly entries: ReadonlyMap<string, Feeds>;
  /** Attention bias [B, 1, S, P + S] by `reachKey` of the model's blocks; P: `prefixColumns`. */
  readonly biases: ReadonlyMap<string, Tensor>;
}

const hasStates = ({ blocks }: ModelDescriptor): boolean => blocks.some(({ state }) => state !== null);

const temperatureOf = ({ attention }: BlockDescriptor): Temperature | null => attention?.temperature ?? null;

/**
 * Inputs of a model's blocks at the tokens' positions: [T, D/2] cosine and sine of rotary angles with [1, T] row
 * indices, and [T, 1, 1] factors of queries.
 */
export const positionFeeds = (
  { blocks }: ModelDescriptor,
  positions: Int32Array,
): ReadonlyMap<Rotary | Temperature, Feeds> => {
  const feeds = new Map<Rotary | Temperature, Feeds>();
  for (const rotary of new Set(blocks.flatMap((block) => block.rotary ?? []))) {
    const { cosine, sine } = rotaryTables(positions, rotary);
    const shape = [positions.length, rotary.dimensions / 2];
    feeds.set(rotary, {
      cosine: floatTensor(cosine, shape),
      sine: floatTensor(sine, shape),
      rows: rowNumbers(positions.length),
    });
  }
  for (const temperature of new Set(blocks.flatMap((block) => temperatureOf(block) ?? []))) {
    const { first, scale, every } = temperature;
    const factors = Float32Array.from(
      positions,
      (position) => 1 + scale * Math.log(1 + Math.floor((position + first) / every)),
    );
    feeds.set(temperature, { temperature: floatTensor(factors, [positions.length, 1, 1]) });
  }
  return feeds;
};

/** Inputs of one block except hidden states, mask, and what tokens before carry on. */
export const blockFeeds = (
  { blocks }: ModelDescriptor,
  block: number,
  {
    feeds: layout,
    sequences,
    biases,
    byPosition,
    entries,
  }: Pick<Batch, 'sequences' | 'biases' | 'byPosition' | 'entries'> & { readonly feeds: Feeds },
): Feeds => {
  const described = present(blocks[block], `no block ${block}`);
  if (described.state !== null) return sequences;
  if (described.attention === null && described.compressed === null) return {};
  const bias = present(biases.get(reachKey(described)), `no attention bias for block ${block}`);
  const compressor = described.compressed?.compressor ?? null;
  const feeds: Record<string, Tensor> = {
    ...layout,
    bias,
    ...(compressor === null ? {} : entries.get(entriesKey(compressor))),
  };
  for (const kind of [described.rotary, temperatureOf(described)])
    if (kind !== null) Object.assign(feeds, byPosition.get(kind));
  return feeds;
};

/** Whether a batch's tokens are the prefix of trees in other batches. */
export const isPrefixBatch = ({ trees }: Batch): boolean => trees.length === 0;

/**
 * Trees by decreasing length (ties: in the given order), cut into groups whose padded slots B x S stay within `slots`:
 * neighbours have similar lengths, so attention pads little. A tree longer than `slots` runs alone.
 */
export const groupTrees = (trees: readonly TokenTree[], slots: number): readonly (readonly number[])[] => {
  const lengths = trees.map(treeLength);
  const order = lengths.map((_, index) => index).sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b);
  const groups: number[][] = [];
  let longest = 0;
  for (const index of order) {
    const group = groups.at(-1);
    if (group === undefined || longest * (group.length + 1) > slots) {
      groups.push([index]);
      longest = lengths[index] ?? 0;
    } else {
      group.push(index);
    }
  }
  return groups;
};

/**
 * `prefixColumns`: number of prefix keys before the trees' own, 0 for blocks without a prefix. Only trees with a
 * `start` see them.
 */
export const makeBatch = (
  model: ModelDescriptor,
  trees: readonly TokenTree[],
  group: readonly number[],
  prefixColumns = 0,
): Batch => {
  const members = group.map((index) => trees[index] ?? { trunk: [], branches: [] });
  const lengths = members.map(treeLength);
  const slots = maxOf(lengths);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const ids = new Int32Array(tokens);
  const positions = new Int32Array(tokens);
  const pack = new Int32Array(members.length * slots);
  const unpack = new Int32Array(tokens);
  const firstRow: number[] = [];
  let row = 0;
  members.forEach((tree, member) => {
    firstRow.push(row);
    const length = lengths[member] ?? 0;
    for (let slot = 0; slot < slots; slot += 1) pack[member * slots + slot] = slot < length ? row + slot : row;
    for (let slot = 0; slot < length; slot += 1) unpack[row + slot] = member * slots + slot;
    layOut(tree, ids, positions, row);
    row += length;
  });
  return {
    trees: group,
    members,
    firstRow,
    tokens,
    tokenIds: integerTensor(ids, [tokens]),
    feeds: {
      pack: integerTensor(pack, [members.length, slots]),
      unpack: integerTensor(unpack, [tokens]),
    },
    sequences: hasStates(model) ? sequenceFeeds(members, prefixColumns > 0) : {},
    entries: entriesOfTrees(model, members, slots, prefixColumns),
    byPosition: positionFeeds(model, positions),
    biases: byReach(model.blocks, (reach) => attentionBias(members, reach, slots, prefixColumns)),
  };
};

/**
 * A prefix that trees of other batches continue. Attention over no keys at all is not safe on every provider, so one
 * key that no token sees is put before the prefix itself.
 */
export const makePrefixBatch = (model: ModelDescriptor, prefix: readonly number[]): Batch => ({
  ...makeBatch(model, [{ trunk: prefix, branches: [] }], [0], 1),
  trees: [],
});

/** Inputs about entries of trees whose tokens are packed one after the other, after those of the prefix. */
const entriesOfTrees = (
  model: ModelDescriptor,
  trees: readonly TokenTree[],
  slots: number,
  prefixColumns: number,
): Batch['entries'] => {
  let firstRow = prefixColumns;
  const sequences = trees.map((tree): EntrySequence => {
    const row = firstRow;
    firstRow += treeLength(tree);
    return {
      start: tree.start ?? 0,
      before: (position) => position,
      firstRow: row,
      trunk: tree.trunk.length,
      branches: tree.branches.map(({ length }) => length),
    };
  });
  return entryFeeds(model, sequences, slots);
};

/** Repeated batches are the same in every block, so each is made once and cached as long as its batch. */
const repeats = new WeakMap<Batch, Map<number, Batch>>();

/** A batch repeated `times` times in sequence, for candidates that run together. */
export const repeatedBatch = (model: ModelDescriptor, batch: Batch, times: number): Batch => {
  const known = repeats.get(batch) ?? new Map<number, Batch>();
  repeats.set(batch, known);
  const made = known.get(times) ?? repeatBatch(model, batch, times);
  known.set(times, made);
  return made;
};

const repeatBatch = (model: ModelDescriptor, batch: Batch, times: number): Batch => {
  const { feeds, tokens } = batch;
  const members = Array.from({ length: times }, () => batch.members).flat();
  const repeated = (tensor: Tensor): Tensor => {
    const [first = 0, ...others] = tensor.dims;
    const shape = [first * times, ...others];
    if (tensor.data instanceof Float32Array) {
      const { length } = tensor.data;
      const data = new Float32Array(length * times);
      for (let turn = 0; turn < times; turn += 1) data.set(tensor.data, turn * length);
      return floatTensor(data, shape);
    }
    throw new Error(`a batch has no ${tensor.type} to repeat`);
  };
  const repeatedFeeds = (each: Feeds): Feeds =>
    Object.fromEntries(
      Object.entries(each).map(([name, tensor]) => [
        name,
        name === 'rows' ? rowNumbers(tokens * times) : repeated(tensor),
      ]),
    );
  /** Rows of the packed tokens or slots of attention; those of the next repetition are offset by `step`. */
  const shifted = (tensor: Tensor, step: number): Tensor => {
    const integers = integersOf(tensor);
    const [first = 0, ...others] = tensor.dims;
    const data = Int32Array.from({ length: integers.length * times }, (_, index) => {
      const turn = Math.floor(index / integers.length);
      return (integers[index - turn * integers.length] ?? 0) + turn * step;
    });
    return integerTensor(data, [first * times, ...others]);
  };
  return {
    ...batch,
    tokens: tokens * times,
    feeds: {
      pack: shifted(feeds.pack, tokens),
      unpack: shifted(feeds.unpack, paddedSlots(batch)),
    },
    sequences: hasStates(model) ? sequenceFeeds(members, false) : {},
    entries: entriesOfTrees(model, members, feeds.pack.dims[1] ?? 0, 0),
    byPosition: new Map([...batch.byPosition].map(([kind, each]) => [kind, repeatedFeeds(each)] as const)),
    biases: new Map([...batch.biases].map(([window, bias]) => [window, repeated(bias)])),
  };
};

/** Slots B x S that attention computes. */
export const paddedSlots = ({ feeds: { pack } }: Batch): number => pack.size;

const layOut = (tree: TokenTree, ids: Int32Array, positions: Int32Array, first: number): void => {
  let row = first;
  const put = (token: number, position: number): void => {
    ids[row] = token;
    positions[row] = position;
    row += 1;
  };
  const start = tree.start ?? 0;
  tree.trunk.forEach((token, index) => {
    put(token, start + index);
  });
  for (const branch of tree.branches)
    branch.forEach((token, index) => {
      put(token, start + tree.trunk.length + index);
    });
};

const attentionBias = (trees: readonly TokenTree[], reach: Reach, slots: number, prefixColumns: number): Tensor => {
  const columns = prefixColumns + slots;
  const bias = new Float32Array(trees.length * slots * columns).fill(HIDDEN);
  trees.forEach((tree, member) => {
    fillBias(
      tree,
      reach,
      bias.subarray(member * slots * columns, (member + 1) * slots * columns),
      prefixColumns,
      columns,
    );
  });
  return floatTensor(bias, [trees.length, 1, slots, columns]);
};

/** Unmasks, in an [S, P + S] matrix of one tree, what each token sees: prefix, trunk and its branch, up to itself. */
const fillBias = (tree: TokenTree, reach: Reach, bias: Float32Array, prefixColumns: number, columns: number): void => {
  /** Opens a key to a query, which is at `position`, if it is no farther than that reaches. */
  const open = (query: number, key: number, position: number, distance: number): void => {
    if (position - distance >= firstSeen(reach, position)) bias[query * columns + prefixColumns + key] = 0;
  };
  const {
    start: prefix = 0,
    trunk: { length: trunk },
  } = tree;
  const openPrefix = (query: number, position: number): void => {
    for (let key = 0; key < prefix; key += 1) open(query, key - prefixColumns, position, position - key);
  };
  for (let query = 0; query < trunk; query += 1) {
    openPrefix(query, prefix + query);
    for (let key = 0; key <= query; key += 1) open(query, key, prefix + query, query - key);
  }
  let start = trunk;
  for (const { length } of tree.branches) {
    for (let step = 0; step < length; step += 1) {
      const position = prefix + trunk + step;
      openPrefix(start + step, position);
      for (let key = 0; key < trunk; key += 1) open(start + step, key, position, trunk + step - key);
      for (let key = 0; key <= step; key += 1) open(start + step, start + key, position, step - key);
    }
    start += length;
  }
};

/**
 * Inputs of a block with a state for trees whose tokens are packed one after the other: the trunks side by side, then
 * all branches side by side, each from the state at the end of its trunk. `prefixed`: also which trunks continue a
 * prefix. Where no tree has branches, an empty one stands for them.
 */
const sequenceFeeds = (trees: readonly TokenTree[], prefixed: boolean): Feeds => {
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
