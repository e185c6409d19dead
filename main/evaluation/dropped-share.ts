import { isMergePlan, type Plan } from '../contract/plan.ts';

/** Experts of a layer whose choices a plan leaves with them: kept, or the reference of the group that they merge in. */
const expertsThatStay = (plan: Plan, layer: number): readonly number[] =>
  isMergePlan(plan) ? (plan.groups[layer] ?? []).map(({ reference }) => reference) : (plan.kept[layer] ?? []);

/**
 * Share of the unpruned model's routed choices whose expert a plan takes away, in 0 .. 1: over all MoE layers together,
 * the choices of experts that do not stay, by all choices. `counts` [L][E] is the profile's: how often each expert was
 * among the top-k of a token, over every token of the calibration items. Dropping: experts that are not kept go.
 * Merging: all members of a group but its reference go, whose choices then reach the merged expert, or another one
 * where their router rows are gone; a merged expert holds a part of each member's weights, so that of a merge this is
 * what may be lost at most. Methods choose experts by these very items: of other items of the task a plan takes away
 * more, if anything. `plan` null: the unpruned model, 0. Null where nothing was chosen.
 */
export const droppedShare = (counts: readonly ArrayLike<number>[], plan: Plan | null): number | null => {
  let all = 0;
  let gone = 0;
  counts.forEach((row, layer) => {
    const stay = plan === null ? null : new Set(expertsThatStay(plan, layer));
    for (let expert = 0; expert < row.length; expert += 1) {
      const count = row[expert] ?? 0;
      all += count;
      if (stay !== null && !stay.has(expert)) gone += count;
    }
  });
  return all === 0 ? null : gone / all;
};
