import type {
  AttentionRecord,
  DenseRecord,
  ExpertLayout,
  Family,
  Flag,
  ScoreRecord,
  SharedRecord,
  WrapperRecord,
} from './family.ts';

/** Names and values that most families share; a record spreads them and overrides the rest. */

export const commonNames: Family['names'] = {
  embedding: 'model.embed_tokens.weight',
  finalNorm: 'model.norm.weight',
  head: 'lm_head.weight',
  attentionNorm: 'model.layers.{l}.input_layernorm.weight',
  feedForwardNorm: 'model.layers.{l}.post_attention_layernorm.weight',
  branchNorms: null,
};

export const groupedAttention: Extract<AttentionRecord, { kind: 'grouped' }> = {
  kind: 'grouped',
  query: 'model.layers.{l}.self_attn.q_proj.weight',
  key: 'model.layers.{l}.self_attn.k_proj.weight',
  value: 'model.layers.{l}.self_attn.v_proj.weight',
  output: 'model.layers.{l}.self_attn.o_proj.weight',
  queryKeyValueBias: false,
  outputBias: false,
  norms: null,
  clipKey: null,
  sinks: null,
};

/** The same with biases where `attention_bias` says so. */
export const biasedAttention = {
  ...groupedAttention,
  queryKeyValueBias: 'attention_bias',
  outputBias: 'attention_bias',
} as const;

const queryKeyNormNames = {
  query: 'model.layers.{l}.self_attn.q_norm.weight',
  key: 'model.layers.{l}.self_attn.k_norm.weight',
  when: true,
} as const;

/** Queries and keys are normed head by head, or as a whole. */
export const headNorms = { ...queryKeyNormNames, over: 'head' } as const;
export const wholeNorms = { ...queryKeyNormNames, over: 'whole' } as const;

export const latentAttention: Extract<AttentionRecord, { kind: 'latent' }> = {
  kind: 'latent',
  query: {
    whole: 'model.layers.{l}.self_attn.q_proj.weight',
    down: 'model.layers.{l}.self_attn.q_a_proj.weight',
    norm: 'model.layers.{l}.self_attn.q_a_layernorm.weight',
    up: 'model.layers.{l}.self_attn.q_b_proj.weight',
  },
  keyValueDown: 'model.layers.{l}.self_attn.kv_a_proj_with_mqa.weight',
  keyValueNorm: 'model.layers.{l}.self_attn.kv_a_layernorm.weight',
  keyValueUp: 'model.layers.{l}.self_attn.kv_b_proj.weight',
  output: 'model.layers.{l}.self_attn.o_proj.weight',
  biased: false,
  // Fixed in the families' own code, regardless of rms_norm_eps.
  innerEpsilon: 1e-6,
};

/** Softmax over all experts, unchanged. */
const softmax: ScoreRecord = {
  kind: 'scores',
  score: 'softmax',
  correction: null,
  groups: null,
  after: 'none',
  renormalise: null,
  scaleKey: null,
  gate: 'output',
};

/** Softmax over all experts; the chosen weights are divided by their sum where the flag says so. */
export const softmaxOver = (when: Flag): ScoreRecord => ({
  ...softmax,
  renormalise: { when, epsilon: 0, as: 'addend' },
});

/** The largest logits, and a softmax over them. */
export const softmaxOfChosen: ScoreRecord = { ...softmax, score: 'logit', after: 'softmax' };

/** DeepSeek-V3 (arXiv 2412.19437, section 2.1.2): sigmoids, corrected for the choice; groups by their best two. */
export const correctedSigmoid: ScoreRecord = {
  ...softmax,
  score: 'sigmoid',
  correction: ['model.layers.{l}.mlp.gate.e_score_correction_bias'],
  groups: { countKey: 'n_group', keptKey: 'topk_group', least: 2, when: null },
  renormalise: { when: 'norm_topk_prob', epsilon: 1e-20, as: 'addend' },
  scaleKey: 'routed_scaling_factor',
};

/** The same without groups; the chosen weights are divided by their sum where the flag says so. */
export const ungroupedSigmoid = (when: Flag, epsilon: number): ScoreRecord => ({
  ...correctedSigmoid,
  groups: null,
  renormalise: { when, epsilon, as: 'addend' },
});

/** The matrices of a network whose names begin so. */
export const projections = <Start extends string>(start: Start) =>
  ({
    gate: `${start}.gate_proj.weight`,
    up: `${start}.up_proj.weight`,
    down: `${start}.down_proj.weight`,
  }) as const;

