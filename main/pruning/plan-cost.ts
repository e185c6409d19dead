import type { ModelInfo } from '../contract/model.ts';
import { constantsOf, isMergePlan, type Plan, type PlanCost } from '../contract/plan.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { ALL_ROWS_STAY, gatesSentence } from './gates.ts';

/**
 * Size of a model after a plan, from counts alone. `plan` has been validated against the model. A router row counts H
 * weights. Bytes scale with the weights, as in a file whose tensors share one type; those of extra prediction layers
 * go, and those of other towers stay.
 */
export const planCost = (model: ModelInfo, plan: Plan): PlanCost => {
  const { experts, moeLayers, hidden, parameters, sizeBytes } = model;
  const { prediction, carried } = model.unusedBytes ?? { prediction: 0, carried: 0 };
  const keptPerLayer = isMergePlan(plan)
    ? plan.groups.map((groups) => groups.length)
    : plan.kept.map((kept) => kept.length);
  const leavesConstants = constantsOf(plan) !== undefined;
  const allRowsStay =
    leavesConstants || plan.gates?.kind === 'trained' || (isMergePlan(plan) && ALL_ROWS_STAY.has(plan.router));
  const topK = leavesConstants ? model.topK : minOf([model.topK, ...keptPerLayer]);
  const expertParameters = moeLayers === 0 ? 0 : parameters.expert / (moeLayers * experts);
  const removed = keptPerLayer.reduce((sum, kept) => sum + experts - kept, 0);
  const removedExpert = removed * (expertParameters - (leavesConstants ? hidden : 0));
  const removedRouter = allRowsStay ? 0 : removed * hidden;
  // Constants take the place of the chosen experts only in layers that keep fewer of them than top-k.
  const removedChosen = leavesConstants
    ? keptPerLayer.reduce((sum, kept) => sum + Math.max(0, topK - kept), 0) * (expertParameters - hidden)
    : (model.topK - topK) * moeLayers * expertParameters;
  const total = parameters.total - removedExpert - removedRouter;
  const notes = [model.pruningNote, gatesSentence(model, plan)].flatMap((note) => note ?? []);
  return {
    parameters: {
      total,
      expert: parameters.expert - removedExpert,
      active: parameters.active - removedRouter - removedChosen,
    },
    sizeBytes: Math.round(((sizeBytes - prediction - carried) * total) / parameters.total) + carried,
    before: { ...parameters, sizeBytes },
    keptPerLayer,
    topK,
    exportable: exportable(model, plan, keptPerLayer),
    ...(notes.length === 0 ? {} : { note: notes.join(' ') }),
  };
};

const exportable = (
  { identityRows }: Pick<ModelInfo, 'identityRows'>,
  plan: Plan,
  keptPerLayer: readonly number[],
): PlanCost['exportable'] => {
  const [least, most] = [minOf(keptPerLayer), maxOf(keptPerLayer)];
  const isEven = least === most;
  if (isMergePlan(plan) && ALL_ROWS_STAY.has(plan.router)) {
    return {
      hf: false,
      reason:
        `The router treatment ${plan.router} keeps a row for every unpruned expert, and stock loaders need as many ` +
        `router rows as experts. Use reference-row or mean-row${isEven ? '' : ', and the uniform budget,'} to export.`,
    };
  }
  if (constantsOf(plan) !== undefined) return { hf: true, reason: null };
  if (!isEven)
    return {
      hf: false,
      reason:
        `Layers keep between ${least} and ${most} experts, and stock loaders need one number for all layers. Use the ` +
        'uniform budget to export, or the method mone: it replaces experts by constants, and vLLM after 0.32 ' +
        'supports different numbers of them per layer.',
    };
  if (plan.gates?.kind === 'trained' && identityRows !== true)
    return {
      hf: false,
      reason:
        'Trained gates need the rows of the router that plain files drop: export this plan as ONNX, or fold the gates.',
    };
  return { hf: true, reason: null };
};
