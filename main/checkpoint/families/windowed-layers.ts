import type { Family } from './family.ts';
import {
  biasedAttention,
  commonNames,
  commonScalings,
  denseNames,
  headNorms,
  innerForm,
  inTextConfig,
  olderForm,
  partialRotary,
  plain,
  projections,
  sharedExpert,
  sharedExperts,
  softmaxOfChosen,
  softmaxOver,
  stackedLayout,
  stackedRows,
  ungroupedSigmoid,
  unquantised,
} from './shared-names.ts';

/** Text models of models of images, whose layers see windows or chunks, or everything: Llama 4, Gemma 4, Step 3.5. */

const layer = 'model.layers.{l}';
const feedForward = `${layer}.feed_forward`;

/** The text model of Llama 4: weights multiply the experts' inputs; layers that rotate see chunks. */
export const llama4Text: Family = {
  ...plain,
  modelType: 'llama4_text',
  keys: { experts: ['num_local_experts'], topK: 'num_experts_per_tok', expertWidth: 'intermediate_size' },
  defaults: {
    num_local_experts: 16,
    num_experts_per_tok: 1,
    intermediate_size: 8192,
    intermediate_size_mlp: 16384,
    interleave_moe_layer_step: 1,
    no_rope_layer_interval: 4,
    attention_chunk_size: 8192,
    attention_bias: false,
    attn_temperature_tuning: true,
    attn_scale: 0.1,
    floor_scale: 8192,
    use_qk_norm: true,
    head_dim: 128,
    rms_norm_eps: 1e-5,
    rope_theta: 500000,
  },
  routing: { ...softmaxOfChosen, after: 'sigmoid', gate: 'input' },
  attention: {
    ...biasedAttention,
    plainNorm: { when: 'use_qk_norm' },
    temperature: { when: 'attn_temperature_tuning', scaleKey: 'attn_scale', everyKey: 'floor_scale' },
  },
  window: { kind: 'chunks', key: 'attention_chunk_size' },
  rotary: {
    ...plain.rotary,
    interleaved: true,
    on: { listKey: 'no_rope_layers', everyKey: 'no_rope_layer_interval' },
  },
  dense: {
    ...projections(feedForward),
    widthKey: 'intermediate_size_mlp',
    biased: false,
    rule: { kind: 'unlisted', listKey: 'moe_layers', everyKey: 'interleave_moe_layer_step' },
  },
  shared: sharedExpert('intermediate_size', `${feedForward}.shared_expert`),
  layouts: [{ ...stackedRows(`${feedForward}.router.weight`, `${feedForward}.experts`), kind: 'stacked-columns' }],
};

/** Llama 4: the text model within that of text and images. */
export const llama4: Family = {
  ...llama4Text,
  modelType: 'llama4',
  wrapper: {
    ...inTextConfig,
    modelTypes: ['llama4_text'],
    forms: [olderForm],
    loader: 'AutoModelForCausalLM',
    carried: ['vision_model.', 'multi_modal_projector.'],
  },
};

/**
 * The text model of Gemma 4: a dense network beside the experts of every layer, norms around everything; in some sizes
 * embeddings for each layer, and last layers without keys of their own.
 */
export const gemma4Text: Family = {
  ...plain,
  modelType: 'gemma4_text',
  keys: { experts: ['num_experts'], topK: 'top_k_experts', expertWidth: 'moe_intermediate_size' },
  defaults: {
    intermediate_size: 9216,
    head_dim: 256,
    global_head_dim: 512,
    num_key_value_heads: 4,
    attention_k_eq_v: false,
    attention_bias: false,
    sliding_window: 512,
    enable_moe_block: false,
    hidden_size_per_layer_input: 256,
    num_kv_shared_layers: 0,
    use_double_wide_mlp: false,
    hidden_activation: 'gelu_pytorch_tanh',
    tie_word_embeddings: true,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    partial_rotary_factor: 1,
    rope_parameters: {
      full_attention: { rope_type: 'proportional', partial_rotary_factor: 0.25, rope_theta: 1_000_000 },
      sliding_attention: { rope_type: 'default', rope_theta: 10000 },
    },
  },
  required: [
    unquantised,
    { key: 'hidden_activation', values: ['gelu_pytorch_tanh'] },
    { key: 'enable_moe_block', values: [true] },
    { key: 'vocab_size_per_layer_input', equals: 'vocab_size' },
    { key: 'use_bidirectional_attention', values: ['vision'] },
  ],
  names: {
    ...commonNames,
    feedForwardNorm: `${layer}.pre_feedforward_layernorm.weight`,
    branchNorms: {
      attention: `${layer}.post_attention_layernorm.weight`,
      feedForward: `${layer}.post_feedforward_layernorm.weight`,
    },
    beside: {
      dense: `${layer}.post_feedforward_layernorm_1.weight`,
      expertsIn: `${layer}.pre_feedforward_layernorm_2.weight`,
      expertsOut: `${layer}.post_feedforward_layernorm_2.weight`,
      router: `${layer}.router.scale`,
    },
    outputScale: `${layer}.layer_scalar`,
    tokenInputs: {
      sizeKey: 'hidden_size_per_layer_input',
      table: 'model.embed_tokens_per_layer.weight',
      projection: 'model.per_layer_model_projection.weight',
      norm: 'model.per_layer_projection_norm.weight',
      gate: `${layer}.per_layer_input_gate.weight`,
      back: `${layer}.per_layer_projection.weight`,
      backNorm: `${layer}.post_per_layer_input_norm.weight`,
    },
  },
  embeddingRoot: true,
  logitsCapKey: 'final_logit_softcapping',
  activation: { kind: 'gelu' },
  routing: { ...softmaxOver(true), expertScale: `${layer}.router.per_expert_scale` },
  attention: {
    ...biasedAttention,
    norms: headNorms,
    scale: 1,
    global: {
      dimensionKey: 'global_head_dim',
      keyValueHeadsKey: 'num_global_key_value_heads',
      keysAreValues: 'attention_k_eq_v',
      byLayerKey: 'per_layer_config',
    },
    valueNorm: true,
    sharedLayersKey: 'num_kv_shared_layers',
  },
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'unknown' } },
  rotary: { ...partialRotary, scalings: ['default', 'proportional'] },
  dense: { ...denseNames, rule: { kind: 'beside' }, doubled: 'use_double_wide_mlp' },
  layouts: [stackedRows(`${layer}.router.proj.weight`, `${layer}.experts`)],
};

