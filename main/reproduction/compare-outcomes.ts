import { WorkbenchError } from '../contract/errors.ts';
import type { FlippedItem } from '../contract/reproduction.ts';
import type { ChoiceOutcome, ItemOutcome } from '../inference/model-runner.ts';

export interface ComparedOutcomes {
  readonly flipped: readonly Pick<FlippedItem, 'item' | 'answer' | 'before' | 'after'>[];
  /** Largest difference of a log-probability. */
  readonly largestScoreDifference: number;
}

const answerOf = ({ chosen, chosenNorm, logprobs }: ChoiceOutcome): FlippedItem['before'] => ({ chosen, chosenNorm, scores: [...logprobs] });

const scoresOf = (outcome: ItemOutcome): readonly number[] => (outcome.kind === 'choice' ? outcome.logprobs : [outcome.logprob]);

const isFlipped = (before: ChoiceOutcome, after: ChoiceOutcome): boolean =>
  before.chosen !== after.chosen || before.chosenNorm !== after.chosenNorm || before.answer !== after.answer;

const mismatch = (item: string): WorkbenchError =>
  new WorkbenchError(
    'outcomes-mismatch',
    'failed',
    `The stored outcomes do not hold the task's items in their order: item "${item}" is another one there.`,
    'The stored outcomes were edited or damaged: restore them, or start a new sweep.',
  );

/** Compares what two runs answered to the same items, in the same order. */
export const compareOutcomes = (before: readonly ItemOutcome[], after: readonly ItemOutcome[]): ComparedOutcomes => {
  const flipped: Pick<FlippedItem, 'item' | 'answer' | 'before' | 'after'>[] = [];
  let largestScoreDifference = 0;
  for (let place = 0; place < Math.max(before.length, after.length); place += 1) {
    const [was, is] = [before[place], after[place]];
    if (was === undefined || is === undefined || was.id !== is.id || was.kind !== is.kind) throw mismatch(was?.id ?? is?.id ?? '');
    const scores = scoresOf(is);
    if (scores.length !== scoresOf(was).length) throw mismatch(was.id);
    scoresOf(was).forEach((score, index) => {
      largestScoreDifference = Math.max(largestScoreDifference, Math.abs((scores[index] ?? Number.NaN) - score));
    });
    if (was.kind === 'choice' && is.kind === 'choice' && isFlipped(was, is)) {
      flipped.push({ item: was.id, answer: is.answer, before: answerOf(was), after: answerOf(is) });
    }
  }
  return { flipped, largestScoreDifference };
};
