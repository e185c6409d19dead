import type { SweepResult } from '../../../main/contract/sweep.ts';
import type { ChoiceOutcome, TextOutcome, WrittenOutcome } from '../../../main/contract/outcome.ts';

/** A multiple-choice outcome with two choices whose right answer is 0: `right` and `rightNorm` say what was chosen. */
export const choiceOutcome = (id: string, right: boolean, rightNorm = right, truncatedTokens = 0): ChoiceOutcome => ({
  kind: 'choice',
  id,
  logprobs: right ? [-1, -2] : [-2, -1],
  chosen: right ? 0 : 1,
  chosenNorm: rightNorm ? 0 : 1,
  answer: 0,
  truncatedTokens,
});

export const textOutcome = (id: string, logprob: number, tokens: number): TextOutcome => ({
  kind: 'text',
  id,
  logprob,
  tokens,
});

/** The outcome of a text written to an item whose answer is `right`. */
export const writtenOutcome = (id: string, text: string, truncatedTokens = 0): WrittenOutcome => ({
  kind: 'written',
  id,
  text,
  filtered: text.trim(),
  correct: text.trim() === 'right',
  tokens: text.length,
  stopped: 'until',
  truncatedTokens,
});

/** A sweep result for tests that depend only on the named fields. */
export const sweepResult = (fields: Partial<SweepResult>): SweepResult => ({
  model: 'model',
  task: 'task',
  method: 'reap',
  seed: null,
  factor: 2,
  kept: 8,
  n: 1000,
  evaluated: 1000,
  metric: 'acc',
  value: 0.7,
  acc: 0.7,
  accNorm: 0.7,
  perplexity: null,
  difference: 0,
  low: -0.01,
  high: 0.01,
  lowOneSided: -0.01,
  highOneSided: 0.02,
  p: 1,
  lost: 0,
  gained: 0,
  truncated: 0,
  ...fields,
});
