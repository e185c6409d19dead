import type { Family } from './family.ts';
import {
  correctedSigmoid,
  firstOrListedDense,
  groupedAttention,
  headNorms,
  plain,
  sharedExperts,
} from './shared-names.ts';

/** K-EXAONE (arXiv 2601.01739): only layers with a window rotate. */
export const exaoneMoe: Family = {
  ...plain,
  modelType: 'exaone_moe',
  keys: { experts: ['num_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  defaults: {
    num_experts: 128,
    num_experts_per_tok: 8,
    moe_intermediate_size: 1024,
    num_shared_experts: 1,
    first_k_dense_replace: 1,
    n_group: 1,
    topk_group: 1,
    routed_scaling_factor: 2.5,
    norm_topk_prob: true,
    sliding_window: 4096,
    sliding_window_pattern: 4,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
  },
  required: [
    ...plain.required,
    { key: 'scoring_func', values: ['sigmoid'] },
    { key: 'topk_method', values: ['noaux_tc'] },
  ],
  layerLists: [{ key: 'is_moe_layer', says: 'moe' }],
  routing: {
    ...correctedSigmoid,
    correction: ['model.layers.{l}.mlp.e_score_correction_bias', 'model.layers.{l}.mlp.gate.e_score_correction_bias'],
  },
  attention: { ...groupedAttention, norms: headNorms },
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'all-but', every: 'sliding_window_pattern' } },
  rotary: { ...plain.rotary, on: 'sliding' },
  dense: firstOrListedDense,
  shared: { ...sharedExperts, countKey: 'num_shared_experts' },
  paddedLists: [...plain.paddedLists, 'is_moe_layer'],
  unused: ['mtp.'],
};
