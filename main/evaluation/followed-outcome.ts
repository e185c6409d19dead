import { at } from '../contract/errors.ts';
import type { ChoiceOutcome, ItemOutcome, WrittenOutcome } from '../contract/outcome.ts';
import { hasEnded } from './item-answers.ts';
import { isRightChoice } from './right-choices.ts';

/** An outcome in a file, with the file's verdict on whether it is right; null where it has none. */
export interface StoredOutcome {
  readonly outcome: ItemOutcome;
  readonly correct: boolean | null;
  readonly correctNorm: boolean | null;
}

/** How a task's item judges an answer. */
export type ItemRule =
  | {
      readonly kind: 'choice';
      readonly answer: number;
      readonly alsoRight?: readonly number[] | undefined;
      /** Divisor of each choice's log-probability for acc_norm (choiceLengths). */
      readonly characters: readonly number[];
      readonly group: string | undefined;
    }
  | {
      readonly kind: 'written';
      readonly judge: (text: string, hasEnded: boolean) => Pick<WrittenOutcome, 'filtered' | 'correct'>;
    }
  | { readonly kind: 'text' };

/** Called for each column that differs from what follows from the model's answer. */
export type TellColumn = (column: string) => void;

/** Index of the largest value; ties go to the lower one. */
export const argmax = (values: readonly number[]): number =>
  values.reduce((best, value, index) => (value > (values[best] ?? -Infinity) ? index : best), 0);

const followedChoice = (
  { outcome: stored, correct, correctNorm }: StoredOutcome & { readonly outcome: ChoiceOutcome },
  rule: Extract<ItemRule, { kind: 'choice' }> | null,
  tell: TellColumn,
): ChoiceOutcome => {
  const { logprobs } = stored;
  const answer = rule?.answer ?? stored.answer;
  const alsoRight = rule === null ? stored.alsoRight : rule.alsoRight;
  const right = { answer, alsoRight };
  const chosen = argmax(logprobs);
  const chosenNorm =
    rule === null ? stored.chosenNorm : argmax(logprobs.map((sum, choice) => sum / at(rule.characters, choice)));
  const group = rule === null ? stored.group : rule.group;
  if (rule !== null && rule.characters.length !== logprobs.length) tell('logprobs');
  const isChoice = (choice: number): boolean => choice >= 0 && choice < logprobs.length && Number.isInteger(choice);
  if (!isChoice(answer) || answer !== stored.answer) tell('answer');
  if (alsoRight?.every(isChoice) === false || String(alsoRight) !== String(stored.alsoRight)) tell('also_right');
  if (chosen !== stored.chosen) tell('chosen');
  if (!(chosenNorm >= 0 && chosenNorm < logprobs.length) || chosenNorm !== stored.chosenNorm) tell('chosen_norm');
  if (correct !== null && correct !== isRightChoice(right, chosen)) tell('correct');
  if (correctNorm !== null && correctNorm !== isRightChoice(right, chosenNorm)) tell('correct_norm');
  if (group !== stored.group) tell('item_group');
  const { group: _group, alsoRight: _alsoRight, ...rest } = stored;
  const followed = { ...rest, chosen, chosenNorm, answer, ...(alsoRight === undefined ? {} : { alsoRight }) };
  return group === undefined ? followed : { ...followed, group };
};

/**
 * The outcome that follows from the model's answer: which choice has the largest log-probability, and whether that is
 * right, or the result of the task's filters on a text. Without the item (`rule` null) the right answer, the choice per
 * character and the verdict on a text are those of the file.
 */
export const followedOutcome = (stored: StoredOutcome, rule: ItemRule | null, tell: TellColumn): ItemOutcome => {
  const { outcome } = stored;
  if (rule !== null && rule.kind !== outcome.kind) tell('item');
  switch (outcome.kind) {
    case 'choice':
      return followedChoice({ ...stored, outcome }, rule?.kind === 'choice' ? rule : null, tell);
    case 'written': {
      if (rule?.kind !== 'written') return outcome;
      const { filtered, correct } = rule.judge(outcome.text, hasEnded(outcome));
      if (filtered !== outcome.filtered) tell('filtered');
      if (correct !== outcome.correct) tell('correct');
      return { ...outcome, filtered, correct };
    }
    case 'text':
      return outcome;
  }
};
