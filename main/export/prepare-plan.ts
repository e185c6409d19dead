import path from 'node:path';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { planCost } from '../pruning/plan-cost.ts';
import { MAX_PLAN_BYTES, readPlan } from '../pruning/read-plan.ts';
import { validatePlan } from '../pruning/validate-plan.ts';

/** The plan that an export was made by, beside its weights. */
export const PLAN_FILE = 'uncurl-plan.json';

/** The plan with what it was made for, as JSON. */
export const planFileText = ({ name, fingerprint, info }: Checkpoint, plan: Plan): string =>
  `${JSON.stringify({ ...plan, experts: info.experts, topK: info.topK, model: { name, fingerprint } }, null, 1)}\n`;

/** Whether the plan that an export carries (it need not carry one) is the plan it is held against. */
export const planFileProblems = async (folder: string, plan: Plan): Promise<readonly string[]> => {
  let carried: Plan;
  try {
    const text = await readTextIfThere(path.join(folder, PLAN_FILE), { mostBytes: MAX_PLAN_BYTES });
    if (text === null) return [];
    carried = readPlan(text, PLAN_FILE);
  } catch (error) {
    if (error instanceof WorkbenchError) return [error.message];
    throw error;
  }
  return canonicalJson(substance(carried)) === canonicalJson(substance(plan))
    ? []
    : [`${PLAN_FILE}: the export was made by another plan: ${firstOtherLayer(carried, plan)}.`];
};

/** What a plan does, without where it comes from. Exports carry lists in ascending order. */
const substance = (plan: Plan): unknown => ({
  recovery: plan.recovery?.weights ?? null,
  ...(isMergePlan(plan)
    ? {
        groups: plan.groups,
        router: plan.router,
        routerSeed: plan.router === 'reinitialised' ? (plan.routerSeed ?? 0) : null,
        align: plan.align,
        rule: plan.rule ?? null,
        blend: plan.blend ?? null,
      }
    : { kept: plan.kept, constants: plan.constants?.weights ?? null }),
});

const firstOtherLayer = (carried: Plan, wanted: Plan): string => {
  if (isMergePlan(carried) !== isMergePlan(wanted)) return `it ${isMergePlan(carried) ? 'merges' : 'drops'} experts`;
  const [theirs, ours] = [layersOf(carried), layersOf(wanted)];
  const layer = ours.findIndex((experts, index) => experts !== theirs[index]);
  return layer === -1
    ? 'its router treatment, its alignment, its merge rule or its refitted weights differ'
    : `layer ${String(layer)} holds ${theirs[layer] ?? 'nothing'} instead of ${ours[layer] ?? 'nothing'}`;
};

const layersOf = (plan: Plan): readonly string[] =>
  isMergePlan(plan)
    ? plan.groups.map((groups) => `the groups ${groups.map(({ members }) => members.join('+')).join(', ')}`)
    : plan.kept.map((kept) => `the experts ${kept.join(', ')}`);

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
      `The plan was made for ${valid.model.name} (fingerprint ${valid.model.fingerprint}), not for ${name} ` +
        `(${fingerprint}).`,
      'Make the plan for this model; if it is meant for this model all the same, remove "model" from the plan.',
    );
  }
  const { exportable, keptPerLayer } = planCost(info, valid);
  if (!exportable.hf)
    throw refuse(
      'not-exportable',
      exportable.reason ?? 'The plan has no form that stock loaders open.',
      'Change the plan as described.',
    );
  if (keptPerLayer.every((kept) => kept === info.experts)) {
    throw refuse(
      'changes-nothing',
      `The plan keeps all ${info.experts} experts of every ` +
        `layer${isMergePlan(valid) ? ', each in a group of its own' : ''}: the export would be a copy of ${name}.`,
      'Use a plan that removes or merges experts.',
    );
  }
  return valid;
};
