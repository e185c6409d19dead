import { z } from 'zod';
import { ROUTER_HELP, routerTreatment, type MergeRule } from '../../contract/plan.ts';

/** Options of the merge rule. */
export const ruleOptions = {
  rule: z
    .enum(['average', 'slerp', 'slerp-from-reference', 'karcher', 'sce', 'ties', 'subspace'])
    .default('average')
    .describe('How the weights of a group are merged.'),
  density: z.number().gt(0).max(1).default(0.5).describe('Fraction of the entries that the rules sce and ties keep.'),
  rank: z.number().int().positive().default(64).describe('Number of leading directions that the rule subspace keeps.'),
};

/** Options of every merging method, with the defaults of its paper. */
export const mergeOptions = (defaults: {
  readonly router: z.infer<typeof routerTreatment>;
  readonly align: boolean;
}) => ({
  align: z
    .boolean()
    .default(defaults.align)
    .describe('Permute the neurons of each member to match its reference first (least squared weight distance).'),
  weights: z
    .enum(['activation', 'uniform'])
    .default('activation')
    .describe('Weights of the members: how often each was chosen, or equal.'),
  router: routerTreatment.default(defaults.router).describe(ROUTER_HELP),
  ...ruleOptions,
});

/** The merge rule in the options; absent for the average, which is the default of a plan. */
export const ruleOf = ({ rule, density, rank }: z.infer<z.ZodObject<typeof ruleOptions>>): { rule?: MergeRule } => {
  switch (rule) {
    case 'average':
      return {};
    case 'slerp':
      return { rule: { name: 'slerp', fromReference: false } };
    case 'slerp-from-reference':
      return { rule: { name: 'slerp', fromReference: true } };
    case 'karcher':
      return { rule: { name: 'karcher' } };
    case 'sce':
    case 'ties':
      return { rule: { name: rule, density } };
    case 'subspace':
      return { rule: { name: 'subspace', rank } };
  }
};
