import type { Family } from './family.ts';
import { biasedAttention, expertKeys, plain, softmaxOver, wholeNorms } from './shared-names.ts';

/** OLMoE (arXiv 2409.02060). */
export const olmoe: Family = {
  ...plain,
  modelType: 'olmoe',
  keys: expertKeys('num_experts', 'intermediate_size'),
  defaults: {
    num_experts: 64,
    num_experts_per_tok: 8,
    intermediate_size: 2048,
    norm_topk_prob: false,
    attention_bias: false,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
  },
  routing: softmaxOver('norm_topk_prob'),
  attention: {
    ...biasedAttention,
    norms: wholeNorms,
    clipKey: 'clip_qkv',
  },
};

/** FlexOlmo (arXiv 2507.07024): OLMoE with norms behind attention and experts in place of those before them. */
export const flexOlmo: Family = {
  ...olmoe,
  modelType: 'flex_olmo',
  defaults: {
    ...olmoe.defaults,
    num_experts: 7,
    num_experts_per_tok: 5,
    intermediate_size: 11008,
    rms_norm_eps: 1e-6,
    rope_theta: 500_000,
  },
  names: {
    ...plain.names,
    attentionNorm: null,
    feedForwardNorm: null,
    branchNorms: {
      attention: 'model.layers.{l}.post_attention_layernorm.weight',
      feedForward: 'model.layers.{l}.post_feedforward_layernorm.weight',
    },
  },
  attention: {
    ...biasedAttention,
    norms: wholeNorms,
  },
};
