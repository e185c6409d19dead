import type { Family } from './family.ts';
import {
  biasedAttention,
  commonNames,
  denseNames,
  headNorms,
  inTextConfig,
  partialRotary,
  plain,
  softmaxOver,
  stackedRows,
  unquantised,
} from './shared-names.ts';

const layer = 'model.layers.{l}';

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
