import type { ChoiceOutcome, WrittenOutcome } from '../contract/outcome.ts';
import type { MetricName } from '../contract/task.ts';

/** Whether an item was answered correctly by its metric. */
export const isRight = (metric: MetricName, outcome: ChoiceOutcome | WrittenOutcome): boolean =>
  outcome.kind === 'written'
    ? outcome.correct
    : (metric === 'acc_norm' ? outcome.chosenNorm : outcome.chosen) === outcome.answer;
