import { FEWEST_LOOPED, type WrittenOutcome } from '../contract/outcome.ts';
import type { Endings, SweepResult, Threshold } from '../contract/sweep.ts';
import { sweepThresholds } from './threshold.ts';

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

/** The thresholds with those of endings, each at the one-sided 5 % by itself; the metric `ending` has no other. */
export const withEndings = (
  thresholds: readonly Threshold[],
  results: readonly SweepResult[],
  delta: number,
): Threshold[] => {
  const ofEndings = results.flatMap((result) =>
    result.endings === undefined || result.metric === 'ending' ? [] : [endingResult(result, result.endings)],
  );
  const keyOf = ({ model, task, method, seed }: Threshold): string => JSON.stringify([model, task, method, seed]);
  const found = new Map(sweepThresholds(ofEndings, delta).map((threshold) => [keyOf(threshold), threshold]));
  return thresholds.map((threshold) => {
    const { endings: _endings, ...own } = threshold;
    const ending = found.get(keyOf(threshold));
    if (ending === undefined) return own;
    const { factor, lastSafe, firstUnsafe, firstWorse, verdict } = ending;
    return { ...own, endings: { factor, lastSafe, firstUnsafe, firstWorse, verdict } };
  });
};
