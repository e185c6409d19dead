import type { ChoiceOutcome } from '../contract/outcome.ts';
import type { AnswerLoss } from '../contract/sweep.ts';
import { groupedSums, ratioInterval } from '../statistics/ratio-interval.ts';

/**
 * Mean over items of the log-probability that the right choice loses, in nats, with its 95 % interval by Student's t
 * over items, or over the passages that they share. Undefined for fewer than two. `pairs`: unpruned and candidate.
 */
export const answerLossOf = (pairs: readonly (readonly [ChoiceOutcome, ChoiceOutcome])[]): AnswerLoss | undefined => {
  const losses = pairs.map(([{ logprobs, answer }, after]) => ({
    sum: (logprobs[answer] ?? NaN) - (after.logprobs[answer] ?? NaN),
    count: 1,
  }));
  return ratioInterval(
    groupedSums(
      losses,
      pairs.flatMap(([{ group }]) => group ?? []),
    ),
  );
};
