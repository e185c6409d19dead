import type { BesideColumn, BesideDifference, LikelyToken } from '../contract/beside.ts';
import { formatProbability } from './numbers.ts';

/** A token's text with its spaces and line ends made visible; an empty one is a special token. */
export const shownToken = (text: string): string =>
  text === '' ? '(no text)' : text.replaceAll(' ', '\u2423').replaceAll('\n', '\u21b5').replaceAll('\t', '\u21e5');

export const endedText = ({ tokens, ended }: BesideColumn): string => {
  const count = `${String(tokens.length)} ${tokens.length === 1 ? 'token' : 'tokens'}`;
  switch (ended) {
    case 'end':
      return `${count}, ended by itself`;
    case 'length':
      return `${count}, the maximum`;
    case 'stopped':
      return `${count}, stopped`;
    case null:
      return count;
  }
};

/** "7 of the 24 choices of the unpruned model at this token are gone." */
export const choicesGone = ({ layers }: BesideDifference): string => {
  const count = (of: (layer: BesideDifference['layers'][number]) => readonly number[]): number =>
    layers.reduce((sum, layer) => sum + of(layer).length, 0);
  const [all, gone] = [count(({ experts }) => experts), count(({ gone: each }) => each)];
  return `Of the ${String(all)} experts that the unpruned model used there, ${String(gone)} are gone.`;
};

const shownLikely = (token: LikelyToken | undefined): { readonly text: string; readonly probability: string } => ({
  text: token?.text ?? '',
  probability: token === undefined ? '' : formatProbability(token.probability),
});

/** Both lists of likeliest tokens, by rank. */
export const likelyRows = ({ unpruned, pruned }: BesideDifference) =>
  Array.from({ length: Math.max(unpruned.length, pruned.length) }, (_, index) => ({
    rank: String(index + 1),
    unpruned: shownLikely(unpruned[index]),
    pruned: shownLikely(pruned[index]),
  }));

/** The definitions of the page and the window. */
export const BESIDE_NOTES: readonly string[] = [
  'Each model writes the token with the largest logit, from its own text so far (greedy decoding), as uncurl generate ' +
    'does.',
  'The first differing token is the first new token that differs from the unpruned model\u2019s. Both models chose it ' +
    'after the same text; later tokens follow different texts and need no longer be compared.',
  'Probabilities are the softmax of all logits, with no temperature. Both models read the prompt and the common tokens ' +
    'once more for them, which can change the last digits.',
  'Experts used are the top-k of the unpruned model\u2019s router at the last common token, in every MoE layer. Gone are ' +
    'those that the plan drops, merges into another expert or replaces by a constant.',
];
