import { z } from 'zod';

export const methodName = z.enum(['random', 'frequency', 'reap', 'uncurl']);
export type MethodName = z.infer<typeof methodName>;

export const budgetName = z.enum(['uniform', 'global']);
export type BudgetName = z.infer<typeof budgetName>;

/** Treatment of the router after a merge (METHODS.md 0.1, step 5, a to d). */
export const routerTreatment = z.enum(['reference-row', 'mean-row', 'mapped-rows', 'summed-probabilities']);
export type RouterTreatment = z.infer<typeof routerTreatment>;

export const affinityName = z.enum(['cosine', 'centred-cosine', 'pearson', 'rbf', 'softmax-cosine', 'coactivation']);
export type AffinityName = z.infer<typeof affinityName>;

/** The open choices of UNCURL (METHODS.md 0.1); the defaults are stated there and in `uncurl methods uncurl`. */
export const uncurlOptions = z.object({
  affinity: affinityName.default('cosine'),
  /** Member that the others are aligned to. */
  reference: z.enum(['most-active', 'medoid']).default('most-active'),
  align: z.boolean().default(true),
  weights: z.enum(['activation', 'uniform']).default('activation'),
  router: routerTreatment.default('reference-row'),
});
export type UncurlOptions = z.infer<typeof uncurlOptions>;

/** An expert that must stay or must go. `layer` counts MoE layers only. */
export const pin = z.object({ layer: z.number().int().nonnegative(), expert: z.number().int().nonnegative(), keep: z.boolean() });
export type Pin = z.infer<typeof pin>;

/**
 * One merged expert: `members` (original numbering, ascending), the `reference` that the others are aligned to, and the
 * weight of each member in the average (any non-negative scale; all zero means uniform).
 */
export const mergeGroup = z.object({
  members: z.array(z.number().int().nonnegative()).min(1),
  reference: z.number().int().nonnegative(),
  weights: z.array(z.number().nonnegative()),
});
export type MergeGroup = z.infer<typeof mergeGroup>;

const expertList = z.array(z.number().int().nonnegative()).min(1);

/** Where a plan came from; every field may be absent in a plan written by hand. */
const provenance = {
  method: z.string().optional(),
  options: z.record(z.string(), z.unknown()).optional(),
  seed: z.number().int().nonnegative().optional(),
  model: z.object({ name: z.string(), fingerprint: z.string() }).optional(),
  tasks: z.array(z.string()).optional(),
  /** E and K of the unpruned model. */
  experts: z.number().int().positive().optional(),
  topK: z.number().int().positive().optional(),
  factor: z.number().positive().optional(),
  budget: budgetName.optional(),
  pins: z.array(pin).optional(),
};

export const dropPlan = z.object({ ...provenance, kept: z.array(expertList) });
export const mergePlan = z.object({
  ...provenance,
  /** Per MoE layer, the groups in order of their new (kept) index. */
  groups: z.array(z.array(mergeGroup)),
  router: routerTreatment,
  align: z.boolean(),
});
/** Which experts each MoE layer keeps, or how they merge. `{"kept": [[...] per MoE layer]}` alone is a plan. */
export const plan = z.union([dropPlan, mergePlan]);
export type DropPlan = z.infer<typeof dropPlan>;
export type MergePlan = z.infer<typeof mergePlan>;
export type Plan = z.infer<typeof plan>;

export const isMergePlan = (candidate: Plan): candidate is MergePlan => 'groups' in candidate;

/** What a plan would leave, known without compute. */
export const planCost = z.object({
  parameters: z.object({ total: z.number(), expert: z.number(), active: z.number() }),
  sizeBytes: z.number(),
  before: z.object({ total: z.number(), expert: z.number(), active: z.number(), sizeBytes: z.number() }),
  keptPerLayer: z.array(z.number()),
  /** K after pruning (lowered only where fewer than K experts stay). */
  topK: z.number(),
  /** Whether a stock Hugging Face loader can open the export, and if not, why. */
  exportable: z.object({ hf: z.boolean(), reason: z.string().nullable() }),
});
export type PlanCost = z.infer<typeof planCost>;
