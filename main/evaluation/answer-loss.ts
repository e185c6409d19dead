import type { ChoiceOutcome } from '../contract/outcome.ts';
import type { AnswerLoss } from '../contract/sweep.ts';
import { studentT } from '../statistics/student-t.ts';

const ALPHA = 0.05;

/** Sums of the losses of items that move together: of a passage, or of one item. */
const sumsOf = (losses: readonly number[], groups: readonly string[]): { loss: number; items: number }[] => {
  if (groups.length < losses.length) return losses.map((loss) => ({ loss, items: 1 }));
  const sums = new Map<string, { loss: number; items: number }>();
  losses.forEach((loss, index) => {
    const group = groups[index] ?? '';
    const sum = sums.get(group);
    if (sum === undefined) sums.set(group, { loss, items: 1 });
    else {
      sum.loss += loss;
      sum.items += 1;
    }
  });
  return [...sums.values()];
};

const reaches = new Map<number, number>();

/** Quantile of Student's t, remembered: all points of a task have the same. */
const reachOf = (degrees: number): number => {
  const known = reaches.get(degrees) ?? studentT(ALPHA, degrees);
  reaches.set(degrees, known);
  return known;
};

/**
 * Mean over items of the log-probability that the right choice loses, in nats, with its 95 % interval by Student's t.
 * Where items share passages the error is that of a ratio of sums over passages (linearised; Cochran 1977, Sampling
 * Techniques, section 6.4). Undefined for fewer than two items or passages. `pairs`: unpruned and candidate.
 */
export const answerLossOf = (pairs: readonly (readonly [ChoiceOutcome, ChoiceOutcome])[]): AnswerLoss | undefined => {
  const losses = pairs.map(
    ([{ logprobs, answer }, after]) => (logprobs[answer] ?? NaN) - (after.logprobs[answer] ?? NaN),
  );
  const sums = sumsOf(
    losses,
    pairs.flatMap(([{ group }]) => group ?? []),
  );
  if (sums.length < 2) return undefined;
  const n = losses.length;
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / n;
  const squares = sums.reduce((sum, { loss, items }) => sum + (loss - items * mean) ** 2, 0);
  const error = Math.sqrt((squares * sums.length) / (sums.length - 1)) / n;
  const reach = reachOf(sums.length - 1) * error;
  return { mean, low: mean - reach, high: mean + reach };
};
