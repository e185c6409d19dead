import { isMergePlan, type Plan } from '../contract/plan.ts';

/** Experts of a layer that keep their choices under a plan: kept, or the reference of their merge group. */
export const expertsThatStay = (plan: Plan, layer: number): readonly number[] =>
  isMergePlan(plan) ? (plan.groups[layer] ?? []).map(({ reference }) => reference) : (plan.kept[layer] ?? []);

/**
 * Share of the unpruned model's routed choices whose expert a plan removes, in 0 .. 1: over all MoE layers together,
 * the choices of experts that do not stay, divided by all choices. `counts` [L][E] is the profile's: how often each
 * expert was among the top-k of a token, over every token of the calibration items. Dropping: experts that are not kept
 * are removed. Merging: all members of a group but its reference are removed; their choices then reach the merged
 * expert, or another one where their router rows are gone. Since a merged expert contains a part of each member's
 * weights, the share is an upper bound for merges. Methods choose experts by these same items: on other items of the
 * task a plan removes more, if anything. `plan` null: the unpruned model, 0. Null where nothing was chosen.
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
