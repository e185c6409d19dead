import type { ChoiceOutcome, ScoredOutcome } from '../contract/outcome.ts';
import type { ChoiceItem, TextItem } from '../contract/task.ts';
import { argmax } from '../evaluation/followed-outcome.ts';
import { maxOf } from '../statistics/extremes.ts';
import type { ScoredSequence, TargetScore } from './scorer.ts';

/**
 * A model's outcome on one item, from the scores of its sequences: the sum of log-probabilities per choice, the choice
 * with the largest sum (acc), and with the largest sum per character (acc_norm); ties go to the lower index.
 */
export const itemOutcome = (
  item: ChoiceItem | TextItem,
  sequences: readonly ScoredSequence[],
  scores: readonly (readonly TargetScore[])[],
): ScoredOutcome => {
  const sums = scores.map((targets) => targets.reduce((sum, { logprob }) => sum + logprob, 0));
  if (!('choices' in item)) {
    return {
      kind: 'text',
      id: item.id,
      logprob: sums.reduce((total, sum) => total + sum, 0),
      tokens: sequences.reduce((total, { targets }) => total + targets.length, 0),
    };
  }
  const outcome: ChoiceOutcome = {
    kind: 'choice',
    id: item.id,
    logprobs: sums,
    chosen: argmax(sums),
    // Characters are code points, as Python counts them.
    chosenNorm: argmax(sums.map((sum, choice) => sum / Array.from(item.choices[choice] ?? '').length)),
    answer: item.answer,
    truncatedTokens: maxOf([0, ...sequences.map(({ truncatedTokens }) => truncatedTokens)]),
  };
  return item.group === undefined ? outcome : { ...outcome, group: item.group };
};
