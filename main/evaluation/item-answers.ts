import { refuse } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { AnswerChange, ItemAnswers, OutcomesDocument, ShownAnswer } from '../contract/outcomes.ts';
import type { MetricName } from '../contract/task.ts';
import { isRight } from './is-right.ts';

/** The displayed part of an outcome. */
const shownAnswer = (metric: MetricName, outcome: ItemOutcome): ShownAnswer => {
  if (outcome.kind === 'text') return { kind: 'text', logprob: outcome.logprob, tokens: outcome.tokens, isRight: null };
  const right = isRight(metric, outcome);
  if (outcome.kind === 'written') {
    const { text, filtered, stopped, loop } = outcome;
    const written = { kind: 'written', text, filtered: filtered === text ? null : filtered, stopped } as const;
    if (!loop) return { ...written, isRight: right };
    const { character, period } = loop;
    return { ...written, loop: { character, period }, isRight: right };
  }
  const chosen = metric === 'acc_norm' ? outcome.chosenNorm : outcome.chosen;
  return { kind: 'choice', chosen, logprobs: [...outcome.logprobs], isRight: right };
};

const changeOf = (before: ShownAnswer, after: ShownAnswer): AnswerChange =>
  before.isRight === true && after.isRight === false
    ? 'lost'
    : before.isRight === false && after.isRight === true
      ? 'gained'
      : 'same';

/** Whether two answers differ at all: another choice, another text. */
const isOtherwise = (before: ShownAnswer, after: ShownAnswer): boolean => {
  if (before.kind === 'choice' && after.kind === 'choice') return before.chosen !== after.chosen;
  if (before.kind === 'written' && after.kind === 'written') return before.text !== after.text;
  return before.kind === 'text' && after.kind === 'text' && before.logprob !== after.logprob;
};

/** Items in the order of the task, with the fields that follow from outcomes. */
export type AnsweredItem = Omit<ItemAnswers, 'asked'>;

export interface AnsweredItems {
  readonly counts: OutcomesDocument['counts'];
  readonly items: readonly AnsweredItem[];
}

/**
 * Pairs the answers of the unpruned model and a candidate item by item. Refuses (`items-differ`) lists of different
 * items.
 */
export const answeredItems = (
  metric: MetricName,
  unpruned: readonly ItemOutcome[],
  candidate: readonly ItemOutcome[],
): AnsweredItems => {
  let otherwise = 0;
  const items = candidate.map((outcome, index): AnsweredItem => {
    const baseline = unpruned[index];
    if (baseline?.id !== outcome.id || baseline.kind !== outcome.kind || unpruned.length !== candidate.length)
      throw refuse(
        'items-differ',
        `Item ${String(index + 1)} is ${baseline?.id ?? 'missing'} for the unpruned model and ${outcome.id} ` +
          `for the candidate.`,
        'The stored outcomes were edited or damaged: start a new sweep.',
      );
    const [before, after] = [shownAnswer(metric, baseline), shownAnswer(metric, outcome)];
    if (isOtherwise(before, after)) otherwise += 1;
    return {
      item: outcome.id,
      unpruned: before,
      candidate: after,
      change: changeOf(before, after),
      truncatedTokens: outcome.kind === 'text' ? 0 : outcome.truncatedTokens,
    };
  });
  const count = (change: AnswerChange): number => items.filter((item) => item.change === change).length;
  return { items, counts: { lost: count('lost'), gained: count('gained'), same: count('same'), otherwise } };
};
