import type { Family } from './family.ts';
import {
  biasedAttention,
  commonNames,
  correctedSigmoid,
  denseNames,
  headNorms,
  plain,
  projLayout,
  sharedExperts,
  stackedLayout,
} from './shared-names.ts';

const router = 'model.layers.{l}.mlp.router.gate.weight';

/** Arcee Trinity: gated attention, norms around both branches, rotation only in layers with a window. */
export const afmoe: Family = {
  ...plain,
  modelType: 'afmoe',
  keys: { experts: ['num_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  defaults: {
    num_experts: 64,
    num_experts_per_tok: 6,
    moe_intermediate_size: 1408,
    num_shared_experts: 0,
    num_dense_layers: 1,
    intermediate_size: 6144,
    route_scale: 1,
    attention_bias: false,
    mup_enabled: false,
    sliding_window: 1024,
    global_attn_every_n_layers: 4,
    head_dim: 128,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
  },
  required: [
    ...plain.required,
    { key: 'score_func', values: ['sigmoid'] },
    { key: 'route_norm', values: [true] },
    { key: 'n_group', values: [1] },
    { key: 'topk_group', values: [1] },
  ],
  names: {
    ...commonNames,
    feedForwardNorm: 'model.layers.{l}.pre_mlp_layernorm.weight',
    branchNorms: {
      attention: 'model.layers.{l}.post_attention_layernorm.weight',
      feedForward: 'model.layers.{l}.post_mlp_layernorm.weight',
    },
  },
  embeddingRoot: 'mup_enabled',
  routing: {
    ...correctedSigmoid,
    correction: ['model.layers.{l}.mlp.expert_bias'],
    groups: null,
    renormalise: { when: true, epsilon: 1e-20, as: 'addend' },
    scaleKey: 'route_scale',
  },
  attention: {
    ...biasedAttention,
    norms: headNorms,
    gate: { name: 'model.layers.{l}.self_attn.gate_proj.weight', per: 'value' },
  },
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'all-but', every: 'global_attn_every_n_layers' } },
  rotary: { ...plain.rotary, on: 'sliding' },
  dense: { ...denseNames, rule: { kind: 'first', key: 'num_dense_layers' } },
  shared: { ...sharedExperts, countKey: 'num_shared_experts' },
  layouts: [
    { ...projLayout, router },
    { ...stackedLayout, router },
  ],
};
