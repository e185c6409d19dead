import { TORCH_LIMITS } from '../checkpoint/memory-need.ts';
import { type ScoredSequence, unscoredTokens } from '../inference/scorer.ts';
import { splitPrefix, type TokenTree, treeLength, treeOf } from '../inference/token-tree.ts';
import { maxOf } from '../statistics/extremes.ts';

/** Padded tokens per pass. */
const BATCH_SLOTS = 2048;

/** (index of the trunk or branch, position in it, target token) of a score. */
export type ScoreRow = readonly [number, number, number];

/** Trunks that run together, with the branches that continue them: in one pass (`rows`), or in a second one. */
export interface ScoreBatch {
  /** Whether the trunks continue the shared prefix. */
  readonly isBehind: boolean;
  readonly trunks: readonly (readonly number[])[];
  readonly branches: readonly (readonly number[])[];
  /** The trunk of each branch. */
  readonly parents: readonly number[];
  readonly trunkRows: readonly ScoreRow[];
  readonly branchRows: readonly ScoreRow[];
  /** Index of the sequence of each of `trunkRows`, then `branchRows`; the targets of a sequence are in order. */
  readonly sequenceOfRow: readonly number[];
  /** Trunks in each row of the one pass, where each is followed by its branches; null: branches run after trunks. */
  readonly rows: readonly (readonly number[])[] | null;
  /** Tokens that run. */
  readonly tokens: number;
}

export interface ScoreWork {
  /** Tokens that most trunks begin with, which run once; may be empty. */
  readonly prefix: readonly number[];
  readonly batches: readonly ScoreBatch[];
}

/** A tree, and the indices of the sequences that its branches (or, without branches, its trunk) are. */
interface Member {
  readonly tree: TokenTree;
  readonly sequences: readonly number[];
}

/**
 * Parts that sequences share. `prefixes`: contexts (all tokens before the first target), which run together with what
 * continues them, and a long prefix of contexts. `contexts`: not the prefix, and one pass after the other, where
 * distances count (windows), which padding or other branches between would change. `inputs`: equal inputs only, where a
 * context cannot be continued in several ways.
 */
export type Sharing = 'prefixes' | 'contexts' | 'inputs';

/** The runs that score sequences. `share`: of the usual size of batches. */
export const scoreWork = (
  sequences: readonly ScoredSequence[],
  vocabulary: number,
  sharing: Sharing,
  share = 1,
): ScoreWork => {
  const contextOf = ({ input, targets }: ScoredSequence): string =>
    (sharing === 'inputs' ? input : input.slice(0, input.length - targets.length + 1)).join(' ');
  const groups = [...Map.groupBy(sequences.keys(), (index) => contextOf(sequences[index]!)).values()];
  const listed = groups.map((group) => group.flatMap((index) => sequences[index] ?? []));
  const whole = listed.map((list) => treeOf(list.map(({ input }) => input)));
  const { prefix, trees } =
    sharing === 'prefixes'
      ? splitPrefix(
          whole,
          listed.map((list) => unscoredTokens(list)),
        )
      : { prefix: [], trees: whole };
  const members = trees.map((tree, index): Member => ({ tree, sequences: groups[index] ?? [] }));
  return {
    prefix,
    batches: batchesOf(sequences, members, prefix.length, { vocabulary, share, inRows: sharing === 'prefixes' }),
  };
};

/** Batches of similar lengths, the longest first, within the bounds of tokens, keys and logits. */
const batchesOf = (
  sequences: readonly ScoredSequence[],
  members: readonly Member[],
  prefix: number,
  { vocabulary, share, inRows }: { readonly vocabulary: number; readonly share: number; readonly inRows: boolean },
): readonly ScoreBatch[] => {
  const trunkLength = ({ tree }: Member): number => tree.trunk.length;
  const branchLength = ({ tree }: Member): number => maxOf([0, ...tree.branches.map((branch) => branch.length)]);
  const branchesIn = ({ tree }: Member): number => tree.branches.filter((branch) => branch.length > 0).length;
  const before = ({ tree }: Member): number => (tree.start === undefined ? 0 : prefix);
  const logitsOf = (member: Member): number =>
    vocabulary * member.sequences.reduce((sum, index) => sum + (sequences[index]?.targets.length ?? 0), 0);
  const isWithin = (batch: readonly Member[]): boolean => {
    const [trunk, branch] = [maxOf(batch.map(trunkLength)), maxOf(batch.map(branchLength))];
    const branches = batch.reduce((sum, member) => sum + branchesIn(member), 0);
    const keys = maxOf(batch.map(before));
    return (
      trunk * batch.length <= share * BATCH_SLOTS &&
      branch * branches <= share * BATCH_SLOTS &&
      (keys + trunk + branch) * (keys > 0 ? Math.max(branches, batch.length) : branches) <= share * TORCH_LIMITS.keys
    );
  };
  const isWithinRows = (batch: readonly Member[]): boolean => {
    const keys = maxOf(batch.map(before));
    const rows = rowsOf(batch, keys);
    const width = maxOf(rows.map((row) => row.reduce((sum, at) => sum + lengthOf(batch[at]), 0)));
    return rows.length * width <= share * BATCH_SLOTS && rows.length * (keys + width) <= share * TORCH_LIMITS.keys;
  };
  const kinds = [...new Set([prefix, 0])].flatMap((keys) => {
    const kind = members.filter((member) => before(member) === keys);
    // Sequences that nothing precedes or continues need no mask.
    const isPlain = keys === 0 && kind.every((member) => branchesIn(member) === 0);
    const isTogether = (member: Member): boolean => inRows && !isPlain && isWithinRows([member]);
    return [true, false].map((together) => ({
      keys,
      together,
      kind: kind.filter((member) => isTogether(member) === together),
    }));
  });
  return kinds.flatMap(({ keys, together, kind }) => {
    const length = together ? lengthOf : trunkLength;
    const batches: Member[][] = [];
    for (const member of kind.toSorted((a, b) => length(b) - length(a))) {
      const last = batches.at(-1);
      const more = [...(last ?? []), member];
      const fits =
        (together ? isWithinRows(more) : isWithin(more)) &&
        more.reduce((sum, each) => sum + logitsOf(each), 0) <= share * TORCH_LIMITS.logits;
      if (last !== undefined && fits) last.push(member);
      else batches.push([member]);
    }
    return batches.map((batch) => batchOf(sequences, batch, together ? rowsOf(batch, keys) : null));
  });
};

