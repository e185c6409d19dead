import type { Family } from './family.ts';
import {
  biasedAttention,
  denseNames,
  expertKeys,
  gateUpAndDown,
  groupedAttention,
  headNorms,
  inTextConfig,
  partialRotary,
  plain,
  silu,
  softmaxOver,
  stackedLayout,
} from './shared-names.ts';

const sparseStep = {
  ...denseNames,
  rule: { kind: 'sparse-step', stepKey: 'decoder_sparse_step', listKey: 'mlp_only_layers' },
} as const;
const switchedWindow = {
  kind: 'switched',
  key: 'sliding_window',
  switchKey: 'use_sliding_window',
} as const;

const sharedExpert = {
  widthKey: 'shared_expert_intermediate_size',
  countKey: null,
  ...gateUpAndDown('model.layers.{l}.mlp.shared_expert'),
  biased: false,
  scale: 'model.layers.{l}.mlp.shared_expert_gate.weight',
} as const;

/** Qwen1.5-MoE and Qwen2-MoE (arXiv 2407.10671). */
export const qwen2Moe: Family = {
  ...plain,
  modelType: 'qwen2_moe',
  keys: expertKeys('num_experts'),
  defaults: {
    num_experts: 60,
    num_experts_per_tok: 4,
    moe_intermediate_size: 1408,
    intermediate_size: 5632,
    norm_topk_prob: false,
    shared_expert_intermediate_size: 5632,
    decoder_sparse_step: 1,
    mlp_only_layers: [],
    qkv_bias: true,
    use_sliding_window: false,
    max_window_layers: 28,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
  },
  routing: softmaxOver('norm_topk_prob'),
  attention: { ...groupedAttention, queryKeyValueBias: 'qkv_bias' },
  window: { ...switchedWindow, belowKey: 'max_window_layers' },
  dense: sparseStep,
  shared: sharedExpert,
};

/** Attention of Qwen3: queries and keys are normed for each head. */
const normedAttention = { ...biasedAttention, norms: headNorms } as const;

/** Qwen3-MoE (arXiv 2505.09388); also in FP8. */
export const qwen3Moe: Family = {
  ...plain,
  modelType: 'qwen3_moe',
  keys: expertKeys('num_experts'),
  defaults: {
    num_experts: 128,
    num_experts_per_tok: 8,
    moe_intermediate_size: 768,
    intermediate_size: 6144,
    norm_topk_prob: false,
    decoder_sparse_step: 1,
    mlp_only_layers: [],
    attention_bias: false,
    use_sliding_window: false,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
  },
  required: [silu],
  routing: softmaxOver('norm_topk_prob'),
  attention: normedAttention,
  window: { ...switchedWindow, belowKey: null },
  dense: sparseStep,
};

const linearAttention = {
  words: ['linear_attention'],
  attentionWords: ['full_attention'],
  everyKey: 'full_attention_interval',
} as const;

/** Qwen3-Next: gated delta nets in most layers; attention in the others, with a gate in the query's projection. */
export const qwen3Next: Family = {
  ...plain,
  modelType: 'qwen3_next',
  keys: { experts: ['num_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  defaults: {
    num_experts: 512,
    num_experts_per_tok: 10,
    moe_intermediate_size: 512,
    intermediate_size: 5632,
    shared_expert_intermediate_size: 512,
    norm_topk_prob: true,
    decoder_sparse_step: 1,
    mlp_only_layers: [],
    head_dim: 256,
    attention_bias: false,
    partial_rotary_factor: 0.25,
    full_attention_interval: 4,
    linear_num_key_heads: 16,
    linear_num_value_heads: 32,
    linear_key_head_dim: 128,
    linear_value_head_dim: 128,
    linear_conv_kernel_dim: 4,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
  },
  norm: 'rms-plus-one',
  routing: softmaxOver('norm_topk_prob'),
  attention: { ...normedAttention, gate: 'in-query' },
  state: {
    ...linearAttention,
    operator: { kind: 'delta', prefix: 'model.layers.{l}.linear_attn.', rows: 'by-head' },
  },
  rotary: partialRotary,
  dense: sparseStep,
  shared: sharedExpert,
  unused: ['mtp.'],
};

/**
 * The text model of Qwen3.5: that of Qwen3-Next with experts in every layer, and projections one kind after another.
 */
export const qwen35MoeText: Family = {
  ...qwen3Next,
  modelType: 'qwen3_5_moe_text',
  renamed: [{ when: /^model\.language_model\./, names: [['model.', 'model.language_model.']] }],
  defaults: {
    ...qwen3Next.defaults,
    num_experts: 256,
    num_experts_per_tok: 8,
  },
  required: [...plain.required, { key: 'attn_output_gate', values: [true] }, { key: 'norm_topk_prob', values: [true] }],
  routing: softmaxOver(true),
  state: {
    ...linearAttention,
    operator: { kind: 'delta', prefix: 'model.layers.{l}.linear_attn.', rows: 'by-kind' },
  },
  dense: null,
};

/** Qwen3.5: the text model within that of text and images. */
export const qwen35Moe: Family = {
  ...qwen35MoeText,
  modelType: 'qwen3_5_moe',
  wrapper: {
    ...inTextConfig,
    modelTypes: ['qwen3_5_moe_text'],
    loader: 'AutoModelForCausalLM',
    carried: ['model.visual.'],
  },
};

/** Mellum 2: Qwen3-MoE with angles and windows by kind of layer. */
export const mellum: Family = {
  ...qwen3Moe,
  modelType: 'mellum',
  defaults: {
    ...qwen3Moe.defaults,
    num_experts: 64,
    moe_intermediate_size: 896,
    intermediate_size: 7168,
    norm_topk_prob: true,
    head_dim: 128,
    sliding_window: 1024,
    rope_theta: 500_000,
    rope_parameters: {
      full_attention: { rope_type: 'default', rope_theta: 500_000 },
      sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
    },
  },
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'from', key: 'num_hidden_layers' } },
  dense: { ...denseNames, rule: { kind: 'first', key: 'first_k_dense_replace', types: true } },
  extraLayersKey: 'num_nextn_predict_layers',
};

/** Qwen3-VL: the text model of Qwen3-MoE, whose tokens have one position each where there is no image. */
export const qwen3VlMoe: Family = {
  ...qwen3Moe,
  modelType: 'qwen3_vl_moe',
  defaults: {
    ...qwen3Moe.defaults,
    num_experts: 60,
    num_experts_per_tok: 4,
    moe_intermediate_size: 1408,
    intermediate_size: 5632,
    rope_theta: 500_000,
  },
  required: [silu, { key: 'norm_topk_prob', values: [true] }],
  routing: softmaxOver(true),
  window: { kind: 'never' },
  wrapper: { ...inTextConfig, modelTypes: ['qwen3_vl_moe_text'], carried: ['model.visual.'] },
  layouts: [
    {
      kind: 'stacked-columns',
      router: 'model.layers.{l}.mlp.gate.weight',
      gateUp: 'model.layers.{l}.mlp.experts.gate_up_proj',
      down: 'model.layers.{l}.mlp.experts.down_proj',
    },
    stackedLayout,
  ],
};
