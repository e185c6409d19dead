import { expect, test } from 'vitest';
import { searchFitness } from '../../../main/jobs/plan-step.ts';
import { choiceOutcome, textOutcome } from '../evaluation/outcomes.ts';

test('candidates are judged by the metric of their task', () => {
  const right = choiceOutcome('a', true);
  const wrong = choiceOutcome('b', false);
  const outcomes = [
    right,
    wrong,
    { ...wrong, id: 'c', chosenNorm: wrong.answer },
    { ...wrong, id: 'd', chosenNorm: wrong.answer },
  ].map((outcome, at) => (at === 0 ? { ...outcome, chosenNorm: outcome.answer } : outcome));
  expect(searchFitness('acc', outcomes)).toBe(0.25);
  expect(searchFitness('acc_norm', outcomes)).toBe(0.75);
  expect(searchFitness('acc', [textOutcome('t', -3, 2)])).toBe(0);
  expect(searchFitness('acc', [])).toBe(0);
});
