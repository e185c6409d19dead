import { expect, test } from 'vitest';
import type { ChoiceOutcome } from '../../../main/contract/outcome.ts';
import type { ChoiceItem } from '../../../main/contract/task.ts';
import { followedOutcome } from '../../../main/evaluation/followed-outcome.ts';
import { itemLosses } from '../../../main/evaluation/fit.ts';
import { guessedRight, isRightChoice, rightLogprob } from '../../../main/evaluation/right-choices.ts';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { itemOutcome } from '../../../main/inference/base-runner.ts';
import { chanceAccuracy } from '../../../main/tasks/task.ts';

const item: ChoiceItem = {
  id: 'i',
  context: 'c',
  choices: [' a', ' b', ' long choice', ' d'],
  answer: 1,
  alsoRight: [2],
};
/** An outcome of the item, from the log-probability of each choice. */
const outcomeOf = (id: string, logprobs: readonly number[], own: ChoiceItem = item): ChoiceOutcome => {
  const scores = logprobs.map((logprob) => [{ logprob, greedy: false }]);
  const outcome = itemOutcome({ ...own, id }, [], scores);
  return outcome.kind === 'choice' ? outcome : expect.fail('a text');
};

test('any of several right choices is right, by sum and by length, and guessed as often as there are', () => {
  const outcome = outcomeOf('i', [-4, -3, -3.5, -9]);
  expect(outcome).toMatchObject({ chosen: 1, chosenNorm: 2, answer: 1, alsoRight: [2] });
  expect([0, 1, 2, 3].map((choice) => isRightChoice(outcome, choice))).toEqual([false, true, true, false]);
  expect(guessedRight(outcome)).toBe(0.5);
  expect(chanceAccuracy([item, { ...item, choices: [' a', ' b'], answer: 0, alsoRight: undefined }])).toBe(0.5);
});

test('what they lose is their probability together', () => {
  const outcome = outcomeOf('i', [Math.log(0.1), Math.log(0.2), Math.log(0.3), Math.log(0.4)]);
  expect(rightLogprob(outcome)).toBeCloseTo(Math.log(0.5), 12);
  const { alsoRight: _several, ...single } = outcome;
  expect(rightLogprob(single)).toBe(Math.log(0.2));
  // Also for a probability too small for a float64.
  expect(rightLogprob(outcomeOf('i', [-1, -1000, -1000, -2]))).toBeCloseTo(-1000 + Math.log(2), 9);
  const after = outcomeOf('i', [Math.log(0.1), Math.log(0.05), Math.log(0.2), Math.log(0.4)]);
  expect(itemLosses([outcome], [after])[0]?.nats).toBeCloseTo(Math.log(2), 12);
});

test('a candidate that takes another right choice has lost nothing', () => {
  const before = [
    outcomeOf('a', [-4, -1, -2, -9]),
    outcomeOf('b', [-4, -1, -2, -9]),
    outcomeOf('c', [-1, -3, -30, -9]),
  ];
  const after = [outcomeOf('a', [-4, -2, -1, -9]), outcomeOf('b', [-1, -4, -4, -9]), outcomeOf('c', [-9, -1, -3, -9])];
  const own = summarise('acc', before, after);
  expect(own).toMatchObject({ acc: 2 / 3, lost: 1, gained: 1, n: 3 });
  expect(summarise('acc', before, null).chance).toMatchObject({ accuracy: 0.5 });
});

test('a file that names other right choices than the task is told', () => {
  const outcome = outcomeOf('i', [-4, -3, -3.5, -9]);
  const rule = { kind: 'choice', answer: 1, alsoRight: [2], characters: [2, 2, 12, 2], group: undefined } as const;
  const told: string[] = [];
  const follow = (stored: ChoiceOutcome, correct: boolean, own: typeof rule | null): unknown =>
    followedOutcome({ outcome: stored, correct: true, correctNorm: correct }, own, (column) => told.push(column));
  expect(follow(outcome, true, rule)).toEqual(outcome);
  expect(follow(outcome, true, null)).toEqual(outcome);
  expect(told).toEqual([]);
  expect(follow({ ...outcome, alsoRight: [3] }, false, rule)).toEqual(outcome);
  expect(told.splice(0)).toEqual(['also_right', 'correct_norm']);
  follow({ ...outcome, alsoRight: [3] }, true, null);
  follow({ ...outcome, alsoRight: [4] }, false, null);
  expect(told).toEqual(['correct_norm', 'also_right']);
});
