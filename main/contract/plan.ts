import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from './bounds.ts';
import { ggufType } from './export.ts';
import { setting, type SettingText } from './setting.ts';

/**
 * Name of a pruning method: lower-case words joined by hyphens. Only the engine knows which methods exist
 * (`methods.list`); it refuses unknown names and suggests the nearest.
 */
export const methodName = z
  .string()
  .max(40)
  .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, 'must be lower-case words joined by hyphens');
export type MethodName = z.infer<typeof methodName>;

/** Options of a method by name; the method parses them (`methods.list` names them, with their defaults). */
export const methodOptions = boundedRecord(boundedText, z.union([boundedText, z.number(), z.boolean(), z.null()]));
export type MethodOptions = z.infer<typeof methodOptions>;

/** An option of a method, with its help. */
export const option = <S extends z.ZodType>(schema: S, help: string): S => schema.describe(help);

/**
 * How kept experts are distributed over layers: evenly; by the best scores over all layers; in inverse proportion to
 * the importance of a layer's single experts; by the losses of layers that are pruned alone; or given by hand.
 */
export const budgetName = z.enum(['uniform', 'global', 'inverse-importance', 'measured', 'manual']);
export type BudgetName = z.infer<typeof budgetName>;

/**
 * How the weights of a group become one: the weighted average; interpolation on the sphere, of the members or of their
 * differences from the reference; the Karcher mean of their directions; SCE or TIES around the reference, keeping a
 * fraction `density` of the entries; or the average projected onto the `rank` leading directions of all members.
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
 * Treatment of the router after a merge: the row of the reference; the mean of the members' rows, with the members'
 * weights; all rows, each leading to the merged expert of its group; experts chosen by the summed probabilities of
 * their members; or new random rows, one per group, as the start of a router recovery or of fine-tuning.
 */
export const routerTreatment = z.enum([
  'reference-row',
  'mean-row',
  'mapped-rows',
  'summed-probabilities',
  'reinitialised',
]);
export type RouterTreatment = z.infer<typeof routerTreatment>;

export const affinityName = z.enum(['cosine', 'centred-cosine', 'pearson', 'rbf', 'softmax-cosine', 'coactivation']);
export type AffinityName = z.infer<typeof affinityName>;

/**
 * How k-means looks for the clusters of least inertia: greedy seeds and single moves, or plain k-means++ and Lloyd's
 * steps, which end well above the least inertia known (tests/bench/inertia.ts).
 */
export const kMeansOptimiser = z.enum(['hartigan', 'lloyd']);
export type KMeansOptimiser = z.infer<typeof kMeansOptimiser>;

/** Its option, the same in every method that clusters by k-means. */
export const optimiserOption = kMeansOptimiser
  .default('hartigan')
  .describe(
    'How k-means looks for the clusters of least inertia: greedy k-means++ and single moves (hartigan), or plain ' +
      'k-means++ and Lloyd\u2019s steps (lloyd), as in runs of earlier versions, which end well above it.',
  );

/** Options of every merging method, with the defaults of its paper. */
export const mergeOptions = (defaults: Readonly<Pick<MergePlan, 'router' | 'align'>>) => ({
  align: option(
    z.boolean().default(defaults.align),
    'Permute the neurons of each member to match its reference first (least squared weight distance).',
  ),
  weights: option(
    z.enum(['activation', 'uniform']).default('activation'),
    'Weights of the members: how often each was chosen, or equal.',
  ),
  router: option(
    routerTreatment.default(defaults.router),
    'Router after the merge: the row of the reference or the mean row (both can be exported), all rows kept ' +
      '(mapped-rows, summed-probabilities: closer to the unpruned model, but no stock loader opens the result), or ' +
      'reinitialised: new random rows, useful only as the start of a router recovery or of fine-tuning.',
  ),
});

