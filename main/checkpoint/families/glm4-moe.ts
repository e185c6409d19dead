import type { Family } from './family.ts';
import {
  denseNames,
  groupedAttention,
  plain,
  projLayout,
  queryKeyNormNames,
  sharedExperts,
  silu,
  stackedLayout,
  unquantised,
} from './shared-names.ts';

/** GLM-4.5 (arXiv 2508.06471). */
export const glm4Moe: Family = {
  ...plain,
  modelType: 'glm4_moe',
  keys: {
    experts: ['n_routed_experts', 'num_local_experts'],
    topK: 'num_experts_per_tok',
    expertWidth: 'moe_intermediate_size',
  },
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
  required: [silu, unquantised],
  routing: {
    kind: 'sigmoid',
    normalise: 'norm_topk_prob',
    scaleKey: 'routed_scaling_factor',
    groups: { countKey: 'n_group', keptKey: 'topk_group', when: null },
    correction: 'model.layers.{l}.mlp.gate.e_score_correction_bias',
  },
  attention: {
    ...groupedAttention,
    queryKeyValueBias: 'attention_bias',
    norms: { ...queryKeyNormNames, over: 'head', when: 'use_qk_norm' },
  },
  rotary: { interleaved: false, partialKey: 'partial_rotary_factor', scalings: ['default', 'yarn'] },
  dense: { ...denseNames, rule: { kind: 'first', key: 'first_k_dense_replace' } },
  shared: sharedExperts,
  layouts: [projLayout, stackedLayout],
  extraLayersKey: 'num_nextn_predict_layers',
};
