import type { Family } from './family.ts';
import {
  biasedAttention,
  commonScalings,
  denseNames,
  headNorms,
  innerForm,
  inTextConfig,
  partialRotary,
  plain,
  projections,
  sharedExperts,
  stackedLayout,
  ungroupedSigmoid,
} from './shared-names.ts';

/** Step 3.7 (text model Step 3.5): norms without one, a gate per head, more query heads in layers with a window. */
export const step3p7: Family = {
  ...plain,
  modelType: 'step3p7',
  wrapper: {
    ...inTextConfig,
    modelTypes: ['step3p5'],
    forms: [innerForm, { 'model.': 'model.', 'lm_head.': 'lm_head.' }],
    carried: ['vision_model.', 'vit_large_projector.', 'model.vision_model.', 'model.multi_modal_projector.'],
  },
  keys: {
    experts: ['n_routed_experts', 'moe_num_experts'],
    topK: 'num_experts_per_tok',
    expertWidth: 'moe_intermediate_size',
  },
  aliases: { num_experts_per_tok: 'moe_top_k', num_key_value_heads: 'num_attention_groups' },
  defaults: {
    moe_router_scaling_factor: 1,
    attention_bias: false,
    mlp_bias: false,
    partial_rotary_factor: 1,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
  },
  layerLists: [{ key: 'per_layer_config', says: 'heads' }],
  required: [
    ...plain.required,
    { key: 'moe_router_activation', values: ['sigmoid'] },
    { key: 'use_moe_router_bias', values: [true] },
    { key: 'norm_expert_weight', values: [true] },
    { key: 'use_head_wise_attn_gate', values: [true] },
    { key: 'query_pre_attn_scalar', equals: 'head_dim' },
    { key: 'yarn_only_types', values: ['full_attention'] },
  ],
  activation: { kind: 'limited', limitsKey: 'swiglu_limits', denseLimitsKey: 'swiglu_limits_shared' },
  norm: 'rms-plus-one',
  routing: {
    ...ungroupedSigmoid(true, 0),
    correction: ['model.layers.{l}.moe.router_bias', 'model.layers.{l}.mlp.gate.e_score_correction_bias'],
    scaleKey: 'moe_router_scaling_factor',
  },
  attention: {
    ...biasedAttention,
    norms: headNorms,
    slidingHeads: {
      key: 'num_sliding_attention_heads',
      within: 'attention_other_setting',
      inner: 'num_attention_heads',
    },
    gate: { name: 'model.layers.{l}.self_attn.g_proj.weight', per: 'head' },
  },
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'unknown' } },
  rotary: {
    ...partialRotary,
    partialsKey: 'partial_rotary_factors',
    scalings: commonScalings,
    scaled: { listKey: 'yarn_only_types', otherwise: ['full_attention'] },
  },
  dense: { ...denseNames, biased: 'mlp_bias', rule: { kind: 'enumerated', key: 'moe_layers_enum' } },
  shared: {
    ...sharedExperts,
    widthKey: 'share_expert_dim',
    countKey: null,
    biased: 'mlp_bias',
    orNamed: projections('model.layers.{l}.share_expert'),
  },
  layouts: [
    {
      kind: 'stacked-apart',
      router: 'model.layers.{l}.moe.gate.weight',
      ...projections('model.layers.{l}.moe'),
    },
    stackedLayout,
  ],
  extraLayersKey: 'num_nextn_predict_layers',
  paddedLists: [
    ...plain.paddedLists,
    ...['rope_theta', 'partial_rotary_factors', 'swiglu_limits', 'swiglu_limits_shared'],
  ],
};

/**
 * Step 3.5: the text model alone, by its maker's formulas, since transformers 5.24 has no class for it: there scaled
 * angles are those of every layer unless a list names kinds of layers.
 */
export const step3p5: Family = {
  ...step3p7,
  modelType: 'step3p5',
  wrapper: null,
  rotary: {
    ...step3p7.rotary,
    scaled: { listKey: 'yarn_only_types', otherwise: ['full_attention', 'sliding_attention'] },
  },
};