/** Options of UNCURL; the defaults are those of the paper except for the router, which it trains from scratch. */
export const uncurlOptions = z.object({
  affinity: affinityName
    .default('cosine')
    .describe(
      'Similarity of experts: cosine, centred cosine, correlation or a radial basis function of router-logit ' +
        'columns, cosine of probabilities, or how often both are chosen.',
    ),
  diagonal: option(
    z.enum(['kept', 'excluded']).default('kept'),
    'Similarity of each expert to itself in the graph: kept as published, or excluded as scikit-learn does ' +
      '(the clusters of raw-logit cosines are then nearly arbitrary).',
  ),
  embedding: option(
    z.enum(['degree', 'unit-rows', 'plain']).default('degree'),
    'Rows to cluster: eigenvectors divided by the root of the degree, rows of the eigenvectors normalised to ' +
      'length 1, or unscaled.',
  ),
  assign: option(
    z.enum(['k-means', 'cluster-qr']).default('k-means'),
    'Clustering of the rows: k-means (seeded by the plan, best inertia of several starts), or ' +
      'column-pivoted QR, which is deterministic.',
  ),
  optimiser: optimiserOption,
  starts: option(z.number().int().min(1).max(10_000).default(20), 'Number of k-means starts.'),
  'first-layer': option(
    z.enum(['cluster', 'frequency']).default('cluster'),
    'The first MoE layer: clustered like the others, or reduced to its most used experts (the others join ' +
      'a group with weight 0).',
  ),
  reference: option(
    z.enum(['most-active', 'medoid']).default('most-active'),
    'Member that the others are aligned to: the most often chosen, or the one most like the others.',
  ),
  ...mergeOptions({ router: 'reference-row', align: true }),
});
export type UncurlOptions = z.infer<typeof uncurlOptions>;

/**
 * Keeps super experts (a few with extreme outputs, without which generation breaks) regardless of the method: those of
 * the first three quarters of the layers, or of all layers.
 */
export const superExpertProtection = z.enum(['none', 'early', 'all']);
export type SuperExpertProtection = z.infer<typeof superExpertProtection>;

export const budgetText: SettingText = {
  label: 'Budget',
  flag: 'budget',
  help: 'How kept experts are distributed over layers.',
  about:
    'How kept experts are distributed over layers. Uniform: the same number in each, which stock loaders ' +
    'need. Global: layers compete by score. Inverse importance: layers in which single experts matter less ' +
    'lose more. Measured: the counts whose losses, each layer pruned alone, add up to the least. By hand: a ' +
    'number for each layer.',
  words: { 'inverse-importance': 'inverse importance', manual: 'by hand' },
  part: 'plans',
};

export const protectText: SettingText = {
  label: 'Super experts',
  flag: 'protect',
  value: 'WHICH',
  help: 'Keep super experts: none, early (those of the first three quarters of the layers) or all.',
  about:
    'A few experts with extreme outputs, without which some models break. Protected ones stay whatever the method ' +
    'chooses: those in the first three quarters of the layers, or all of them. Finding them requires the largest ' +
    'outputs of experts, which profiles contain only on request.',
  words: { none: 'not protected', early: 'stay in early layers', all: 'stay in all layers' },
  part: 'plans',
};

/**
 * Gates of kept experts where deleting rows of the router would make them grow: multiplied by the mean probability mass
 * that the kept experts had, in the down projections; as a plain deletion leaves them; or those of the unpruned model.
 */
export const gatesName = z.enum(['folded', 'renormalised', 'trained']);
export type GatesName = z.infer<typeof gatesName>;

/** Forms of gates that were tried and are not offered (resources/gates/ghosts.py). */
export const refusedGates: NonNullable<SettingText['refused']> = {
  ghost:
    'experts of zeros that take the probability of the deleted ones cost the memory of as many experts, and are ' +
    'worth less than these (`uncurl help gates`)',
};

