import { rankExperts } from '../budget.ts';

export interface ThresholdRule {
  /** Fraction of the mean proficiency that an expert must exceed. */
  readonly beta: number;
  /** Fewest experts that stay. */
  readonly minimum: number;
  /** Drop to `minimum` regardless of the threshold (at the end of a fine-tuning). */
  readonly toMinimum?: boolean;
}

/**
 * One window of TSEP on one layer: the proficiencies of the remaining experts are divided by their sum; those above
 * beta / (number remaining) stay. Where fewer than `minimum` do, the `minimum` most proficient stay (ties: the lower
 * index). Ascending. Source: Chen et al. 2022, arXiv 2206.00277, as reproduced in UNITES-Lab/MC-SMoE, which counts
 * experts equal to the threshold when it checks `minimum` but drops them.
 */
export const aboveThreshold = (
  proficiency: Float64Array,
  alive: readonly number[],
  { beta, minimum, toMinimum = false }: ThresholdRule,
): number[] => {
  const total = alive.reduce((sum, expert) => sum + proficiency[expert]!, 0);
  const share = (expert: number): number => (total > 0 ? proficiency[expert]! / total : 1 / alive.length);
  const threshold = beta / alive.length;
  const above = alive.filter((expert) => share(expert) > threshold);
  if (!toMinimum && above.length >= minimum) return above;
  const living = new Set(alive);
  return rankExperts(proficiency)
    .filter((expert) => living.has(expert))
    .slice(0, minimum)
    .sort((a, b) => a - b);
};
