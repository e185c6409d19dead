import type { FamilyModel } from '../contract/family.ts';
import type { SweepResult } from '../contract/sweep.ts';

/**
 * The models of a sweep with E, read from their results: E is what stays where nothing is pruned, which every point says
 * (factor x kept). By rising E, models of one size in the order of the results.
 */
export const familyModels = (results: readonly SweepResult[]): FamilyModel[] => {
  const experts = new Map<string, number>();
  for (const { model, factor, kept } of results) if (!experts.has(model)) experts.set(model, Math.round(factor * kept));
  return [...experts].map(([name, count]) => ({ name, experts: count })).sort((a, b) => a.experts - b.experts);
};

/** The sizes E of a family, rising. */
export const familySizes = (models: readonly FamilyModel[]): number[] =>
  [...new Set(models.map(({ experts }) => experts))].sort((a, b) => a - b);
