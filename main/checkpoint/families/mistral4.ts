import type { Family } from './family.ts';
import { deepseekV3 } from './deepseek.ts';
import {
  firstDense,
  innerForm,
  inTextConfig,
  latentAttention,
  olderForm,
  plain,
  scaledSoftmax,
  sharedExperts,
} from './shared-names.ts';

/** Mistral 4: latent attention whose queries grow with their position, and probabilities divided by their sum. */
export const mistral4: Family = {
  ...plain,
  modelType: 'mistral4',
  // transformers 5.24 does not list it among text models.
  loader: 'AutoModelForImageTextToText',
  keys: deepseekV3.keys,
  defaults: {
    n_routed_experts: 128,
    num_experts_per_tok: 4,
    moe_intermediate_size: 2048,
    intermediate_size: 12288,
    n_shared_experts: 1,
    first_k_dense_replace: 0,
    n_group: 1,
    topk_group: 1,
    norm_topk_prob: true,
    routed_scaling_factor: 1,
    q_lora_rank: 1024,
    kv_lora_rank: 256,
    qk_nope_head_dim: 64,
    qk_rope_head_dim: 64,
    v_head_dim: 128,
    rms_norm_eps: 1e-6,
    attention_bias: false,
    rope_interleave: true,
    rope_theta: 10000,
    rope_parameters: {
      rope_type: 'yarn',
      rope_theta: 10000,
      factor: 128,
      original_max_position_embeddings: 8192,
      beta_fast: 32,
      beta_slow: 1,
      mscale: 1,
      mscale_all_dim: 1,
      llama_4_scaling_beta: 0.1,
    },
  },
  // transformers 5.24 turns by the angles of heads as wide as it says.
  required: [...plain.required, { key: 'head_dim', sum: ['qk_nope_head_dim', 'qk_rope_head_dim'] }],
  routing: {
    ...scaledSoftmax,
    groups: { countKey: 'n_group', keptKey: 'topk_group', least: 2, when: null },
    renormalise: { when: 'norm_topk_prob', epsilon: 1e-20, as: 'addend' },
  },
  attention: {
    ...latentAttention,
    biased: 'attention_bias',
    temperature: { scaleKey: 'llama_4_scaling_beta', everyKey: 'original_max_position_embeddings' },
  },
  rotary: { ...plain.rotary, interleaved: 'rope_interleave' },
  dense: firstDense,
  shared: sharedExperts,
};

/** Mistral Small 4: the text model within that of text and images. Other text models of this type are dense. */
export const mistral3: Family = {
  ...mistral4,
  modelType: 'mistral3',
  wrapper: {
    ...inTextConfig,
    modelTypes: ['mistral4'],
    forms: [olderForm, innerForm],
    carried: ['vision_tower.', 'multi_modal_projector.', 'model.vision_tower.', 'model.multi_modal_projector.'],
  },
};
