import { isMergePlan, type Plan } from '../../main/contract/plan.ts';

/** A plan's effect on one expert (numbered as in the unpruned model). */
export type ExpertFate =
  | { readonly kind: 'kept' }
  | { readonly kind: 'dropped' }
  /** Averaged into the group of `into`, with this share of the group's weight. */
  | { readonly kind: 'merged'; readonly into: number; readonly weight: number }
  /** The reference expert of a group of several. */
  | { readonly kind: 'reference'; readonly members: readonly number[]; readonly weight: number };

const KEPT: ExpertFate = { kind: 'kept' };
const DROPPED: ExpertFate = { kind: 'dropped' };

/** Fates, [L][E]. */
export const expertFates = (plan: Plan, experts: number): readonly (readonly ExpertFate[])[] => {
  if (!isMergePlan(plan)) {
    return plan.kept.map((kept) => {
      const stays = new Set(kept);
      return Array.from({ length: experts }, (_, expert) => (stays.has(expert) ? KEPT : DROPPED));
    });
  }
  return plan.groups.map((groups) => {
    const fates: ExpertFate[] = Array.from({ length: experts }, () => DROPPED);
    for (const { members, reference, weights } of groups) {
      const sum = weights.reduce((total, weight) => total + weight, 0);
      members.forEach((member, position) => {
        const weight = sum > 0 ? (weights[position] ?? 0) / sum : 1 / members.length;
        if (members.length === 1) fates[member] = KEPT;
        else if (member === reference) fates[member] = { kind: 'reference', members, weight };
        else fates[member] = { kind: 'merged', into: reference, weight };
      });
    }
    return fates;
  });
};

/** Whether the expert disappears: dropped, or merged into another. */
export const goes = (fate: ExpertFate | undefined): boolean => fate?.kind === 'dropped' || fate?.kind === 'merged';

/** Experts that remain, per layer, ascending. */
export const keptExperts = (fates: readonly (readonly ExpertFate[])[]): readonly (readonly number[])[] =>
  fates.map((layer) => layer.flatMap((fate, expert) => (goes(fate) ? [] : [expert])));

export const describeFate = (fate: ExpertFate): string => {
  switch (fate.kind) {
    case 'kept':
      return 'kept';
    case 'dropped':
      return 'dropped';
    case 'merged':
      return `merged into expert ${fate.into}`;
    case 'reference':
      return `kept as reference of ${fate.members.length} merged experts`;
  }
};
