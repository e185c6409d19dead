import { z } from 'zod';
import { option } from '../../contract/plan.ts';
import { rankExperts, pinsByLayer } from '../budget.ts';
import { averageScores, type Saliency } from '../weighed-profiles.ts';
import { defineMethod, type PlanContext } from '../method.ts';
import { frequencySaliency, gateMassSaliency } from '../saliency.ts';

interface ThresholdRule {
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

/** Bisection steps for beta: finer than any two proficiencies differ. */
const HALVINGS = 60;
/** Proficiencies with a smaller relative difference differ by rounding: the threshold lies above all of them. */
const EQUAL = 1e-9;

const options = z.object({
  proficiency: option(
    z.enum(['usage', 'gate']).default('usage'),
    'How often an expert is chosen, or its combine weight when chosen.',
  ),
  beta: option(
    z.number().positive().nullable().default(null),
    'Fraction of the mean proficiency of a layer that an expert must exceed; null: the smallest that reaches ' +
      'the pruning factor.',
  ),
  minimum: option(
    z.number().int().positive().nullable().default(null),
    'Fewest experts that stay in every layer; null: as many as a token uses.',
  ),
  windows: option(
    z.number().int().min(1).max(20).default(1),
    'How often the threshold is applied to the remaining experts.',
  ),
});
type Options = z.output<typeof options>;

/** Kept experts of every layer at one beta. */
const keepAbove = (
  context: PlanContext,
  scores: readonly Float64Array[],
  beta: number,
  { minimum, windows }: Options,
): number[][] => {
  const { layers, experts, topK, pins } = context;
  const pinned = pinsByLayer(pins, layers, experts);
  return scores.map((proficiency, layer) => {
    const { stay, go } = pinned[layer]!;
    let alive = [...proficiency.keys()].filter((expert) => !stay.has(expert) && !go.has(expert));
    const least = Math.min(alive.length, Math.max(0, Math.max(topK, minimum ?? 1) - stay.size));
    for (let window = 0; window < windows && alive.length > least; window++) {
      alive = aboveThreshold(proficiency, alive, { beta, minimum: least });
    }
    return [...stay, ...alive].sort((a, b) => a - b);
  });
};

const size = (kept: readonly (readonly number[])[]): number => kept.reduce((sum, layer) => sum + layer.length, 0);

/** The smallest beta at which at most `keep` experts per layer stay, on average. */
const betaFor = (context: PlanContext, scores: readonly Float64Array[], given: Options): number => {
  const wanted = context.keep * context.layers;
  if (wanted === context.experts * context.layers) return 0;
  let low = 0;
  let high = context.experts + 1;
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (low + high) / 2;
    if (size(keepAbove(context, scores, middle, given)) > wanted) low = middle;
    else high = middle;
  }
  return high * (1 + EQUAL);
};

/** Task-specific expert pruning by a threshold, from a profile instead of a fine-tuning. */
export const tsep = defineMethod(
  {
    name: 'tsep',
    title: 'TSEP threshold',
    summary:
      'Keeps the experts of a layer that are used more than a fraction of the mean: the same fraction in every layer.',
    kind: 'drop',
    needs: 'routing',
    cost: 'none beyond the profile',
    draws: false,
    formula:
      'keep e where proficiency(e) / (sum over the experts alive) > beta / (number alive); at least `minimum` stay',
    source:
      'Task-specific expert pruning, Chen et al. 2022, arXiv 2206.00277 (no official code); the rule as reproduced ' +
      'in UNITES-Lab/MC-SMoE. The paper prunes in windows during one fine-tuning; here one profile replaces all ' +
      'windows, so nothing adapts in between.',
    defaults:
      'proficiency usage, beta null (found from the pruning factor; the paper uses 0.1 of its own scale), ' +
      'one window, minimum top-k',
    pitfalls: [
      'The budget is ignored: the threshold decides how many experts each layer keeps, and layers ' +
        'differ. With beta given, the factor is ignored too.',
      'Experts of equal proficiency go together, so a few more may go than the factor asks for: the ' +
        'plan states the reached factor.',
      'MC-SMoE masks dead experts by multiplying their logits by -1e6, which turns a negative logit into a ' +
        'huge positive one and sends every token to a dead expert. Here the mask is added.',
      'The paper ends with one expert per layer; here at least as many stay as a token uses.',
    ],
  },
  options,
  (given) => {
    const saliency: Saliency = (statistics, layer) =>
      given.proficiency === 'usage'
        ? frequencySaliency(statistics, layer)
        : gateMassSaliency(statistics, layer, 'combine-weight');
    const score = (context: PlanContext): Float64Array[] => averageScores(context, saliency);
    return {
      kind: 'drop',
      extra: [],
      score,
      keepByThreshold: (context) => {
        const scores = score(context);
        return keepAbove(context, scores, given.beta ?? betaFor(context, scores, given), given);
      },
    };
  },
);
