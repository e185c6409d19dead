import type { Family } from './family.ts';
import { channelDelta, kimiLinear } from './kimi-linear.ts';
import {
  correctedSigmoid,
  firstDense,
  firstOrListedDense,
  groupedAttention,
  headNorms,
  latentAttention,
  partialRotary,
  plain,
  sharedExperts,
  softmaxOver,
} from './shared-names.ts';

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
