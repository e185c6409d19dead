/**
 * A context with what follows it: `trunk` is run once, every branch sees the trunk and its own earlier tokens, and its
 * positions go on from the trunk. A plain sequence is a trunk without branches. The numbers are those of one sequence
 * per branch (DESIGN 3.1: to 1e-5), for up to as many times less work as there are branches.
 */
export interface TokenTree {
  readonly trunk: readonly number[];
  readonly branches: readonly (readonly number[])[];
  /** Position of its first token: the length of the shared prefix that it goes on from. A whole tree begins at 0. */
  readonly start?: number;
}

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

/** Sequences that share a beginning as one tree. */
export const treeOf = (sequences: readonly (readonly number[])[]): TokenTree => {
  if (sequences.length === 1) return { trunk: sequences[0] ?? [], branches: [] };
  const shared = commonPrefix(sequences);
  return { trunk: (sequences[0] ?? []).slice(0, shared), branches: sequences.map((sequence) => sequence.slice(shared)) };
};

/** Row within the tree of position `position` of branch `branch`; positions count from the beginning of the sequence. */
export const treeRow = (tree: TokenTree, branch: number, position: number): number => {
  const own = position - (tree.start ?? 0);
  if (own < tree.trunk.length) return own;
  let start = tree.trunk.length;
  for (let before = 0; before < branch; before += 1) start += tree.branches[before]?.length ?? 0;
  return start + own - tree.trunk.length;
};
