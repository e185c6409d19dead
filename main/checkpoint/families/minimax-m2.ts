import type { Family } from './family.ts';
import {
  commonScalings,
  correctedSigmoid,
  groupedAttention,
  mixtralLayout,
  partialRotary,
  plain,
  silu,
  stackedLayout,
  wholeNorms,
} from './shared-names.ts';

/** MiniMax-M2; also in FP8. */
export const minimaxM2: Family = {
  ...plain,
  modelType: 'minimax_m2',
  keys: { experts: ['num_local_experts'], topK: 'num_experts_per_tok', expertWidth: 'intermediate_size' },
  defaults: {
    num_local_experts: 256,
    num_experts_per_tok: 8,
    intermediate_size: 1536,
    head_dim: 128,
    partial_rotary_factor: 1,
    rms_norm_eps: 1e-6,
    rope_theta: 5e6,
  },
  required: [
    silu,
    { key: 'qk_norm_type', values: ['per_layer'] },
    { key: 'use_qk_norm', values: [true] },
    { key: 'scoring_func', values: ['sigmoid'] },
    { key: 'use_routing_bias', values: [true] },
    { key: 'shared_intermediate_size', values: [0] },
    { key: 'attn_type_list', values: [1] },
  ],
  routing: {
    ...correctedSigmoid,
    correction: [
      'model.layers.{l}.block_sparse_moe.e_score_correction_bias',
      'model.layers.{l}.mlp.e_score_correction_bias',
    ],
    groups: null,
    renormalise: { when: true, epsilon: 0, as: 'addend' },
    scaleKey: null,
  },
  attention: { ...groupedAttention, norms: wholeNorms },
  rotary: {
    ...partialRotary,
    dimensionsKey: 'rotary_dim',
    scalings: [...commonScalings, 'yarn'],
  },
  layouts: [mixtralLayout, stackedLayout],
};
