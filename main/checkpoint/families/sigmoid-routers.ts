import type { Family } from './family.ts';
import {
  apartOrStacked,
  biasedAttention,
  commonNames,
  correctedSigmoid,
  denseNames,
  expertKeys,
  firstDense,
  firstOrListedDense,
  groupedAttention,
  headNorms,
  inTextConfig,
  latentAttention,
  partialRotary,
  plain,
  sharedExperts,
  ungroupedSigmoid,
} from './shared-names.ts';

/** Routers like DeepSeek-V3's with grouped attention: GLM, dots, Solar, EXAONE, Hunyuan 3, North, Trinity, MiMo. */

/** Defaults of routers whose experts are in one group. */
const oneGroup = { n_group: 1, topk_group: 1, routed_scaling_factor: 1, norm_topk_prob: true };

/** GLM-4.5 (arXiv 2508.06471). */
export const glm4Moe: Family = {
  ...plain,
  modelType: 'glm4_moe',
  keys: expertKeys('n_routed_experts'),
  defaults: {
    n_routed_experts: 128,
    num_experts_per_tok: 8,
    moe_intermediate_size: 1408,
    n_shared_experts: 1,
    first_k_dense_replace: 1,
    ...oneGroup,
    intermediate_size: 10944,
    attention_bias: false,
    use_qk_norm: false,
    partial_rotary_factor: 0.5,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
  },
  routing: correctedSigmoid,
  attention: {
    ...groupedAttention,
    queryKeyValueBias: 'attention_bias',
    norms: { ...headNorms, when: 'use_qk_norm' },
  },
  rotary: partialRotary,
  dense: firstDense,
  shared: sharedExperts,
  extraLayersKey: 'num_nextn_predict_layers',
};

/** GLM-4.7-Flash: the router of GLM-4.5 with DeepSeek's attention. */
export const glm4MoeLite: Family = {
  ...glm4Moe,
  modelType: 'glm4_moe_lite',
  defaults: {
    n_routed_experts: 64,
    num_experts_per_tok: 4,
    moe_intermediate_size: 1536,
    n_shared_experts: 1,
    first_k_dense_replace: 1,
    ...oneGroup,
    routed_scaling_factor: 1.8,
    intermediate_size: 10240,
    kv_lora_rank: 512,
    qk_nope_head_dim: 192,
    qk_rope_head_dim: 64,
    v_head_dim: 256,
    attention_bias: false,
    rope_interleave: true,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
  },
  required: [
    ...plain.required,
    // transformers makes the first layer dense whatever this key says.
    { key: 'first_k_dense_replace', values: [1] },
    { key: 'topk_method', values: ['noaux_tc'] },
    { key: 'partial_rotary_factor', values: [1] },
    // transformers reads it as another name of that key.
    { key: 'head_dim', equals: 'qk_rope_head_dim' },
  ],
  attention: { ...latentAttention, biased: 'attention_bias' },
  rotary: { ...plain.rotary, interleaved: 'rope_interleave' },
  dense: firstOrListedDense,
};

/** GLM-4.5V: the text model of GLM-4.5, whose tokens have one position each where there is no image. */
export const glm4vMoe: Family = {
  ...glm4Moe,
  modelType: 'glm4v_moe',
  defaults: { ...glm4Moe.defaults, attention_bias: true },
  required: [...plain.required, { key: 'use_qk_norm', values: [false] }],
  attention: { ...groupedAttention, queryKeyValueBias: 'attention_bias' },
  wrapper: { ...inTextConfig, modelTypes: ['glm4v_moe_text'], carried: ['model.visual.'] },
};

/** dots.llm1 (arXiv 2506.05767). */
export const dots1: Family = {
  ...plain,
  modelType: 'dots1',
  keys: { experts: ['n_routed_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  defaults: {
    moe_intermediate_size: 1408,
    first_k_dense_replace: 0,
    ...oneGroup,
    norm_topk_prob: false,
    intermediate_size: 4608,
    attention_bias: false,
    sliding_window: 4096,
    max_window_layers: 62,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
  },
  required: [
    ...plain.required,
    { key: 'moe_layer_freq', values: [1] },
    { key: 'scoring_func', values: ['noaux_tc', 'sigmoid'] },
  ],
  routing: correctedSigmoid,
  attention: { ...biasedAttention, norms: headNorms },
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'from', key: 'max_window_layers' } },
  dense: firstDense,
  shared: sharedExperts,
};

