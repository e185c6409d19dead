import type { ItemFidelity, ScoredOutcome } from '../contract/outcome.ts';
import type { AnswerLoss, Fidelity } from '../contract/sweep.ts';
import { groupedSums, ratioInterval } from '../statistics/ratio-interval.ts';

/**
 * Fidelity of a candidate: means over all scored positions, each with its 95 % interval by Student's t over items, or
 * over the passages that they share. Undefined for fewer than two of them, and where it was not measured.
 */
export const fidelityOf = (outcomes: readonly ScoredOutcome[]): Fidelity | undefined => {
  const items = outcomes.flatMap(({ fidelity }) => fidelity ?? []);
  if (items.length < outcomes.length) return undefined;
  const groups = outcomes.flatMap((outcome) => (outcome.kind === 'choice' ? (outcome.group ?? []) : []));
  const mean = (of: (item: ItemFidelity) => number): AnswerLoss | undefined =>
    ratioInterval(
      groupedSums(
        items.map((item) => ({ sum: item.positions * of(item), count: item.positions })),
        groups,
      ),
    );
  const kl = mean((item) => item.kl);
  const reverseKl = mean((item) => item.reverseKl);
  const changed = mean((item) => item.changed);
  const acceptance = mean((item) => item.acceptance);
  if (kl === undefined || reverseKl === undefined || changed === undefined || acceptance === undefined)
    return undefined;
  return { positions: items.reduce((sum, { positions }) => sum + positions, 0), kl, reverseKl, changed, acceptance };
};
