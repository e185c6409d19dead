import { expect, test } from 'vitest';
import type { ChoiceOutcome } from '../../../main/contract/outcome.ts';
import { refereeFindings, type RefereedAnswer } from '../../../main/jobs/referee.ts';
import { refereeWords } from '../../../main/words/referee.ts';
import { upperLimit } from '../../../main/statistics/p-values.ts';

test('the upper limit is that of Clopper and Pearson', () => {
  expect(upperLimit(0, 80)).toBeCloseTo(1 - 0.05 ** (1 / 80), 12);
  // At the limit, this number of differences or fewer has a chance of 5 %: (1 - p)^n + n p (1 - p)^(n - 1) for one.
  const p = upperLimit(1, 20);
  expect((1 - p) ** 20 + 20 * p * (1 - p) ** 19).toBeCloseTo(0.05, 10);
  expect(upperLimit(5, 5)).toBe(1);
});

test('flips are choices by the metric and written answers judged otherwise; texts have none', () => {
  const choice = (chosen: number, chosenNorm: number): ChoiceOutcome => ({
    kind: 'choice',
    id: `item ${String(chosen)}${String(chosenNorm)}`,
    logprobs: [-1, -1.5, -4],
    chosen,
    chosenNorm,
    answer: 0,
    truncatedTokens: 0,
  });
  const one = { point: 'm, t, reap x2', metric: 'acc' } as const;
  const answers: readonly RefereedAnswer[] = [
    { ...one, before: choice(0, 0), after: choice(0, 1) },
    { ...one, before: choice(0, 0), after: choice(1, 0) },
    { ...one, metric: 'acc_norm', before: choice(0, 1), after: choice(0, 2) },
    {
      ...one,
      metric: 'perplexity',
      before: { kind: 'text', id: 'text', logprob: -1, tokens: 3 },
      after: { kind: 'text', id: 'text', logprob: -2, tokens: 3 },
    },
  ];
  expect(refereeWords(refereeFindings(answers, 'bfloat16'), 'this sweep')).toBe(
    'Referee: onnxruntime in float32 gave 3 answers of this sweep too, drawn at random (seed 0), and 2 of them ' +
      "differ from PyTorch's in bfloat16 (66.7\u202f%; of all answers at most 98.3\u202f%, exact one-sided 95 % limit). " +
      'm, t, reap x2, item item 00 (margins 0.50 and 0.50); m, t, reap x2, item item 01 (margins 0.50 and 0.50).',
  );
});