/** Solar Open (arXiv 2601.07022). */
export const solarOpen: Family = {
  ...plain,
  modelType: 'solar_open',
  keys: { experts: ['n_routed_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  defaults: {
    n_routed_experts: 128,
    num_experts_per_tok: 8,
    moe_intermediate_size: 1280,
    n_shared_experts: 1,
    ...oneGroup,
    attention_bias: false,
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
  },
  required: [
    ...plain.required,
    { key: 'first_k_dense_replace', values: [0] },
    { key: 'partial_rotary_factor', values: [1] },
    { key: 'use_qk_norm', values: [false] },
  ],
  routing: correctedSigmoid,
  attention: { ...groupedAttention, queryKeyValueBias: 'attention_bias' },
  shared: sharedExperts,
};

/** K-EXAONE (arXiv 2601.01739): only layers with a window rotate. */
export const exaoneMoe: Family = {
  ...plain,
  modelType: 'exaone_moe',
  keys: { experts: ['num_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  defaults: {
    num_experts: 128,
    num_experts_per_tok: 8,
    moe_intermediate_size: 1024,
    num_shared_experts: 1,
    first_k_dense_replace: 1,
    ...oneGroup,
    routed_scaling_factor: 2.5,
    sliding_window: 4096,
    sliding_window_pattern: 4,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
  },
  required: [
    ...plain.required,
    { key: 'scoring_func', values: ['sigmoid'] },
    { key: 'topk_method', values: ['noaux_tc'] },
  ],
  layerLists: [{ key: 'is_moe_layer', says: 'moe' }],
  routing: {
    ...correctedSigmoid,
    correction: ['model.layers.{l}.mlp.e_score_correction_bias', 'model.layers.{l}.mlp.gate.e_score_correction_bias'],
  },
  attention: { ...groupedAttention, norms: headNorms },
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'all-but', every: 'sliding_window_pattern' } },
  rotary: { ...plain.rotary, on: 'sliding' },
  dense: firstOrListedDense,
  shared: { ...sharedExperts, countKey: 'num_shared_experts' },
  paddedLists: [...plain.paddedLists, 'is_moe_layer'],
  unused: ['mtp.'],
};

/** Hunyuan 3: norms per head, and a router of sigmoids that are corrected for the choice. */
export const hyV3: Family = {
  ...plain,
  modelType: 'hy_v3',
  keys: expertKeys('num_experts'),
  defaults: {
    num_experts: 192,
    num_experts_per_tok: 8,
    moe_intermediate_size: 1536,
    intermediate_size: 13312,
    num_shared_experts: 1,
    router_scaling_factor: 2.826,
    head_dim: 128,
    attention_bias: false,
    mlp_bias: false,
    first_k_dense_replace: 1,
    rms_norm_eps: 1e-5,
    rope_theta: 11_158_840,
  },
  required: [
    ...plain.required,
    // transformers makes the first layer dense unless `mlp_layer_types` says otherwise.
    { key: 'first_k_dense_replace', values: [1] },
  ],
  renamed: [
    {
      when: /\.mlp\.router\.gate\./,
      isPublished: true,
      names: [
        ['.mlp.gate.weight', '.mlp.router.gate.weight'],
        ['.mlp.e_score_correction_bias', '.mlp.expert_bias'],
        ['.mlp.shared_experts.', '.mlp.shared_mlp.'],
      ],
    },
  ],
  routing: {
    ...ungroupedSigmoid(true, 1e-20),
    correction: ['model.layers.{l}.mlp.e_score_correction_bias'],
    scaleKey: 'router_scaling_factor',
  },
  attention: { ...biasedAttention, norms: headNorms },
  dense: { ...firstOrListedDense, biased: 'mlp_bias' },
  shared: { ...sharedExperts, countKey: 'num_shared_experts', biased: 'mlp_bias' },
};

/**
 * Cohere's North: attention and experts run beside each other on the same normed tokens; layers with a window rotate
 * pairs of neighbours, and so does a dense one without a window.
 */
export const cohere2Moe: Family = {
  ...plain,
  modelType: 'cohere2_moe',
  keys: { experts: ['num_experts'], topK: 'num_experts_per_tok', expertWidth: 'intermediate_size' },
  defaults: {
    num_experts: 8,
    num_experts_per_tok: 2,
    num_shared_experts: 0,
    expert_selection_fn: 'softmax',
    norm_topk_prob: true,
    attention_bias: false,
    first_k_dense_replace: 0,
    prefix_dense_sliding_window_pattern: 1,
    head_dim: 128,
    logit_scale: 0.0625,
    rope_theta: 10000,
    tie_word_embeddings: true,
  },
  required: [
    ...plain.required,
    { key: 'expert_selection_fn', values: ['sigmoid'] },
    { key: 'num_shared_experts', values: [0] },
    { key: 'prefix_dense_sliding_window_pattern', values: [1] },
    { key: 'use_parallel_block', values: [true] },
  ],
  names: { ...commonNames, feedForwardNorm: null },
  isParallel: true,
  logitsScaleKey: 'logit_scale',
  routing: { ...ungroupedSigmoid('norm_topk_prob', 0), correction: null, scaleKey: null },
  attention: biasedAttention,
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'unknown' } },
  // transformers 5.24 leaves `rope_scaling` unread: scaled angles are proven by nothing.
  rotary: { ...plain.rotary, interleaved: true, scalings: ['default', 'dynamic'], on: 'sliding or dense' },
  dense: { ...firstOrListedDense, widthKey: 'prefix_dense_intermediate_size' },
};