/** The same of shared experts. */
const gateUpAndDown = (start: string): Pick<SharedRecord, 'gateUp' | 'down'> => {
  const { down, ...gateUp } = projections(start);
  return { gateUp, down };
};

export const denseNames = {
  ...projections('model.layers.{l}.mlp'),
  widthKey: 'intermediate_size',
  biased: false,
} as const satisfies Omit<DenseRecord, 'rule'>;

/** The first layers are dense: as many as `first_k_dense_replace` says, or as `mlp_layer_types` lists. */
export const firstDense = { ...denseNames, rule: { kind: 'first', key: 'first_k_dense_replace' } } as const;
export const firstOrListedDense = { ...denseNames, rule: { ...firstDense.rule, types: true } } as const;

export const sharedExperts: SharedRecord = {
  widthKey: 'moe_intermediate_size',
  countKey: 'n_shared_experts',
  ...gateUpAndDown('model.layers.{l}.mlp.shared_experts'),
  biased: false,
  scale: null,
};

/** One shared expert, whose names begin so. */
export const sharedExpert = (widthKey: string, start: string): SharedRecord => ({
  ...sharedExperts,
  widthKey,
  countKey: null,
  ...gateUpAndDown(start),
});

/** One tensor per expert and matrix, `experts.{e}.gate_proj` and so on. */
export const expertsApart = (router: string, experts: string, names = projected): ExpertLayout => ({
  kind: 'per-expert',
  router,
  prefix: `${experts}.`,
  ...names,
});
const projected = { gate: 'gate_proj.weight', up: 'up_proj.weight', down: 'down_proj.weight' };
/** Mixtral's names. */
export const numbered = { gate: 'w1.weight', up: 'w3.weight', down: 'w2.weight' };

type StackedLayout = Extract<ExpertLayout, { kind: 'stacked-rows' | 'stacked-columns' }>;
/** The runtime layout of transformers 5, which `save_pretrained(save_original_format=False)` writes. */
export const stackedRows = (router: string, experts: string): StackedLayout => ({
  kind: 'stacked-rows',
  router,
  gateUp: `${experts}.gate_up_proj`,
  down: `${experts}.down_proj`,
});

/** Both, as most families have them on disk. */
export const apartOrStacked = (router: string, experts: string, names = projected): readonly ExpertLayout[] => [
  expertsApart(router, experts, names),
  stackedRows(router, experts),
];

export const stackedLayout = stackedRows('model.layers.{l}.mlp.gate.weight', 'model.layers.{l}.mlp.experts');

/** A text model within that of text and images. */
export const innerForm = { 'model.': 'model.language_model.', 'lm_head.': 'lm_head.' } as const;
export const olderForm = { 'model.': 'language_model.model.', 'lm_head.': 'language_model.lm_head.' } as const;
export const inTextConfig = {
  configKey: 'text_config',
  forms: [innerForm],
  loader: 'AutoModelForImageTextToText',
} as const satisfies Partial<WrapperRecord>;

/** Keys of most families. */
export const expertKeys = (experts: string, expertWidth = 'moe_intermediate_size'): Family['keys'] => ({
  experts: [experts, 'num_local_experts'],
  topK: 'num_experts_per_tok',
  expertWidth,
});

/** Scalings that transformers computes in most families in the same way. */
export const commonScalings = ['default', 'linear', 'dynamic', 'llama3'] as const;

/** A rotation of each head, or of a part of it. */
export const partialRotary = {
  interleaved: false,
  partialKey: 'partial_rotary_factor',
  scalings: [...commonScalings, 'yarn'],
} as const;

export const unquantised = { key: 'quantization_config', values: [null] } as const;
export const silu = { key: 'hidden_act', values: ['silu'] } as const;

/** Defaults of most families. */
export const plain = {
  activation: { kind: 'silu' },
  norm: 'rms',
  aliases: {},
  names: commonNames,
  headBiasKey: null,
  window: { kind: 'never' },
  rotary: { ...partialRotary, partialKey: null },
  multipliers: null,
  embeddingRoot: false,
  layerLists: [],
  dense: null,
  shared: null,
  extraLayersKey: null,
  paddedLists: ['layer_types', 'mlp_layer_types'],
  unused: [],
  wrapper: null,
  layouts: apartOrStacked('model.layers.{l}.mlp.gate.weight', 'model.layers.{l}.mlp.experts'),
  required: [silu, unquantised],
} as const satisfies Partial<Family>;
