import type { Family, OperatorRecord } from './family.ts';
import {
  correctedSigmoid,
  expertsApart,
  firstOrListedDense,
  latentAttention,
  numbered,
  plain,
  sharedExperts,
  stackedLayout,
} from './shared-names.ts';

/** Kimi delta attention, with decays and gates of full rank. */
export const channelDelta: OperatorRecord = {
  kind: 'channel-delta',
  prefix: 'model.layers.{l}.self_attn.',
  keys: {
    heads: 'linear_num_heads',
    dimension: 'linear_head_dim',
    kernel: 'linear_conv_kernel_dim',
    bounded: 'kda_safe_gate',
    bound: 'kda_lower_bound',
  },
};

/**
 * Kimi Linear (arXiv 2510.26692): Kimi delta attention in most layers, with decays and gates of low rank; latent
 * attention without positions in the others.
 */
export const kimiLinear: Family = {
  ...plain,
  modelType: 'kimi_linear',
  keys: {
    experts: ['num_experts', 'num_local_experts'],
    topK: 'num_experts_per_token',
    expertWidth: 'moe_intermediate_size',
  },
  aliases: {
    max_position_embeddings: 'model_max_length',
    num_experts_per_token: 'num_experts_per_tok',
    num_expert_group: 'n_group',
    moe_renormalize: 'norm_topk_prob',
    num_shared_experts: 'n_shared_experts',
  },
  inner: [
    {
      key: 'linear_attn_config',
      keys: {
        head_dim: 'linear_head_dim',
        num_heads: 'linear_num_heads',
        short_conv_kernel_size: 'linear_conv_kernel_dim',
      },
      layers: { full_attn_layers: 'full_attention', kda_layers: 'linear_attention' },
    },
  ],
  renamed: [
    // As `save_pretrained` of transformers 5.24 writes it.
    {
      when: /\.block_sparse_moe\.gate_proj\./,
      names: [
        ['.self_attn.forget_gate.', '.self_attn.'],
        ['.mlp.', '.block_sparse_moe.'],
      ],
    },
    {
      when: /\.block_sparse_moe\./,
      isPublished: true,
      names: [
        ['.self_attn.forget_gate.', '.self_attn.'],
        ['.mlp.gate.', '.block_sparse_moe.gate.'],
        ['.mlp.experts.', '.block_sparse_moe.experts.'],
        ['.mlp.shared_experts.', '.block_sparse_moe.shared_experts.'],
      ],
    },
  ],
  defaults: {
    num_experts: 256,
    num_experts_per_token: 8,
    moe_intermediate_size: 1024,
    intermediate_size: 9216,
    num_shared_experts: 1,
    num_expert_group: 1,
    topk_group: 1,
    moe_renormalize: true,
    routed_scaling_factor: 2.446,
    first_k_dense_replace: 1,
    kv_lora_rank: 512,
    qk_nope_head_dim: 128,
    qk_rope_head_dim: 64,
    v_head_dim: 128,
    linear_head_dim: 128,
    linear_num_heads: 32,
    linear_conv_kernel_dim: 4,
    kda_safe_gate: false,
    attention_bias: false,
    max_position_embeddings: 1_048_576,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
  },
  required: [
    ...plain.required,
    { key: 'mla_use_nope', values: [true] },
    { key: 'moe_layer_freq', values: [1] },
    { key: 'moe_router_activation_func', values: ['sigmoid'] },
  ],
  routing: {
    ...correctedSigmoid,
    groups: { countKey: 'num_expert_group', keptKey: 'topk_group', least: 2, when: null },
    renormalise: { when: 'moe_renormalize', epsilon: 1e-20, as: 'addend' },
  },
  attention: { ...latentAttention, biased: 'attention_bias' },
  state: {
    words: ['linear_attention'],
    attentionWords: ['full_attention'],
    everyKey: null,
    operator: { ...channelDelta, isLowRank: true },
  },
  rotary: { ...plain.rotary, on: 'never' },
  dense: firstOrListedDense,
  shared: { ...sharedExperts, countKey: 'num_shared_experts' },
  layouts: [expertsApart('model.layers.{l}.mlp.gate.weight', 'model.layers.{l}.mlp.experts', numbered), stackedLayout],
  extraLayersKey: 'num_nextn_predict_layers',
};
