import { z } from 'zod';

export const methodName = z.enum([
  ...([
    'random',
    'frequency',
    'gate-mass',
    'ean',
    'reap',
    'man',
    'msan',
    'unified',
    'easy-ep',
    'naee',
    'tsep',
  ] as const),
  ...(['uncurl', 'm-smoe', 'hc-smoe', 'sub-moe', 'ream', 'eep'] as const),
]);
export type MethodName = z.infer<typeof methodName>;

/** Options of a method by name; the method parses them (`methods.list` names them, with their defaults). */
export const methodOptions = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));
export type MethodOptions = z.infer<typeof methodOptions>;

/**
 * How kept experts are shared among layers: the same everywhere; wherever scores are best; in inverse proportion to
 * what single experts of a layer matter; or as named by hand.
 */
export const budgetName = z.enum(['uniform', 'global', 'inverse-importance', 'manual']);
export type BudgetName = z.infer<typeof budgetName>;

/**
 * How the weights of a group become one: the weighted average; interpolation on the sphere, of the members or of their
 * differences from the reference; the Karcher mean of their directions; SCE or TIES around the reference, keeping the
 * `density` part of the entries; or the average projected onto the `rank` leading directions of all members.
 */
export const mergeRule = z.discriminatedUnion('name', [
  z.object({ name: z.literal('average') }),
  z.object({ name: z.literal('slerp'), fromReference: z.boolean() }),
  z.object({ name: z.literal('karcher') }),
  z.object({ name: z.literal('sce'), density: z.number().gt(0).max(1) }),
  z.object({ name: z.literal('ties'), density: z.number().gt(0).max(1) }),
  z.object({ name: z.literal('subspace'), rank: z.number().int().positive() }),
]);
export type MergeRule = z.infer<typeof mergeRule>;

/**
 * Treatment of the router after a merge: the row of the reference; the mean of the members' rows, weighted as their
 * weights are; all rows, each leading to the merged expert of its group; or experts chosen by the summed probabilities
 * of their members.
 */
export const routerTreatment = z.enum(['reference-row', 'mean-row', 'mapped-rows', 'summed-probabilities']);
export type RouterTreatment = z.infer<typeof routerTreatment>;

export const affinityName = z.enum(['cosine', 'centred-cosine', 'pearson', 'rbf', 'softmax-cosine', 'coactivation']);
export type AffinityName = z.infer<typeof affinityName>;

/** The open choices of UNCURL; `uncurl methods uncurl` says why the defaults are what they are. */
export const uncurlOptions = z.object({
  affinity: affinityName
    .default('cosine')
    .describe(
      'Which experts are alike: cosine, centred cosine, correlation or a radial function of router-logit columns, cosine of probabilities, or how often both are chosen.',
    ),
  reference: z
    .enum(['most-active', 'medoid'])
    .default('most-active')
    .describe('Member that the others are aligned to: the most often chosen, or the one most like the others.'),
  align: z
    .boolean()
    .default(true)
    .describe('Bring each member into the neuron order of its reference first (least squared weight distance).'),
  weights: z
    .enum(['activation', 'uniform'])
    .default('activation')
    .describe('Weights of the members: how often each was chosen, or all alike.'),
  router: routerTreatment
    .default('reference-row')
    .describe(
      'Router afterwards: the row of the reference or the mean row (both export), or all rows kept (mapped-rows, summed-probabilities: nearer to the unpruned model, but no stock loader opens the result).',
    ),
});
export type UncurlOptions = z.infer<typeof uncurlOptions>;

/**
 * Keeps super experts (few, with extreme outputs, without which generation breaks) whatever the method says: those of
 * the first three quarters of the layers, or of all layers.
 */
export const superExpertProtection = z.enum(['none', 'early', 'all']);
export type SuperExpertProtection = z.infer<typeof superExpertProtection>;

/** An expert that must stay or must go. `layer` counts MoE layers only. */
export const pin = z.object({
  layer: z.number().int().nonnegative(),
  expert: z.number().int().nonnegative(),
  keep: z.boolean(),
});
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

/**
 * Down projections refitted without training (closed-form least squares on calibration tokens), in a file of their own
 * that is named by its content. Everything else of the plan stays as it is.
 */
export const planRecovery = z.object({
  /** Hash that names the file of refitted weights. */
  weights: z.string().regex(/^[0-9a-f]{32}$/),
  /** Whose calibration items it was fitted on. */
  tasks: z.array(z.string()),
  items: z.number().int().nonnegative(),
  tokens: z.number().int().nonnegative(),
  /** Per MoE layer. */
  layers: z.array(
    z.object({
      /** Ridge, as a part of the mean squared length of a feature; null: no ridge gained anything, the layer is as it was. */
      lambda: z.number().positive().nullable(),
      /** Part of what is missing from the layer's output (squared) that is left on items that were held out. */
      heldOut: z.number().nonnegative(),
      /** The same on the tokens of the fit. */
      left: z.number().nonnegative(),
    }),
  ),
});
export type PlanRecovery = z.infer<typeof planRecovery>;

/**
 * A layer made smaller by matrices [E', E]: row r of `merge` weighs all experts into the new expert r, row r of `router`
 * adds up their probabilities. Numbers may be negative.
 */
export const layerBlend = z.object({ merge: z.array(z.array(z.number())), router: z.array(z.array(z.number())) });
export type LayerBlend = z.infer<typeof layerBlend>;

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
  protect: superExpertProtection.optional(),
  /** How much each of `tasks` counted; absent: all alike. */
  taskWeights: z.array(z.number().nonnegative()).optional(),
};

/** What changes a plan's weights beyond which experts stay or merge. */
const refinement = {
  recovery: planRecovery.optional(),
};

export const dropPlan = z.object({ ...provenance, ...refinement, kept: z.array(expertList) });
export const mergePlan = z.object({
  ...provenance,
  ...refinement,
  /** Per MoE layer, the groups in order of their new (kept) index. */
  groups: z.array(z.array(mergeGroup)),
  router: routerTreatment,
  align: z.boolean(),
  /** Absent: the weighted average. */
  rule: mergeRule.optional(),
  /** Where matrices say what `groups` can only tell roughly (each expert in the group that it goes to most). */
  blend: z.array(layerBlend).optional(),
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
