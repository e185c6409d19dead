import { refuse } from '../contract/errors.ts';
import { type ChoiceOutcome, FEWEST_LOOPED, type ItemOutcome, type WrittenOutcome } from '../contract/outcome.ts';
import type { AnswerChange, ItemAnswers, OutcomesDocument, ShownAnswer } from '../contract/outcomes.ts';
import type { MetricName } from '../contract/task.ts';
import type { Endings, SweepResult, Threshold } from '../contract/sweep.ts';
import { isRightChoice } from './right-choices.ts';
import { sweepThresholds } from './threshold.ts';

/** Whether an item was answered correctly by its metric. */
export const isRight = (metric: MetricName, outcome: ChoiceOutcome | WrittenOutcome): boolean =>
  outcome.kind === 'written'
    ? outcome.correct
    : isRightChoice(outcome, metric === 'acc_norm' ? outcome.chosenNorm : outcome.chosen);

/** Whether a text ended by a stop string or an end token. */
export const hasEnded = ({ stopped }: Pick<WrittenOutcome, 'stopped'>): boolean => stopped !== 'length';

/** Share of the texts that looped; null where that was not recorded. */
export const loopedShare = (outcomes: readonly WrittenOutcome[]): number | null => {
  const open = outcomes.filter((outcome) => !hasEnded(outcome) && outcome.tokens >= FEWEST_LOOPED);
  if (open.some(({ loop }) => loop === undefined)) return null;
  return open.filter(({ loop }) => loop !== null).length / outcomes.length;
};

/** A result about endings in place of answers: whether a text ended takes the place of whether it is right. */
export const endingResult = (result: SweepResult, { ended, looped: _looped, ...paired }: Endings): SweepResult => ({
  ...result,
  ...paired,
  value: ended,
});

/** The thresholds with those of endings, each at the one-sided level `alpha` (5 %) by itself; the metric `ending` has no other. */
export const withEndings = (
  thresholds: readonly Threshold[],
  results: readonly SweepResult[],
  delta: number,
  alpha?: number,
): Threshold[] => {
  const ofEndings = results.flatMap((result) =>
    result.endings === undefined || result.metric === 'ending' ? [] : [endingResult(result, result.endings)],
  );
  const keyOf = ({ model, task, method, seed }: Threshold): string => JSON.stringify([model, task, method, seed]);
  const found = new Map(sweepThresholds(ofEndings, delta, alpha).map((threshold) => [keyOf(threshold), threshold]));
  return thresholds.map((threshold) => {
    const { endings: _endings, ...rest } = threshold;
    const ending = found.get(keyOf(threshold));
    if (ending === undefined) return rest;
    const { factor, lastSafe, firstUnsafe, firstWorse, verdict } = ending;
    return { ...rest, endings: { factor, lastSafe, firstUnsafe, firstWorse, verdict } };
  });
};

/** A text split into the common beginning, the difference, and the common end. */
export interface TextDifference {
  readonly before: string;
  readonly changed: string;
  readonly after: string;
}

/** Compares two texts by code points. `changed` of both is empty where they are equal. */
export const textDifference = (one: string, other: string): readonly [TextDifference, TextDifference] => {
  const [left, right] = [Array.from(one), Array.from(other)];
  const shorter = Math.min(left.length, right.length);
  let start = 0;
  while (start < shorter && left[start] === right[start]) start += 1;
  let end = 0;
  while (end < shorter - start && left[left.length - 1 - end] === right[right.length - 1 - end]) end += 1;
  const cut = (characters: readonly string[]): TextDifference => ({
    before: characters.slice(0, start).join(''),
    changed: characters.slice(start, characters.length - end).join(''),
    after: characters.slice(characters.length - end).join(''),
  });
  return [cut(left), cut(right)];
};

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
        `Item ${index + 1} is ${baseline?.id ?? 'missing'} for the unpruned model and ${outcome.id} ` +
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
