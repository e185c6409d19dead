import type { Family } from './family.ts';
import {
  biasedAttention,
  commonScalings,
  gateUpAndDown,
  plain,
  projLayout,
  softmaxOver,
  stackedLayout,
} from './shared-names.ts';

const router = 'model.layers.{l}.mlp.gate.wg.weight';

/** Hunyuan-A13B. */
export const hunyuanMoe: Family = {
  ...plain,
  modelType: 'hunyuan_v1_moe',
  keys: { experts: ['num_experts'], topK: 'moe_topk', expertWidth: 'intermediate_size' },
  defaults: {
    num_experts: 1,
    moe_topk: 1,
    intermediate_size: 11008,
    attention_bias: false,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
  },
  required: [
    ...plain.required,
    { key: 'moe_intermediate_size', equals: 'intermediate_size' },
    { key: 'attention_head_dim', equals: 'head_dim' },
    { key: 'num_shared_expert', values: [1] },
    { key: 'use_mixed_mlp_moe', values: [true] },
    { key: 'use_qk_norm', values: [true] },
    { key: 'norm_topk_prob', values: [true] },
    { key: 'moe_layer_num_skipped', values: [0] },
    { key: 'use_cla', values: [false] },
  ],
  routing: softmaxOver(true),
  attention: {
    ...biasedAttention,
    norms: {
      over: 'head',
      query: 'model.layers.{l}.self_attn.query_layernorm.weight',
      key: 'model.layers.{l}.self_attn.key_layernorm.weight',
      when: true,
      afterRotation: true,
    },
  },
  rotary: { ...plain.rotary, scalings: [...commonScalings, 'dynamic by alpha'] },
  shared: {
    widthKey: 'intermediate_size',
    countKey: null,
    ...gateUpAndDown('model.layers.{l}.mlp.shared_mlp'),
    biased: false,
    scale: null,
  },
  layouts: [
    { ...projLayout, router },
    { ...stackedLayout, router },
  ],
};