export const gatesText: SettingText = {
  label: 'Gates',
  refused: refusedGates,
  flag: 'gates',
  help:
    'Gates of kept experts where the router is a softmax over all experts and is not renormalised: folded (times the ' +
    'mean kept probability, in the down projections), renormalised (they grow, as plain deletion does) or trained ' +
    '(those of the unpruned model; only ONNX exports). Other routers ignore it.',
  about:
    'Where the router is a softmax over all experts without renormalisation, deleting experts makes the ' +
    'gates of the others grow. Folded: down projections times the mean kept probability of the profile; ' +
    'every loader runs the result. Renormalised: plain deletion, as published code does it. Trained: the ' +
    'unpruned model’s gates, which need the whole router (exported as ONNX).',
  part: 'plans',
};

/** How a plan is made, beside its method, the method's options and its size. Each setting is described here once. */
export const describedPlanSettings = z.object({
  budget: setting(budgetName.default('uniform'), budgetText),
  protect: setting(superExpertProtection.default('none'), protectText),
  gates: setting(gatesName.default('folded'), gatesText),
  seed: setting(z.number().int().nonnegative().default(0), {
    label: 'Seed',
    flag: 'seed',
    help: 'The draw of a method that depends on chance. The same seed and profile give the same plan.',
  }),
});
export type DescribedPlanSettings = z.infer<typeof describedPlanSettings>;

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
  members: boundedList(z.number().int().nonnegative()).min(1),
  reference: z.number().int().nonnegative(),
  weights: boundedList(z.number().nonnegative()),
});
export type MergeGroup = z.infer<typeof mergeGroup>;

/** Weights that a recovery refits: experts (down projections), the router's rows, or the router, then the experts. */
export const refitName = z.enum(['experts', 'router', 'router+experts']);
export type RefitName = z.infer<typeof refitName>;

/**
 * Weights refitted without training on calibration tokens, in a separate file named by its content: down projections by
 * closed-form least squares, router rows by gradient descent. The rest of the plan is unchanged.
 */
export const planRecovery = z.object({
  /** Hash that names the file of refitted weights. */
  weights: z.string().regex(/^[0-9a-f]{32}$/),
  /** Tasks whose calibration items it was fitted on. */
  tasks: boundedList(boundedText),
  items: z.number().int().nonnegative(),
  tokens: z.number().int().nonnegative(),
  /** Absent: the experts. */
  refit: refitName.optional(),
  /** Per MoE layer, where the router was refitted. */
  router: boundedList(
    z.object({
      /** Steps of descent; 0: none improved on held-out items, and the rows are unchanged. */
      steps: z.number().int().nonnegative(),
      /**
       * Squared distance from the unpruned layer's output, as a fraction of the distance before: on held-out items,
       * and on those of the fit.
       */
      heldOut: z.number().nonnegative(),
      left: z.number().nonnegative(),
    }),
  ).optional(),
  /** Per MoE layer, of the down projections; empty where they were not refitted. */
  layers: boundedList(
    z.object({
      /**
       * Ridge, as a fraction of the mean squared length of a feature; null: no ridge improved the layer, which is
       * unchanged.
       */
      lambda: z.number().positive().nullable(),
      /** Fraction of the squared error of the layer's output that remains on held-out items. */
      heldOut: z.number().nonnegative(),
      /** The same on the tokens of the fit. */
      left: z.number().nonnegative(),
    }),
  ),
});
export type PlanRecovery = z.infer<typeof planRecovery>;

/**
 * Constant vectors that replace experts: the mean output of each on calibration tokens, in a separate file named by its
 * content. The router keeps a row for every expert.
 */
export const planConstants = z.object({ weights: z.string().regex(/^[0-9a-f]{32}$/) });
export type PlanConstants = z.infer<typeof planConstants>;

/**
 * A layer made smaller by matrices [E', E]: row r of `merge` combines all experts into the new expert r, row r of
 * `router` sums their probabilities. Numbers may be negative.
 */
export const layerBlend = z.object({
  merge: boundedList(boundedList(z.number())),
  router: boundedList(boundedList(z.number())),
});
export type LayerBlend = z.infer<typeof layerBlend>;

/**
 * The gates of a plan's kept experts, where the router makes it matter. `factors`: per MoE layer, what the down
 * projections of its routed experts are multiplied by: one factor for all, or one for each merged expert (whose router
 * row may stand for more probability than its own). Absent: renormalised.
 */
