import type { Family } from './family.ts';
import {
  correctedSigmoid,
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
} from './shared-names.ts';

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
    n_group: 1,
    topk_group: 1,
    routed_scaling_factor: 1,
    norm_topk_prob: true,
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
    n_group: 1,
    topk_group: 1,
    routed_scaling_factor: 1.8,
    norm_topk_prob: true,
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
