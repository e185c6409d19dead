import type { Family } from './family.ts';
import { biasedAttention, plain, softmaxOver, wholeNorms } from './shared-names.ts';

/** OLMoE (arXiv 2409.02060). */
export const olmoe: Family = {
  ...plain,
  modelType: 'olmoe',
  keys: {
    experts: ['num_experts', 'num_local_experts'],
    topK: 'num_experts_per_tok',
    expertWidth: 'intermediate_size',
  },
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