/** Gemma 4: the text model within that of text, images and sound. */
export const gemma4: Family = {
  ...gemma4Text,
  modelType: 'gemma4',
  wrapper: {
    ...inTextConfig,
    modelTypes: ['gemma4_text'],
    loader: 'AutoModelForCausalLM',
    carried: ['model.vision_tower.', 'model.audio_tower.', 'model.embed_vision.', 'model.embed_audio.'],
  },
};

/** Step 3.7 (text model Step 3.5): norms without one, a gate per head, more query heads in layers with a window. */
export const step3p7: Family = {
  ...plain,
  modelType: 'step3p7',
  wrapper: {
    ...inTextConfig,
    modelTypes: ['step3p5'],
    forms: [innerForm, { 'model.': 'model.', 'lm_head.': 'lm_head.' }],
    carried: ['vision_model.', 'vit_large_projector.', 'model.vision_model.', 'model.multi_modal_projector.'],
  },
  keys: {
    experts: ['n_routed_experts', 'moe_num_experts'],
    topK: 'num_experts_per_tok',
    expertWidth: 'moe_intermediate_size',
  },
  aliases: { num_experts_per_tok: 'moe_top_k', num_key_value_heads: 'num_attention_groups' },
  defaults: {
    moe_router_scaling_factor: 1,
    attention_bias: false,
    mlp_bias: false,
    partial_rotary_factor: 1,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
  },
  layerLists: [{ key: 'per_layer_config', says: 'heads' }],
  required: [
    ...plain.required,
    { key: 'moe_router_activation', values: ['sigmoid'] },
    { key: 'use_moe_router_bias', values: [true] },
    { key: 'norm_expert_weight', values: [true] },
    { key: 'use_head_wise_attn_gate', values: [true] },
    { key: 'query_pre_attn_scalar', equals: 'head_dim' },
    { key: 'yarn_only_types', values: ['full_attention'] },
  ],
  activation: { kind: 'limited', limitsKey: 'swiglu_limits', denseLimitsKey: 'swiglu_limits_shared' },
  norm: 'rms-plus-one',
  routing: {
    ...ungroupedSigmoid(true, 0),
    correction: ['model.layers.{l}.moe.router_bias', 'model.layers.{l}.mlp.gate.e_score_correction_bias'],
    scaleKey: 'moe_router_scaling_factor',
  },
  attention: {
    ...biasedAttention,
    norms: headNorms,
    slidingHeads: {
      key: 'num_sliding_attention_heads',
      within: 'attention_other_setting',
      inner: 'num_attention_heads',
    },
    gate: { name: 'model.layers.{l}.self_attn.g_proj.weight', per: 'head' },
  },
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'unknown' } },
  rotary: {
    ...partialRotary,
    partialsKey: 'partial_rotary_factors',
    scalings: commonScalings,
    scaled: { listKey: 'yarn_only_types', otherwise: ['full_attention'] },
  },
  dense: { ...denseNames, biased: 'mlp_bias', rule: { kind: 'enumerated', key: 'moe_layers_enum' } },
  shared: {
    ...sharedExperts,
    widthKey: 'share_expert_dim',
    countKey: null,
    biased: 'mlp_bias',
    orNamed: projections('model.layers.{l}.share_expert'),
  },
  layouts: [
    {
      kind: 'stacked-apart',
      router: 'model.layers.{l}.moe.gate.weight',
      ...projections('model.layers.{l}.moe'),
    },
    stackedLayout,
  ],
  extraLayersKey: 'num_nextn_predict_layers',
  paddedLists: [
    ...plain.paddedLists,
    ...['rope_theta', 'partial_rotary_factors', 'swiglu_limits', 'swiglu_limits_shared'],
  ],
};

/**
 * Step 3.5: the text model alone, by its maker's formulas, since transformers 5.24 has no class for it: there scaled
 * angles are those of every layer unless a list names kinds of layers.
 */
export const step3p5: Family = {
  ...step3p7,
  modelType: 'step3p5',
  wrapper: null,
  rotary: {
    ...step3p7.rotary,
    scaled: { listKey: 'yarn_only_types', otherwise: ['full_attention', 'sliding_attention'] },
  },
};
