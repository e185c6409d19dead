import { z } from 'zod';
import { type MergeGroup, type MergeRule, option } from '../../contract/plan.ts';
import type { RoutingStatistics } from '../../profile/routing-statistics.ts';
import { pinsByLayer } from '../budget.ts';
import type { LayerRequest } from '../clustering/group-experts.ts';
import type { MergeBehaviour, PlanContext } from '../method.ts';
import { frequencySaliency } from '../saliency.ts';
import { averageScores, combineStatistics, layerRow, type Saliency } from '../weighed-profiles.ts';

/** Options of the merge rule. */
export const ruleOptions = {
  rule: option(
    z.enum(['average', 'slerp', 'slerp-from-reference', 'karcher', 'sce', 'ties', 'subspace']).default('average'),
    'How the weights of a group are merged.',
  ),
  density: option(z.number().gt(0).max(1).default(0.5), 'Fraction of the entries that the rules sce and ties keep.'),
  rank: option(z.number().int().positive().default(64), 'Number of leading directions that the rule subspace keeps.'),
};

type RuleOptions = z.infer<z.ZodObject<typeof ruleOptions>>;

/** The merge rule in the options; absent for the average, which is the default of a plan. */
const ruleOf = ({ rule, density, rank }: RuleOptions): { rule?: MergeRule } => {
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

/** What a merging method does in its own way. `profile` is that of all tasks. */
interface Grouping {
  /** Statistics beyond routing that it reads. */
  readonly extra?: MergeBehaviour['extra'];
  /** Scores of the experts; absent: by usage. */
  readonly saliency?: Saliency;
  /** Groups per layer under the global budget, where the method has a rule of its own. */
  readonly globalCounts?: (profile: RoutingStatistics, context: PlanContext, least: number) => number[];
  /** Makes the groups of each MoE layer. @throws as `groupExperts`. */
  readonly groups: (profile: RoutingStatistics, context: PlanContext) => (request: LayerRequest) => MergeGroup[];
}

/** Behaviour of a merging method with these options. */
export const mergeBehaviour = (
  {
    align,
    router,
    weights,
    ...rule
  }: Pick<MergeBehaviour, 'align' | 'router'> & Pick<LayerRequest, 'weights'> & RuleOptions,
  { extra = [], saliency = frequencySaliency, globalCounts, groups }: Grouping,
): MergeBehaviour => ({
  kind: 'merge',
  extra,
  score: (context) => averageScores(context, saliency),
  ...(globalCounts === undefined
    ? {}
    : { globalCounts: (context, least) => globalCounts(combineStatistics(context), context, least) }),
  group: (context, keptPerLayer) => {
    const { layers, experts, pins } = context;
    const profile = combineStatistics(context);
    const groupsOf = groups(profile, context);
    return pinsByLayer(pins, layers, experts).map((pinned, layer) =>
      groupsOf({
        counts: layerRow(profile.counts, layer, experts),
        keep: keptPerLayer[layer]!,
        layer,
        pins: pinned,
        weights,
      }),
    );
  },
  router,
  align,
  ...ruleOf(rule),
});
