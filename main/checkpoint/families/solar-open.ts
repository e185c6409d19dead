import type { Family } from './family.ts';
import { correctedSigmoid, groupedAttention, plain, sharedExperts } from './shared-names.ts';

/** Solar Open (arXiv 2601.07022). */
export const solarOpen: Family = {
  ...plain,
  modelType: 'solar_open',
  keys: { experts: ['n_routed_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  defaults: {
    n_routed_experts: 128,
    num_experts_per_tok: 8,
    moe_intermediate_size: 1280,
    n_shared_experts: 1,
    n_group: 1,
    topk_group: 1,
    routed_scaling_factor: 1,
    norm_topk_prob: true,
    attention_bias: false,
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
  },
  required: [
    ...plain.required,
    { key: 'first_k_dense_replace', values: [0] },
    { key: 'partial_rotary_factor', values: [1] },
    { key: 'use_qk_norm', values: [false] },
  ],
  routing: correctedSigmoid,
  attention: { ...groupedAttention, queryKeyValueBias: 'attention_bias' },
  shared: sharedExperts,
};
