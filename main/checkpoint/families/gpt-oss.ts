import type { Family } from './family.ts';
import { groupedAttention, mixtralKeys, plain, softmaxOfChosen } from './shared-names.ts';

const names = {
  router: 'model.layers.{l}.mlp.router.weight',
  routerBias: 'model.layers.{l}.mlp.router.bias',
  gateUp: 'model.layers.{l}.mlp.experts.gate_up_proj',
  gateUpBias: 'model.layers.{l}.mlp.experts.gate_up_proj_bias',
  down: 'model.layers.{l}.mlp.experts.down_proj',
  downBias: 'model.layers.{l}.mlp.experts.down_proj_bias',
} as const;

/** gpt-oss (arXiv 2508.10925), in bfloat16 or MXFP4. */
export const gptOss: Family = {
  ...plain,
  modelType: 'gpt_oss',
  keys: mixtralKeys,
  defaults: {
    num_local_experts: 128,
    num_experts_per_tok: 4,
    intermediate_size: 2880,
    attention_bias: true,
    rms_norm_eps: 1e-5,
    rope_theta: 150000,
    rope_parameters: {
      rope_type: 'yarn',
      factor: 32,
      beta_fast: 32,
      beta_slow: 1,
      truncate: false,
      original_max_position_embeddings: 4096,
    },
    swiglu_limit: 7,
    swiglu_alpha: 1.702,
    sliding_window: 128,
    head_dim: 64,
  },
  required: [{ key: 'attention_bias', values: [true] }],
  routing: softmaxOfChosen,
  activation: { kind: 'clamped', limitKey: 'swiglu_limit', alphaKey: 'swiglu_alpha' },
  attention: {
    ...groupedAttention,
    queryKeyValueBias: true,
    outputBias: true,
    sinks: { names: ['model.layers.{l}.self_attn.sinks'], on: 'all' },
  },
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'even' } },
  layouts: [
    { ...names, kind: 'interleaved-columns' },
    { ...names, kind: 'interleaved-mxfp4' },
  ],
};