export const planGates = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('folded'),
    factors: boundedList(z.union([z.number().gt(0).max(1), boundedList(z.number().gt(0).max(1000)).min(1)])),
  }),
  z.object({ kind: z.literal('renormalised') }),
  z.object({ kind: z.literal('trained') }),
]);
export type PlanGates = z.infer<typeof planGates>;

const expertList = boundedList(z.number().int().nonnegative()).min(1);

/** Where a plan came from; every field may be absent in a plan written by hand. */
const provenance = {
  method: boundedText.optional(),
  options: boundedRecord(boundedText, z.unknown()).optional(),
  seed: z.number().int().nonnegative().optional(),
  model: z.object({ name: boundedText, fingerprint: boundedText }).optional(),
  tasks: boundedList(boundedText).optional(),
  /** E and K of the unpruned model. */
  experts: z.number().int().positive().optional(),
  topK: z.number().int().positive().optional(),
  factor: z.number().positive().optional(),
  budget: budgetName.optional(),
  pins: boundedList(pin).optional(),
  protect: superExpertProtection.optional(),
  /** Weight of each of `tasks`; absent: all equal. */
  taskWeights: boundedList(z.number().nonnegative()).optional(),
};

/** Changes to a plan's weights besides which experts stay or merge. */
const refinement = {
  recovery: planRecovery.optional(),
  gates: planGates.optional(),
};

export const dropPlan = z.object({
  ...provenance,
  ...refinement,
  kept: boundedList(expertList),
  /** Experts that are not kept output a constant each; absent: they are removed. */
  constants: planConstants.optional(),
  /** Type of the experts' weights in a GGUF file, by MoE layer; absent: that of the file. */
  expertTypes: boundedList(ggufType).optional(),
});
export const mergePlan = z.object({
  ...provenance,
  ...refinement,
  /** Per MoE layer, the groups in order of their new (kept) index. */
  groups: boundedList(boundedList(mergeGroup)),
  router: routerTreatment,
  /** Seed of the rows of a reinitialised router; absent: 0. */
  routerSeed: z.number().int().nonnegative().optional(),
  align: z.boolean(),
  /** Absent: the weighted average. */
  rule: mergeRule.optional(),
  /** Where the matrices are more precise than `groups` (each expert in the group that it contributes to most). */
  blend: boundedList(layerBlend).optional(),
});
/** Which experts each MoE layer keeps, or how they merge. `{"kept": [[...] per MoE layer]}` alone is a plan. */
export const plan = z.union([dropPlan, mergePlan]);
export type DropPlan = z.infer<typeof dropPlan>;
export type MergePlan = z.infer<typeof mergePlan>;
export type Plan = z.infer<typeof plan>;

/** Types of the experts' weights by MoE layer; undefined: those of the file. */
export const expertTypesOf = (plan: Plan): DropPlan['expertTypes'] =>
  isMergePlan(plan) ? undefined : plan.expertTypes;

/** Constants in place of dropped experts; undefined: the plan leaves none. */
export const constantsOf = (plan: Plan): DropPlan['constants'] => (isMergePlan(plan) ? undefined : plan.constants);

export const isMergePlan = (candidate: Plan): candidate is MergePlan => 'groups' in candidate;

/** Size of the pruned model, known without inference. */
export const planCost = z.object({
  parameters: z.object({ total: z.number(), expert: z.number(), active: z.number() }),
  sizeBytes: z.number(),
  before: z.object({ total: z.number(), expert: z.number(), active: z.number(), sizeBytes: z.number() }),
  keptPerLayer: boundedList(z.number()),
  /** K after pruning (lowered only where fewer than K experts stay). */
  topK: z.number(),
  /** Whether a stock Hugging Face loader can open the export, and if not, why. */
  exportable: z.object({ hf: z.boolean(), reason: boundedText.nullable() }),
  /** A sentence on what was done in this model beside leaving experts out; absent: nothing. */
  note: boundedText.optional(),
});
export type PlanCost = z.infer<typeof planCost>;