/** Arcee Trinity: gated attention, norms around both branches, rotation only in layers with a window. */
export const afmoe: Family = {
  ...plain,
  modelType: 'afmoe',
  keys: { experts: ['num_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  defaults: {
    num_experts: 64,
    num_experts_per_tok: 6,
    moe_intermediate_size: 1408,
    num_shared_experts: 0,
    num_dense_layers: 1,
    intermediate_size: 6144,
    route_scale: 1,
    attention_bias: false,
    mup_enabled: false,
    sliding_window: 1024,
    global_attn_every_n_layers: 4,
    head_dim: 128,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
  },
  required: [
    ...plain.required,
    { key: 'score_func', values: ['sigmoid'] },
    { key: 'route_norm', values: [true] },
    { key: 'n_group', values: [1] },
    { key: 'topk_group', values: [1] },
  ],
  names: {
    ...commonNames,
    feedForwardNorm: 'model.layers.{l}.pre_mlp_layernorm.weight',
    branchNorms: {
      attention: 'model.layers.{l}.post_attention_layernorm.weight',
      feedForward: 'model.layers.{l}.post_mlp_layernorm.weight',
    },
  },
  embeddingRoot: 'mup_enabled',
  routing: {
    ...ungroupedSigmoid(true, 1e-20),
    correction: ['model.layers.{l}.mlp.expert_bias'],
    scaleKey: 'route_scale',
  },
  attention: {
    ...biasedAttention,
    norms: headNorms,
    gate: { name: 'model.layers.{l}.self_attn.gate_proj.weight', per: 'value' },
  },
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'all-but', every: 'global_attn_every_n_layers' } },
  rotary: { ...plain.rotary, on: 'sliding' },
  dense: { ...denseNames, rule: { kind: 'first', key: 'num_dense_layers' } },
  shared: { ...sharedExperts, countKey: 'num_shared_experts' },
  layouts: apartOrStacked('model.layers.{l}.mlp.router.gate.weight', 'model.layers.{l}.mlp.experts'),
};

/** MiMo-V2-Flash (arXiv 2601.02780): layers with a window have sinks, more heads of keys, and angles of their own. */
export const mimoV2Flash: Family = {
  ...plain,
  modelType: 'mimo_v2_flash',
  keys: { experts: ['n_routed_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  defaults: {
    n_routed_experts: 256,
    num_experts_per_tok: 8,
    moe_intermediate_size: 2048,
    intermediate_size: 16384,
    first_dense: 1,
    ...oneGroup,
    attention_bias: false,
    attention_value_scale: 0.707,
    head_dim: 192,
    v_head_dim: 128,
    sliding_window: 129,
    partial_rotary_factor: 0.334,
    rms_norm_eps: 1e-5,
    rope_theta: 5e6,
    swa_rope_theta: 10000,
  },
  required: [
    ...plain.required,
    { key: 'first_dense', values: [1] },
    { key: 'scoring_func', values: ['sigmoid'] },
    { key: 'topk_method', values: ['noaux_tc'] },
    { key: 'n_shared_experts', values: [0] },
    { key: 'rope_theta', values: [5e6] },
    { key: 'swa_rope_theta', values: [10000] },
    { key: 'swa_num_attention_heads', equals: 'num_attention_heads' },
    { key: 'swa_head_dim', equals: 'head_dim' },
    { key: 'swa_v_head_dim', equals: 'v_head_dim' },
    { key: 'add_swa_attention_sink_bias', values: [true] },
    { key: 'add_full_attention_sink_bias', values: [false] },
  ],
  layerLists: [
    { key: 'hybrid_layer_pattern', says: 'sliding' },
    { key: 'moe_layer_freq', says: 'moe' },
  ],
  routing: correctedSigmoid,
  attention: {
    ...groupedAttention,
    queryKeyValueBias: 'attention_bias',
    sinks: {
      names: ['model.layers.{l}.self_attn.attention_sink_bias', 'model.layers.{l}.self_attn.sinks'],
      on: 'sliding',
    },
    valueDimensionKey: 'v_head_dim',
    valueScaleKey: 'attention_value_scale',
    slidingKeyValueHeadsKey: 'swa_num_key_value_heads',
  },
  window: {
    kind: 'types',
    key: 'sliding_window',
    inclusiveKey: 'sliding_window_size',
    otherwise: { kind: 'all-but', every: 6, first: true },
  },
  rotary: { ...partialRotary, scalings: ['default', 'yarn'], slidingThetaKey: 'swa_rope_theta' },
  dense: { ...denseNames, rule: { kind: 'first', key: 'first_dense', types: true } },
  paddedLists: [...plain.paddedLists, 'hybrid_layer_pattern', 'moe_layer_freq'],
  unused: ['model.mtp.'],
};
