import type { Family } from './family.ts';
import {
  biasedAttention,
  correctedSigmoid,
  expertKeys,
  firstOrListedDense,
  headNorms,
  plain,
  sharedExperts,
} from './shared-names.ts';

/** Hunyuan 3: norms per head, and a router of sigmoids that are corrected for the choice. */
export const hyV3: Family = {
  ...plain,
  modelType: 'hy_v3',
  keys: expertKeys('num_experts'),
  defaults: {
    num_experts: 192,
    num_experts_per_tok: 8,
    moe_intermediate_size: 1536,
    intermediate_size: 13312,
    num_shared_experts: 1,
    router_scaling_factor: 2.826,
    head_dim: 128,
    attention_bias: false,
    mlp_bias: false,
    first_k_dense_replace: 1,
    rms_norm_eps: 1e-5,
    rope_theta: 11_158_840,
  },
  required: [
    ...plain.required,
    // transformers makes the first layer dense unless `mlp_layer_types` says otherwise.
    { key: 'first_k_dense_replace', values: [1] },
  ],
  renamed: [
    {
      when: /\.mlp\.router\.gate\./,
      isPublished: true,
      names: [
        ['.mlp.gate.weight', '.mlp.router.gate.weight'],
        ['.mlp.e_score_correction_bias', '.mlp.expert_bias'],
        ['.mlp.shared_experts.', '.mlp.shared_mlp.'],
      ],
    },
  ],
  routing: {
    ...correctedSigmoid,
    correction: ['model.layers.{l}.mlp.e_score_correction_bias'],
    groups: null,
    renormalise: { when: true, epsilon: 1e-20, as: 'addend' },
    scaleKey: 'router_scaling_factor',
  },
  attention: { ...biasedAttention, norms: headNorms },
  dense: { ...firstOrListedDense, biased: 'mlp_bias' },
  shared: { ...sharedExperts, countKey: 'num_shared_experts', biased: 'mlp_bias' },
};
