import type { ItemFidelity, ItemOutcome } from '../contract/outcome.ts';
import type { AnswerLoss, Fidelity } from '../contract/sweep.ts';
import { groupedSums, ratioInterval } from '../statistics/ratio-interval.ts';

/**
 * Fidelity of a candidate: means over all scored positions, each with its 95 % interval by Student's t over items, or
 * over the passages that they share, cut at the bounds of the measure. Undefined for fewer than two of them, and where
 * it was not measured.
 */
export const fidelityOf = (outcomes: readonly ItemOutcome[]): Fidelity | undefined => {
  const items = outcomes.flatMap(({ fidelity }) => fidelity ?? []);
  if (items.length < outcomes.length) return undefined;
  const groups = outcomes.flatMap((outcome) => (outcome.kind === 'text' ? [] : (outcome.group ?? [])));
  // Intervals end at `most`, and at 0: Student's t knows no bounds.
  const mean = (of: (item: ItemFidelity) => number, most: number): AnswerLoss | undefined => {
    const units = items.map((item) => ({ sum: item.positions * of(item), count: item.positions }));
    const found = ratioInterval(groupedSums(units, groups));
    return found && { ...found, low: Math.max(0, found.low), high: Math.min(most, found.high) };
  };
  const kl = mean((item) => item.kl, Infinity);
  const reverseKl = mean((item) => item.reverseKl, Infinity);
  const changed = mean((item) => item.changed, 1);
  const acceptance = mean((item) => item.acceptance, 1);
  if (kl === undefined || reverseKl === undefined || changed === undefined || acceptance === undefined)
    return undefined;
  return { positions: items.reduce((sum, { positions }) => sum + positions, 0), kl, reverseKl, changed, acceptance };
};
