import path from 'node:path';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { expected, refuse } from '../contract/errors.ts';
import { PLAN_FILE } from '../contract/export.ts';
import { expertTypesOf, isMergePlan, type Plan } from '../contract/plan.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { planCost } from '../pruning/plan-cost.ts';
import { MAX_PLAN_BYTES, readPlan } from '../pruning/read-plan.ts';
import { validatePlan } from '../pruning/validate-plan.ts';

/** The plan with its model, as JSON. */
export const planFileText = ({ name, fingerprint, info }: Checkpoint, plan: Plan): string =>
  `${JSON.stringify({ ...plan, experts: info.experts, topK: info.topK, model: { name, fingerprint } }, null, 1)}\n`;

/** The plan in an export; null where there is none. */
export const carriedPlan = async (folder: string): Promise<Plan | null> => {
  const text = await readTextIfThere(path.join(folder, PLAN_FILE), { mostBytes: MAX_PLAN_BYTES });
  return text === null ? null : readPlan(text, PLAN_FILE);
};

/** Compares the plan in an export, if any, with the given one. */
export const planFileProblems = async (folder: string, plan: Plan): Promise<readonly string[]> => {
  const carried = await carriedPlan(folder).catch(expected(({ message }) => message));
  if (carried === null) return [];
  if (typeof carried === 'string') return [carried];
  return canonicalJson(substance(carried)) === canonicalJson(substance(plan))
    ? []
    : [`${PLAN_FILE}: the export was made with another plan: ${firstOtherLayer(carried, plan)}.`];
};

/** The effect of a plan, without its provenance. Exports have lists in ascending order. */
const substance = (plan: Plan): unknown => ({
  recovery: plan.recovery?.weights ?? null,
  gates: plan.gates ?? { kind: 'renormalised' },
  ...(isMergePlan(plan)
    ? {
        groups: plan.groups,
        router: plan.router,
        routerSeed: plan.router === 'reinitialised' ? (plan.routerSeed ?? 0) : null,
        align: plan.align,
        rule: plan.rule ?? null,
        blend: plan.blend ?? null,
      }
    : { kept: plan.kept, constants: plan.constants?.weights ?? null, expertTypes: plan.expertTypes ?? null }),
});

const firstOtherLayer = (carried: Plan, wanted: Plan): string => {
  if (isMergePlan(carried) !== isMergePlan(wanted)) return `it ${isMergePlan(carried) ? 'merges' : 'drops'} experts`;
  const [theirs, ours] = [layersOf(carried), layersOf(wanted)];
  const layer = ours.findIndex((experts, index) => experts !== theirs[index]);
  return layer === -1
    ? 'its router treatment, its alignment, its merge rule, its gates or its refitted weights differ'
    : `layer ${String(layer)} has ${theirs[layer] ?? 'nothing'} instead of ${ours[layer] ?? 'nothing'}`;
};

const layersOf = (plan: Plan): readonly string[] =>
  isMergePlan(plan)
    ? plan.groups.map((groups) => `the groups ${groups.map(({ members }) => members.join('+')).join(', ')}`)
    : plan.kept.map((kept) => `the experts ${kept.join(', ')}`);

/**
 * Refuses a plan for another model. A large model that nothing has hashed yet is compared where it is exported, behind
 * the gate.
 *
 * @throws WorkbenchError `plan-other-model`.
 */
const requireSameModel = ({ name, content: { known } }: Checkpoint, { model }: Plan): void => {
  if (model === undefined || known === null || model.fingerprint === known.fingerprint) return;
  throw refuse(
    'plan-other-model',
    `The plan was made for ${model.name} (fingerprint ${model.fingerprint}), not for ${name} (${known.fingerprint}).`,
    'Make the plan for this model; if it is meant for this model after all, remove "model" from the plan.',
  );
};

/**
 * Prepares a plan for export: checks that it is valid for this model and has a form that stock loaders open, and sorts
 * every list in ascending order. `isConverted`: the export has another format or type of weights, so that it may keep
 * every expert.
 *
 * @throws WorkbenchError `plan-invalid`, `plan-other-model`, `not-exportable` or `changes-nothing`.
 */
export const preparePlan = (checkpoint: Checkpoint, plan: Plan, isConverted = false): Plan => {
  const { info } = checkpoint;
  const valid = validatePlan(plan, info);
  requireSameModel(checkpoint, valid);
  const { exportable, keptPerLayer } = planCost(info, valid);
  // Trained gates of even layers have a form in an ONNX graph alone, which `requireForm` sees to.
  if (!exportable.hf && !(valid.gates?.kind === 'trained' && new Set(keptPerLayer).size === 1))
    throw refuse(
      'not-exportable',
      exportable.reason ?? 'The plan has no form that stock loaders open.',
      'Change the plan as described.',
    );
  if (!isConverted) requireChange(checkpoint, valid);
  return valid;
};

/**
 * Refuses types by layer where a form has one type, or those of its source. `form`: in words.
 *
 * @throws WorkbenchError `types-by-layer`.
 */
export const requireOneType = (plan: Plan, form: string): void => {
  if (expertTypesOf(plan) === undefined) return;
  throw refuse(
    'types-by-layer',
    `The plan gives the experts of each layer a type of their own, which ${form} cannot.`,
    'Export it as gguf, or leave "expertTypes" out of the plan.',
  );
};

/**
 * Refuses a plan whose export would be a copy of the model.
 *
 * @throws WorkbenchError `changes-nothing`.
 */
export const requireChange = ({ info, name }: Pick<Checkpoint, 'info' | 'name'>, plan: Plan): void => {
  if (planCost(info, plan).keptPerLayer.some((kept) => kept !== info.experts)) return;
  throw refuse(
    'changes-nothing',
    `The plan keeps all ${info.experts} experts of every ` +
      `layer${isMergePlan(plan) ? ', each in its own group' : ''}: the export would be a copy of ${name}.`,
    'Use a plan that removes or merges experts, or export to another format or type of weights.',
  );
};
