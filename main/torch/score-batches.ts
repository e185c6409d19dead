import { type ScoredSequence, unscoredTokens } from '../inference/scorer.ts';
import { splitPrefix, type TokenTree, treeOf } from '../inference/token-tree.ts';
import { maxOf } from '../statistics/extremes.ts';

/** Padded tokens per batch. */
const BATCH_SLOTS = 2048;
/** Padded tokens whose keys and values the branches of a batch hold. */
const CACHE_SLOTS = 8192;
/** Logits of a batch: rows x vocabulary (256 MB of float32). */
const MOST_LOGITS = 2 ** 26;

/** (index of the trunk or branch, position in it, target token) of a score. */
export type ScoreRow = readonly [number, number, number];

/** Trunks that run together, and then the branches that continue them. */
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

const inputKey = (tokens: readonly number[]): string => tokens.join(' ');

/**
 * Parts that sequences share. `prefixes`: contexts (all tokens before the first target), and a long prefix of contexts.
 * `contexts`: not the prefix, where distances to it count (windows), which padding between both would change. `inputs`:
 * equal inputs only, where a context cannot be continued in several ways.
 */
export type Sharing = 'prefixes' | 'contexts' | 'inputs';

/** The runs that score sequences. `share`: of the usual size of batches. */
export const scoreWork = (
  sequences: readonly ScoredSequence[],
  vocabulary: number,
  sharing: Sharing,
  share = 1,
): ScoreWork => {
  const byContext = new Map<string, number[]>();
  sequences.forEach(({ input, targets }, index) => {
    const key = inputKey(sharing === 'inputs' ? input : input.slice(0, input.length - targets.length + 1));
    byContext.set(key, [...(byContext.get(key) ?? []), index]);
  });
  const groups = [...byContext.values()];
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
  return { prefix, batches: batchesOf(sequences, members, prefix.length, { vocabulary, share }) };
};

/** Batches of similar lengths, the longest first, within the bounds of tokens, keys and logits. */
const batchesOf = (
  sequences: readonly ScoredSequence[],
  members: readonly Member[],
  prefix: number,
  { vocabulary, share }: { readonly vocabulary: number; readonly share: number },
): readonly ScoreBatch[] => {
  const length = ({ tree }: Member): number => tree.trunk.length;
  const branchLength = ({ tree }: Member): number => maxOf([0, ...tree.branches.map((branch) => branch.length)]);
  const branchesIn = ({ tree }: Member): number => tree.branches.filter((branch) => branch.length > 0).length;
  const logitsOf = (member: Member): number =>
    vocabulary * member.sequences.reduce((sum, index) => sum + (sequences[index]?.targets.length ?? 0), 0);
  const isWithin = (batch: readonly Member[]): boolean => {
    const [trunk, branch] = [maxOf(batch.map(length)), maxOf(batch.map(branchLength))];
    const branches = batch.reduce((sum, member) => sum + branchesIn(member), 0);
    const before = batch.some(({ tree }) => tree.start !== undefined) ? prefix : 0;
    return (
      trunk * batch.length <= share * BATCH_SLOTS &&
      branch * branches <= share * BATCH_SLOTS &&
      (before + trunk + branch) * (before > 0 ? Math.max(branches, batch.length) : branches) <= share * CACHE_SLOTS &&
      batch.reduce((sum, member) => sum + logitsOf(member), 0) <= share * MOST_LOGITS
    );
  };
  const kinds = [true, false].map((isBehind) =>
    members.filter(({ tree }) => (tree.start !== undefined) === isBehind).sort((a, b) => length(b) - length(a)),
  );
  return kinds.flatMap((kind) => {
    const batches: Member[][] = [];
    for (const member of kind) {
      const last = batches.at(-1);
      if (last === undefined || !isWithin([...last, member])) batches.push([member]);
      else last.push(member);
    }
    return batches.map((batch) => batchOf(sequences, batch));
  });
};

const batchOf = (sequences: readonly ScoredSequence[], members: readonly Member[]): ScoreBatch => {
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
    tokens: [...trunks, ...branches].reduce((sum, tokens) => sum + tokens.length, 0),
  };
};