const lengthOf = (member: Member | undefined): number => (member === undefined ? 0 : treeLength(member.tree));

/** Trees in rows up to the length of the prefix, which every row gets a copy of, or of the longest tree. */
const rowsOf = (batch: readonly Member[], prefix: number): readonly (readonly number[])[] => {
  const most = maxOf([prefix, ...batch.map(lengthOf)]);
  const rows: number[][] = [];
  let left = 0;
  for (const [at, member] of batch.entries()) {
    if (lengthOf(member) > left) {
      rows.push([]);
      left = most;
    }
    rows.at(-1)?.push(at);
    left -= lengthOf(member);
  }
  return rows;
};

/**
 * Rows [B, S] of one pass over trees. Each token has its place after the prefix, its tree (from 1 on; 0 is for padding)
 * and its branch (0: the trunk). It sees the prefix, and the tokens up to itself in its tree's trunk and in its branch.
 */
export interface TreeRows {
  readonly tokens: readonly (readonly number[])[];
  readonly places: readonly (readonly number[])[];
  readonly trees: readonly (readonly number[])[];
  readonly branches: readonly (readonly number[])[];
  readonly scores: readonly ScoreRow[];
}

/** The rows of a batch that runs in one pass, and its scores in the order of `sequenceOfRow`. */
export const treeRows = ({ trunks, branches, parents, trunkRows, branchRows, rows }: ScoreBatch): TreeRows => {
  const childrenOf = Map.groupBy(branches.keys(), (branch) => parents[branch] ?? -1);
  /** Row and first column. */
  type Start = readonly [number, number];
  const [trunkStarts, branchStarts]: [Start[], Start[]] = [[], []];
  const made = (rows ?? []).map((members, row) => {
    const listed: (readonly [token: number, place: number, tree: number, branch: number])[] = [];
    for (const trunk of members) {
      const trunkTokens = trunks[trunk] ?? [];
      trunkStarts[trunk] = [row, listed.length];
      trunkTokens.forEach((token, place) => listed.push([token, place, trunk + 1, 0]));
      for (const [index, branch] of (childrenOf.get(trunk) ?? []).entries()) {
        branchStarts[branch] = [row, listed.length];
        branches[branch]?.forEach((token, place) =>
          listed.push([token, trunkTokens.length + place, trunk + 1, index + 1]),
        );
      }
    }
    return listed;
  });
  const moved =
    (starts: readonly Start[]) =>
    ([part, position, token]: ScoreRow): ScoreRow => {
      const [row, first] = starts[part] ?? [-1, 0];
      return [row, first + position, token];
    };
  return {
    tokens: made.map((row) => row.map(([token]) => token)),
    places: made.map((row) => row.map(([, place]) => place)),
    trees: made.map((row) => row.map(([, , tree]) => tree)),
    branches: made.map((row) => row.map(([, , , branch]) => branch)),
    scores: [...trunkRows.map(moved(trunkStarts)), ...branchRows.map(moved(branchStarts))],
  };
};

const batchOf = (
  sequences: readonly ScoredSequence[],
  members: readonly Member[],
  rowsOfTrees: ScoreBatch['rows'],
): ScoreBatch => {
  const [branches, parents]: [(readonly number[])[], number[]] = [[], []];
  const rows: { trunk: (readonly [ScoreRow, number])[]; branch: (readonly [ScoreRow, number])[] } = {
    trunk: [],
    branch: [],
  };
  members.forEach(({ tree, sequences: own }, trunk) => {
    own.forEach((sequence, at) => {
      const { input = [], targets = [] } = sequences[sequence] ?? {};
      const branch = tree.branches[at] ?? [];
      if (branch.length > 0) {
        branches.push(branch);
        parents.push(trunk);
      }
      targets.forEach((token, target) => {
        const position = input.length - targets.length + target - (tree.start ?? 0);
        const inBranch = position - tree.trunk.length;
        if (inBranch < 0) rows.trunk.push([[trunk, position, token], sequence]);
        else rows.branch.push([[branches.length - 1, inBranch, token], sequence]);
      });
    });
  });
  const all = [...rows.trunk, ...rows.branch];
  const trunks = members.map(({ tree }) => tree.trunk);
  return {
    isBehind: members.some(({ tree }) => tree.start !== undefined),
    trunks,
    branches,
    parents,
    trunkRows: rows.trunk.map(([row]) => row),
    branchRows: rows.branch.map(([row]) => row),
    sequenceOfRow: all.map(([, sequence]) => sequence),
    rows: rowsOfTrees,
    tokens: [...trunks, ...branches].reduce((sum, tokens) => sum + tokens.length, 0),
  };
};
