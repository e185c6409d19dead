import type { ScoredSequence } from './scored-sequence.ts';
import type { Target } from './scorer.ts';
import { treeOf, treeRow, type TokenTree } from './token-tree.ts';

/** Sequences scored together: they share what their beginnings have in common. */
export interface ScoredGroup {
  readonly tree: TokenTree;
  readonly sequences: readonly ScoredSequence[];
}

/** Choices of one item share a tree; windows of a text, and sequences cut on the left, stand alone. */
export const groupOf = (sequences: readonly ScoredSequence[], shared: boolean): readonly ScoredGroup[] =>
  shared && sequences.every(({ truncatedTokens }) => truncatedTokens === 0)
    ? [{ tree: treeOf(sequences.map(({ input }) => input)), sequences }]
    : sequences.map((sequence) => ({ tree: treeOf([sequence.input]), sequences: [sequence] }));

/** Rows (among a batch's packed tokens) and tokens that each sequence of a group must predict. */
export const groupTargets = (tree: TokenTree, sequences: readonly ScoredSequence[], firstRow: number): readonly (readonly Target[])[] =>
  sequences.map(({ input, targets }, branch) =>
    targets.map((token, index) => ({ row: firstRow + treeRow(tree, branch, input.length - targets.length + index), token })),
  );

/** Tokens at the beginning of all sequences that no target is predicted from. */
export const unscoredTokens = (sequences: readonly ScoredSequence[]): number => Math.min(...sequences.map(({ input, targets }) => input.length - targets.length));
