import type { BesideColumn, BesideDifference, BesideDocument } from '../contract/beside.ts';
import { counted, formatNumber } from './numbers.ts';

/** A token's text with its spaces and line ends made visible; an empty one is a special token. */
export const shownToken = (text: string): string =>
  text === '' ? '(no text)' : text.replaceAll(' ', '\u2423').replaceAll('\n', '\u21b5').replaceAll('\t', '\u21e5');

export const endedText = ({ tokens, ended }: BesideColumn): string => {
  const count = `${tokens.length} ${tokens.length === 1 ? 'token' : 'tokens'}`;
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
  return `Of the ${all} experts that the unpruned model used there, ${gone} are gone.`;
};

/** "Mean KL from unpruned over its 24 tokens: 0.031 nats."; null where it was not measured. */
export const traceText = ({ trace }: Pick<BesideDocument, 'trace'>, plan: number): string | null => {
  const kl = trace?.plans[plan]?.kl ?? [];
  if (kl.length === 0) return null;
  const mean = kl.reduce((sum, each) => sum + each, 0) / kl.length;
  const tokens = counted(kl.length, 'token');
  return `Mean KL from unpruned over the first ${tokens} that it wrote: ${formatNumber(mean)} nats.`;
};

/** A token's probability in percent, one digit after the point; extremes as bounds, never as 0 or 100. */
export const shownProbability = (probability: number): string => {
  const percent = 100 * probability;
  return percent < 0.1 ? '< 0.1 %' : percent > 99.9 ? '> 99.9 %' : `${percent.toFixed(1)} %`;
};

/** Definitions of what a side by side shows, for the window and the page. */
export const besideTexts = {
  writing:
    'Each model writes the token with the largest logit, from its own text so far (greedy decoding), as uncurl ' +
    'generate does.',
  firstDifference:
    'The first new token that differs from the unpruned model’s. Both models chose it after the same text; later ' +
    'tokens follow different texts.',
  probability:
    'Softmax of all logits, without a temperature. Both models read the prompt and the common tokens once more for ' +
    'it, which can change the last digits.',
  trace:
    'All models after the prompt and the unpruned model’s tokens before this one: KL of the plan’s next-token ' +
    'distribution from the unpruned model’s (nats), and the experts that each router chooses there. The first 256 ' +
    'new tokens are compared; merged experts have numbers of their own.',
  usedExperts:
    'The top-k experts of the unpruned model’s router at the last common token, in every MoE layer. Gone are those ' +
    'that the plan drops, merges into another expert or replaces by a constant.',
} as const;
