import { refuse } from '../contract/errors.ts';
import type { ExpertGroupRule } from '../contract/model.ts';
import { isMergePlan, type LayerBlend, type MergeGroup, type Plan } from '../contract/plan.ts';
import { groupProblem } from './expert-groups.ts';
import { isGated } from './gates.ts';

/** The model facts that a plan must fit. */
export interface PlanTarget {
  readonly moeLayers: number;
  /** E. */
  readonly experts: number;
  /** K. */
  readonly topK: number;
  /** Groups that the router chooses among; absent: none. */
  readonly expertGroups?: ExpertGroupRule | undefined;
  /** Number of experts that are constants; absent: none. */
  readonly constantExperts?: number | undefined;
  /** Whether deleting experts makes the gates of the others grow; absent: no. */
  readonly gatesGrow?: boolean | undefined;
}

/**
 * Validates an external plan against a model: one list per MoE layer, experts in range, none twice, at least top-k per
 * layer, as many in every group of a grouped router; groups of a merge partition the experts, and its matrices fit
 * them. Returns it with every list ascending.
 *
 * @throws WorkbenchError `plan-invalid` naming layer and value.
 */
export const validatePlan = (plan: Plan, target: PlanTarget): Plan => {
  requireNoConstants(target);
  checkProvenance(plan, target);
  checkGates(plan, target);
  if (isMergePlan(plan)) {
    checkLayerCount(plan.groups.length, target);
    if (plan.blend !== undefined) checkBlend(plan.blend, plan.groups, target);
    return { ...plan, groups: plan.groups.map((groups, layer) => validateGroups(groups, layer, target)) };
  }
  checkLayerCount(plan.kept.length, target);
  if (plan.expertTypes !== undefined && plan.expertTypes.length !== target.moeLayers)
    throw invalid(
      `has types of experts for ${plan.expertTypes.length} MoE layers; the model has ${target.moeLayers}`,
      'Give one type per MoE layer, or leave "expertTypes" out.',
    );
  return { ...plan, kept: plan.kept.map((kept, layer) => validateKept(kept, layer, target)) };
};

/**
 * Refuses to prune a model whose experts were replaced by constants, which were made for its own experts.
 *
 * @throws WorkbenchError `has-constants`.
 */
export const requireNoConstants = ({ constantExperts = 0 }: Pick<PlanTarget, 'constantExperts'>): void => {
  if (constantExperts > 0)
    throw refuse(
      'has-constants',
      `${constantExperts} experts of the model are constants already, so it cannot be pruned again.`,
      'Prune the model that it was made from, and measure this one beside it: --candidate NAME=DIR.',
    );
};

const invalid = (what: string, remedy: string): Error => refuse('plan-invalid', `The plan ${what}.`, remedy);

const checkProvenance = (plan: Plan, { experts, topK }: PlanTarget): void => {
  if (plan.experts !== undefined && plan.experts !== experts) {
    throw invalid(
      `was made for ${plan.experts} experts per layer; the model has ${experts}`,
      'Use a plan made for this model.',
    );
  }
  if (plan.topK !== undefined && plan.topK !== topK) {
    throw invalid(`was made for top-${plan.topK}; the model uses top-${topK}`, 'Use a plan made for this model.');
  }
};

const checkGates = (plan: Plan, target: PlanTarget): void => {
  const { gates } = plan;
  if (gates === undefined || gates.kind === 'renormalised') return;
  if (!isGated(target, plan))
    throw invalid(
      `has ${gates.kind} gates, and deleting its experts does not change those of the others in this model`,
      'Leave "gates" out.',
    );
  if (gates.kind === 'trained' && isMergePlan(plan))
    throw invalid('has trained gates and merges experts, which have none', 'Fold the gates, or leave them out.');
  if (gates.kind === 'folded' && gates.factors.length !== target.moeLayers)
    throw invalid(
      `folds gates in ${gates.factors.length} layers; the model has ${target.moeLayers} MoE layers`,
      'Give one factor per MoE layer.',
    );
  if (gates.kind !== 'folded') return;
  gates.factors.forEach((factors, layer) => {
    const groups = isMergePlan(plan) ? plan.groups[layer]?.length : undefined;
    if (typeof factors !== 'number' && factors.length !== groups)
      throw invalid(
        `folds ${factors.length} gates in MoE layer ${layer}, which has ${groups ?? 'no'} merged experts`,
        'Give one factor for the layer, or one for each merged expert.',
      );
  });
};

