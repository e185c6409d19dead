import type { Plan } from '../../../main/contract/plan.ts';
import { planForModel } from '../../../main/pruning/make-plan.ts';
import type { PlanInput } from '../../../main/pruning/method.ts';
import { modelInfoOf } from '../contract/model-info-of.ts';

/** The plan of a method for a model of these sizes, without the names of model and tasks. */
export const makePlan = ({ layers, experts, topK, groups, keep, ...order }: PlanInput): Plan => {
  const info = modelInfoOf({ moeLayers: layers, experts, topK, expertGroups: groups });
  const isCounted = order.counts !== undefined && (order.budget === 'manual' || order.budget === 'measured');
  const size = isCounted ? {} : { keep, counts: undefined };
  const { model: _, ...plan } = planForModel(
    { name: 'model', fingerprint: 'fingerprint', info },
    { ...order, ...size, tasks: [] },
  );
  return plan;
};
