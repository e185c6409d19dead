import type { Family, OperatorRecord } from './family.ts';
import {
  correctedSigmoid,
  expertsApart,
  firstDense,
  firstOrListedDense,
  groupedAttention,
  headNorms,
  latentAttention,
  numbered,
  partialRotary,
  plain,
  sharedExperts,
  softmaxOver,
  stackedLayout,
} from './shared-names.ts';

/** Kimi delta attention: Kimi Linear, and Ling with its earlier versions. */

/** Kimi delta attention, with decays and gates of full rank. */
const channelDelta: OperatorRecord = {
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

const layer = 'model.layers.{l}';
const lingNames = { ...plain.names, embedding: 'model.word_embeddings.weight' };
const lingAttention = {
  ...groupedAttention,
  joined: `${layer}.attention.query_key_value.weight`,
  output: `${layer}.attention.dense.weight`,
  queryKeyValueBias: 'use_qkv_bias',
  outputBias: 'use_bias',
} as const;

/** Ling and Ring (arXiv 2503.05139): queries, keys and values in one matrix, a softmax router, a shared expert. */
export const bailingMoe: Family = {
  ...plain,
  modelType: 'bailing_moe',
  unless: { key: 'score_function', value: 'sigmoid', modelType: 'bailing_moe_v2' },
  keys: { experts: ['num_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  defaults: {
    norm_topk_prob: true,
    num_shared_experts: 0,
    first_k_dense_replace: 0,
    use_qkv_bias: false,
    use_bias: false,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
  },
  required: [
    ...plain.required,
    { key: 'norm_head', values: [false] },
    { key: 'norm_softmax', values: [false] },
    { key: 'use_qk_norm', values: [false] },
    { key: 'score_function', values: ['softmax'] },
    { key: 'router_type', values: ['topN'] },
  ],
  names: lingNames,
  routing: softmaxOver('norm_topk_prob'),
  attention: lingAttention,
  dense: firstDense,
  shared: { ...sharedExperts, countKey: 'num_shared_experts' },
};

/** Ling 2 and Ring 2: the same with norms per head, half of each head rotated, and the router of DeepSeek-V3. */
export const bailingMoeV2: Family = {
  ...bailingMoe,
  modelType: 'bailing_moe_v2',
  defaults: {
    ...bailingMoe.defaults,
    num_shared_experts: 1,
    n_group: 8,
    topk_group: 4,
    routed_scaling_factor: 2.5,
    partial_rotary_factor: 0.5,
  },
  required: [
    ...plain.required,
    { key: 'norm_head', values: [false] },
    { key: 'use_qk_norm', values: [true] },
    { key: 'use_rmsnorm', values: [true] },
    { key: 'score_function', values: ['sigmoid'] },
    { key: 'moe_router_enable_expert_bias', values: [true] },
    { key: 'moe_shared_expert_intermediate_size', equals: 'moe_intermediate_size' },
  ],
  routing: { ...correctedSigmoid, correction: [`${layer}.mlp.gate.expert_bias`] },
  attention: {
    ...lingAttention,
    norms: {
      ...headNorms,
      query: `${layer}.attention.query_layernorm.weight`,
      key: `${layer}.attention.key_layernorm.weight`,
    },
  },
  rotary: partialRotary,
  extraLayersKey: 'num_nextn_predict_layers',
};

/** Ling 3: Kimi delta attention in most layers, gated latent attention in the others. */
export const bailingHybrid: Family = {
  ...plain,
  modelType: 'bailing_hybrid',
  keys: { experts: ['num_experts'], topK: 'num_experts_per_token', expertWidth: 'moe_intermediate_size' },
  aliases: {
    max_position_embeddings: 'model_max_length',
    linear_head_dim: 'head_dim',
    linear_num_heads: 'num_attention_heads',
    linear_conv_kernel_dim: 'short_conv_kernel_size',
  },
  renamed: [
    {
      isPublished: true,
      when: /^model\.word_embeddings\.|\.attention\./,
      names: [
        ['model.embed_tokens.', 'model.word_embeddings.'],
        ['.self_attn.o_proj.', '.attention.dense.'],
        ['.self_attn.forget_gate.', '.attention.'],
        ['.self_attn.', '.attention.'],
        ['.gate.e_score_correction_bias', '.gate.expert_bias'],
      ],
    },
  ],
  defaults: {
    num_experts: 512,
    num_experts_per_token: 8,
    num_shared_experts: 1,
    num_expert_group: 8,
    topk_group: 4,
    moe_renormalize: true,
    routed_scaling_factor: 2.5,
    first_k_dense_replace: 2,
    layer_group_size: 6,
    kda_lower_bound: -5,
    kda_safe_gate: true,
    rms_norm_eps: 1e-6,
    rope_theta: 6000000,
    attention_bias: false,
  },
  required: [
    ...plain.required,
    { key: 'score_function', values: ['sigmoid'] },
    { key: 'moe_router_enable_expert_bias', values: [true] },
    { key: 'no_kda_lora', values: [true] },
  ],
  routing: kimiLinear.routing,
  attention: { ...latentAttention, biased: 'attention_bias', gate: 'model.layers.{l}.self_attn.g_proj.weight' },
  state: {
    words: ['linear_attention'],
    attentionWords: ['full_attention'],
    everyKey: 'layer_group_size',
    operator: channelDelta,
  },
  rotary: { ...plain.rotary, interleaved: true },
  dense: firstOrListedDense,
  shared: { ...sharedExperts, countKey: 'num_shared_experts' },
  extraLayersKey: 'num_nextn_predict_layers',
};
