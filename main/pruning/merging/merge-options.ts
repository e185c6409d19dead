import { z } from 'zod';
import { ROUTER_HELP, routerTreatment, type MergeRule } from '../../contract/plan.ts';

/** Options of how the weights of a group become one. */
export const ruleOptions = {
  rule: z
    .enum(['average', 'slerp', 'slerp-from-reference', 'karcher', 'sce', 'ties', 'subspace'])
    .default('average')
    .describe('How the weights of a group become one.'),
  density: z.number().gt(0).max(1).default(0.5).describe('Part of the entries that the rules sce and ties keep.'),
  rank: z.number().int().positive().default(64).describe('Leading directions that the rule subspace keeps.'),
};

/** Options that every merging method has, with the defaults of its paper. */
export const mergeOptions = (defaults: {
  readonly router: z.infer<typeof routerTreatment>;
  readonly align: boolean;
}) => ({
  align: z
    .boolean()
    .default(defaults.align)
    .describe('Bring each member into the neuron order of its reference first (least squared weight distance).'),
  weights: z
    .enum(['activation', 'uniform'])
    .default('activation')
    .describe('Weights of the members: how often each was chosen, or all alike.'),
  router: routerTreatment.default(defaults.router).describe(ROUTER_HELP),
  ...ruleOptions,
});

interface RuleOptions {
  readonly rule: 'average' | 'slerp' | 'slerp-from-reference' | 'karcher' | 'sce' | 'ties' | 'subspace';
  readonly density: number;
  readonly rank: number;
}

/** The merge rule that the options name; nothing for the average, which a plan need not mention. */
export const ruleOf = ({ rule, density, rank }: RuleOptions): { rule?: MergeRule } => {
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
