import type { Family } from './family.ts';
import { biasedAttention, mixtralKeys, mixtralLayout, plain, stackedRows } from './shared-names.ts';

/** Phi-3.5-MoE (arXiv 2404.14219), routed by SparseMixer-v2. */
export const phimoe: Family = {
  ...plain,
  modelType: 'phimoe',
  keys: mixtralKeys,
  defaults: {
    num_local_experts: 16,
    num_experts_per_tok: 2,
    intermediate_size: 6400,
    router_jitter_noise: 0.01,
    attention_bias: false,
    lm_head_bias: false,
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
  },
  required: [...plain.required, { key: 'num_experts_per_tok', values: [2] }],
  routing: { kind: 'sparsemixer', jitterKey: 'router_jitter_noise' },
  norm: 'layer',
  headBiasKey: 'lm_head_bias',
  attention: biasedAttention,
  window: { kind: 'always', key: 'sliding_window' },
  rotary: { ...plain.rotary, scalings: ['default', 'longrope'] },
  layouts: [mixtralLayout, stackedRows('model.layers.{l}.mlp.router.weight', 'model.layers.{l}.mlp.experts')],
};
