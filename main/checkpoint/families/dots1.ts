import type { Family } from './family.ts';
import { biasedAttention, correctedSigmoid, firstDense, headNorms, plain, sharedExperts } from './shared-names.ts';

/** dots.llm1 (arXiv 2506.05767). */
export const dots1: Family = {
  ...plain,
  modelType: 'dots1',
  keys: { experts: ['n_routed_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  defaults: {
    moe_intermediate_size: 1408,
    first_k_dense_replace: 0,
    n_group: 1,
    topk_group: 1,
    routed_scaling_factor: 1,
    norm_topk_prob: false,
    intermediate_size: 4608,
    attention_bias: false,
    sliding_window: 4096,
    max_window_layers: 62,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
  },
  required: [
    ...plain.required,
    { key: 'moe_layer_freq', values: [1] },
    { key: 'scoring_func', values: ['noaux_tc', 'sigmoid'] },
  ],
  routing: correctedSigmoid,
  attention: { ...biasedAttention, norms: headNorms },
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'from', key: 'max_window_layers' } },
  dense: firstDense,
  shared: sharedExperts,
};
