import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { planCost } from '../pruning/plan-cost.ts';
import { validatePlan } from '../pruning/validate-plan.ts';

/**
 * A plan as an export takes it: valid for this very model, with every list ascending, and with a form that stock
 * loaders open.
 *
 * @throws WorkbenchError `plan-invalid`, `plan-other-model`, `not-exportable` or `changes-nothing`.
 */
export const preparePlan = ({ info, name, fingerprint }: Checkpoint, plan: Plan): Plan => {
  const valid = validatePlan(plan, info);
  if (valid.model !== undefined && valid.model.fingerprint !== fingerprint) {
    throw refuse(
      'plan-other-model',
      `The plan was made for ${valid.model.name} (fingerprint ${valid.model.fingerprint}), not for ${name} (${fingerprint}).`,
      'Make the plan for this model; if it is meant for this model all the same, remove "model" from the plan.',
    );
  }
  const { exportable, keptPerLayer } = planCost(info, valid);
  if (!exportable.hf) throw refuse('not-exportable', exportable.reason ?? 'The plan has no form that stock loaders open.', 'Change the plan as described.');
  if (keptPerLayer.every((kept) => kept === info.experts)) {
    throw refuse(
      'changes-nothing',
      `The plan keeps all ${info.experts} experts of every layer${isMergePlan(valid) ? ', each in a group of its own' : ''}: the export would be a copy of ${name}.`,
      'Use a plan that removes or merges experts.',
    );
  }
  return valid;
};
