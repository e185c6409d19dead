import { at } from '../contract/errors.ts';
import { maxOf } from '../statistics/extremes.ts';
import type { ChoiceOutcome } from '../contract/outcome.ts';

/** Whether a choice is right: the answer, or another right one. */
export const isRightChoice = (
  { answer, alsoRight }: Pick<ChoiceOutcome, 'answer' | 'alsoRight'>,
  choice: number,
): boolean => choice === answer || (alsoRight?.includes(choice) ?? false);

/** Log-probability of the right answer; of several right ones together, as the logarithm of their summed probability. */
export const rightLogprob = ({ logprobs, answer, alsoRight = [] }: ChoiceOutcome): number => {
  const answerLogprob = at(logprobs, answer);
  if (alsoRight.length === 0) return answerLogprob;
  const all = [answerLogprob, ...alsoRight.map((choice) => at(logprobs, choice))];
  const largest = maxOf(all);
  return largest + Math.log(all.reduce((sum, entry) => sum + Math.exp(entry - largest), 0));
};

/** Chance that a guess is right. */
export const guessedRight = ({ logprobs, alsoRight = [] }: Pick<ChoiceOutcome, 'logprobs' | 'alsoRight'>): number =>
  (1 + alsoRight.length) / logprobs.length;
