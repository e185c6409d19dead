/**
 * A context and its continuations: `trunk` is run once, every branch sees the trunk and its own earlier tokens, and its
 * positions continue those of the trunk. A plain sequence is a trunk without branches. The numbers are those of one
 * sequence per branch (to 1e-5), at up to as many times less work as there are branches.
 */
export interface TokenTree {
  readonly trunk: readonly number[];
  readonly branches: readonly (readonly number[])[];
  /** Position of its first token: the length of the shared prefix that it continues. A whole tree begins at 0. */
  readonly start?: number;
  /** How much each token of the trunk counts in statistics; absent: 1. A tree with weights has no branches. */
  readonly counted?: Float64Array;
}

/**
 * How much each of `length` tokens of an item counts whose last `answer` tokens are its answer: 1 before it, rising
 * evenly over the answer to `end` at its last token, then scaled so that the item counts as much as its tokens.
 */
export const endWeights = (length: number, answer: number, end: number): Float64Array => {
  const first = Math.max(0, length - answer);
  const raw = Float64Array.from({ length }, (_, at) =>
    at < first ? 1 : 1 + ((end - 1) * (at - first + 1)) / (length - first),
  );
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  return raw.map((weight) => (weight * length) / total);
};

export const treeLength = ({ trunk, branches }: TokenTree): number =>
  branches.reduce((length, branch) => length + branch.length, trunk.length);

/** Length of the longest common prefix of all sequences. */
export const commonPrefix = (sequences: readonly (readonly number[])[]): number => {
  const [first, ...others] = sequences;
  if (first === undefined) return 0;
  let length = first.length;
  for (const other of others) {
    let same = 0;
    while (same < length && first[same] === other[same]) same += 1;
    length = same;
  }
  return length;
};

/** Combines sequences with a common beginning into one tree. */
export const treeOf = (sequences: readonly (readonly number[])[]): TokenTree => {
  if (sequences.length === 1) return { trunk: sequences[0] ?? [], branches: [] };
  const shared = commonPrefix(sequences);
  return {
    trunk: (sequences[0] ?? []).slice(0, shared),
    branches: sequences.map((sequence) => sequence.slice(shared)),
  };
};

/**
 * Row within the tree of position `position` of branch `branch`; positions count from the beginning of the sequence.
 */
export const treeRow = (tree: TokenTree, branch: number, position: number): number => {
  const row = position - (tree.start ?? 0);
  if (row < tree.trunk.length) return row;
  let start = tree.trunk.length;
  for (let before = 0; before < branch; before += 1) start += tree.branches[before]?.length ?? 0;
  return start + row - tree.trunk.length;
};

/** Shortest shared prefix that is worth a separate run: the items of most tasks begin with a few tokens in common. */
const LEAST_TOKENS = 32;
/** Smallest fraction of all tokens worth saving: blocks that take a prefix are slower by the joining of scores. */
const LEAST_SAVING = 0.1;

export interface PrefixedTrees {
  /** Empty where no shared prefix is worth its run. */
  readonly prefix: readonly number[];
  /** The given trees; those that began with the prefix continue it (`start`), the others are whole. */
  readonly trees: readonly TokenTree[];
}

/**
 * Splits off the common beginning of most trees: a few-shot prompt or an instruction. A tree with another beginning,
 * such as one that was cut on the left, stays whole. `before`: leading tokens of each tree whose hidden states are not
 * needed, since those of the prefix are not returned with the tree.
 */
export const splitPrefix = (trees: readonly TokenTree[], before: readonly number[]): PrefixedTrees => {
  const free = trees.map(({ trunk }, index) => trunk.slice(0, before[index] ?? 0));
  const sharing = largestGroup(free);
  const prefix = commonPrefix(sharing.map((index) => free[index] ?? []));
  const all = trees.reduce((sum, tree) => sum + treeLength(tree), 0);
  if (prefix < LEAST_TOKENS || prefix * (sharing.length - 1) < LEAST_SAVING * all) return { prefix: [], trees };
  const shares = new Set(sharing);
  return {
    prefix: (free[sharing[0] ?? 0] ?? []).slice(0, prefix),
    trees: trees.map((tree, index) =>
      shares.has(index) ? { ...tree, trunk: tree.trunk.slice(prefix), start: prefix } : tree,
    ),
  };
};

/** Indices of the sequences that share the most common first LEAST_TOKENS tokens (ties: the first). */
const largestGroup = (sequences: readonly (readonly number[])[]): readonly number[] => {
  const long = [...sequences.keys()].filter((index) => (sequences[index]?.length ?? 0) >= LEAST_TOKENS);
  const groups = Map.groupBy(long, (index) => sequences[index]?.slice(0, LEAST_TOKENS).join(' '));
  return [...groups.values()].reduce((largest, group) => (group.length > largest.length ? group : largest), []);
};