const checkLayerCount = (layers: number, { moeLayers }: PlanTarget): void => {
  if (layers === moeLayers) return;
  throw invalid(`names ${layers} layers; the model has ${moeLayers} MoE layers`, 'Give one list per MoE layer.');
};

const checkExpert = (expert: number, layer: number, { experts }: PlanTarget): void => {
  if (Number.isInteger(expert) && expert >= 0 && expert < experts) return;
  throw invalid(`names expert ${expert} in layer ${layer}`, `Experts are numbered 0 to ${experts - 1}.`);
};

const checkKept = (kept: number, layer: number, { topK }: PlanTarget): void => {
  const least = Math.max(1, topK);
  if (kept >= least) return;
  throw invalid(
    `leaves ${kept} expert${kept === 1 ? '' : 's'} in layer ${layer}, fewer than the top-${topK} that each token uses`,
    `Keep at least ${least} in every layer.`,
  );
};

const validateKept = (kept: readonly number[], layer: number, target: PlanTarget): number[] => {
  const seen = new Set<number>();
  for (const expert of kept) {
    checkExpert(expert, layer, target);
    if (seen.has(expert)) throw invalid(`names expert ${expert} twice in layer ${layer}`, 'Name each expert once.');
    seen.add(expert);
  }
  checkKept(kept.length, layer, target);
  const { experts, topK, expertGroups } = target;
  const problem = expertGroups === undefined ? null : groupProblem(kept, layer, experts, topK, expertGroups);
  if (problem !== null) throw invalid(problem, 'Keep the same number of experts in every group of a layer.');
  return [...kept].sort((a, b) => a - b);
};

/** Checks that the matrices fit the groups that approximate them. */
const checkBlend = (
  blend: readonly LayerBlend[],
  groups: readonly (readonly MergeGroup[])[],
  target: PlanTarget,
): void => {
  checkLayerCount(blend.length, target);
  blend.forEach(({ merge, router }, layer) => {
    for (const [name, matrix] of Object.entries({ merge, router })) {
      const rows = groups[layer]?.length ?? 0;
      const width = matrix.find((row) => row.length !== target.experts)?.length ?? target.experts;
      if (matrix.length === rows && width === target.experts) continue;
      throw invalid(
        `has a matrix ${name} of ${matrix.length} x ${width} in layer ${layer}, where ${rows} x ` +
          `${target.experts} is needed`,
        'Give one row for each group and one number for each expert.',
      );
    }
  });
};

const validateGroups = (groups: readonly MergeGroup[], layer: number, target: PlanTarget): MergeGroup[] => {
  const seen = new Set<number>();
  groups.forEach(({ members, reference, weights }, kept) => {
    const where = `group ${kept} of layer ${layer}`;
    for (const member of members) {
      checkExpert(member, layer, target);
      if (seen.has(member)) {
        throw invalid(`names expert ${member} twice in layer ${layer}`, 'Put each expert into exactly one group.');
      }
      seen.add(member);
    }
    if (!members.includes(reference)) {
      throw invalid(`aligns ${where} to expert ${reference}, which is not a member`, 'Name a member as the reference.');
    }
    if (weights.length !== members.length) {
      throw invalid(
        `gives ${weights.length} weights for ${members.length} members in ${where}`,
        'Give one per member.',
      );
    }
    const unfit = weights.find((weight) => !(Number.isFinite(weight) && weight >= 0));
    if (unfit !== undefined) {
      throw invalid(`gives a member of ${where} the weight ${unfit}`, 'Weights are finite and not negative.');
    }
  });
  const missing = Array.from({ length: target.experts }, (_, expert) => expert).find((expert) => !seen.has(expert));
  if (missing !== undefined) {
    throw invalid(`has no group for expert ${missing} in layer ${layer}`, 'Put each expert into exactly one group.');
  }
  checkKept(groups.length, layer, target);
  return groups.map(({ members, reference, weights }) => {
    const order = [...members.keys()].sort((a, b) => members[a]! - members[b]!);
    return { members: order.map((at) => members[at]!), reference, weights: order.map((at) => weights[at]!) };
  });
};
