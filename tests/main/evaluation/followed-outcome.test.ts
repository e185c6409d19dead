import { expect, test } from 'vitest';
import type { ChoiceOutcome } from '../../../main/contract/outcome.ts';
import { followedOutcome, type ItemRule, type StoredOutcome } from '../../../main/evaluation/followed-outcome.ts';
import { textOutcome, writtenOutcome } from './outcomes.ts';

const follow = (stored: StoredOutcome, rule: ItemRule | null) => {
  const columns: string[] = [];
  const outcome = followedOutcome(stored, rule, (column) => columns.push(column));
  return { outcome, columns };
};

const choice: ChoiceOutcome = {
  kind: 'choice',
  id: 'i',
  logprobs: [-4, -3, -5],
  chosen: 1,
  chosenNorm: 2,
  answer: 1,
  truncatedTokens: 0,
};
const stored = { outcome: choice, correct: true, correctNorm: false };
const rule: ItemRule = { kind: 'choice', answer: 1, characters: [2, 2, 5], group: undefined };

test('a choice follows from its log-probabilities, the one per character from the choices of the item', () => {
  expect(follow(stored, rule)).toEqual({ outcome: choice, columns: [] });
  expect(follow(stored, null)).toEqual({ outcome: choice, columns: [] });
  const edited = { ...choice, chosen: 0, chosenNorm: 0, answer: 2, group: 'p' };
  expect(follow({ outcome: edited, correct: true, correctNorm: true }, rule)).toEqual({
    outcome: choice,
    columns: ['answer', 'chosen', 'chosen_norm', 'correct_norm', 'item_group'],
  });
  // Without the item, only the file's own fields can be checked.
  expect(follow({ outcome: edited, correct: true, correctNorm: true }, null)).toEqual({
    outcome: { ...choice, chosenNorm: 0, answer: 2, group: 'p' },
    columns: ['chosen', 'correct', 'correct_norm'],
  });
  expect(follow({ outcome: { ...choice, answer: 7 }, correct: null, correctNorm: null }, null).columns).toEqual([
    'answer',
  ]);
  const tied = { ...choice, logprobs: [-3, -3, -5], chosen: 0 };
  expect(follow({ outcome: tied, correct: null, correctNorm: null }, null).columns).toEqual([]);
});

test('right and wrong of a text follow from the rule of its task', () => {
  const written = writtenOutcome('i', 'right');
  const judged: ItemRule = {
    kind: 'written',
    judge: (text) => ({ filtered: text.trim(), correct: text.trim() === 'right' }),
  };
  const plain = { correct: null, correctNorm: null };
  expect(follow({ outcome: written, ...plain }, judged)).toEqual({ outcome: written, columns: [] });
  const flipped = { ...written, correct: false, filtered: 'wrong' };
  expect(follow({ outcome: flipped, ...plain }, judged)).toEqual({
    outcome: written,
    columns: ['filtered', 'correct'],
  });
  expect(follow({ outcome: flipped, ...plain }, null)).toEqual({ outcome: flipped, columns: [] });
});

test('an item of another kind than the task has is reported', () => {
  const outcome = textOutcome('i', -3, 2);
  expect(follow({ outcome, correct: null, correctNorm: null }, rule)).toEqual({ outcome, columns: ['item'] });
});
