import { type ClassFidelity, type ItemFidelity, type ItemOutcome, tokenClasses } from '../contract/outcome.ts';
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
  const meanOf = <P extends { readonly positions: number }>(
    parts: readonly P[],
    of: (part: P) => number,
    most: number,
  ): AnswerLoss | undefined => {
    const units = parts.map((part) => ({ sum: part.positions * of(part), count: part.positions }));
    const found = ratioInterval(groupedSums(units, groups));
    return found && { ...found, low: Math.max(0, found.low), high: Math.min(most, found.high) };
  };
  const mean = (of: (item: ItemFidelity) => number, most: number): AnswerLoss | undefined => meanOf(items, of, most);
  const kl = mean((item) => item.kl, Infinity);
  const reverseKl = mean((item) => item.reverseKl, Infinity);
  const changed = mean((item) => item.changed, 1);
  const acceptance = mean((item) => item.acceptance, 1);
  if (kl === undefined || reverseKl === undefined || changed === undefined || acceptance === undefined)
    return undefined;
  const positions = items.reduce((sum, item) => sum + item.positions, 0);
  const found = { positions, kl, reverseKl, changed, acceptance };
  if (items.some((item) => item.positions > 0 && item.classes === undefined)) return found;
  const classes = tokenClasses.flatMap((name) => {
    const own = items.map((item) => item.classes?.[name] ?? NO_CLASS);
    const ofClass = own.reduce((sum, part) => sum + part.positions, 0);
    if (ofClass === 0) return [];
    const [klOf, changedOf] = [meanOf(own, (part) => part.kl, Infinity), meanOf(own, (part) => part.changed, 1)];
    return klOf === undefined || changedOf === undefined
      ? []
      : [{ name, positions: ofClass, kl: klOf, changed: changedOf }];
  });
  return { ...found, classes };
};

const NO_CLASS: ClassFidelity = { positions: 0, kl: 0, changed: 0 };
