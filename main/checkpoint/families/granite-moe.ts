import type { Family } from './family.ts';
import { groupedAttention, plain, silu, softmaxOfChosen, unquantised } from './shared-names.ts';

/** GraniteMoE (IBM Granite 3.0). */
export const graniteMoe: Family = {
  ...plain,
  modelType: 'granitemoe',
  keys: {
    experts: ['num_local_experts', 'num_experts'],
    topK: 'num_experts_per_tok',
    expertWidth: 'intermediate_size',
  },
  defaults: {
    num_local_experts: 8,
    num_experts_per_tok: 2,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    attention_bias: false,
    embedding_multiplier: 1,
    residual_multiplier: 1,
    attention_multiplier: 1,
    logits_scaling: 1,
  },
  required: [silu, unquantised],
  routing: softmaxOfChosen,
  attention: { ...groupedAttention, queryKeyValueBias: 'attention_bias', outputBias: 'attention_bias' },
  multipliers: {
    embedding: 'embedding_multiplier',
    residual: 'residual_multiplier',
    attention: 'attention_multiplier',
    logits: 'logits_scaling',
  },
  layouts: [
    {
      kind: 'stacked-rows',
      router: 'model.layers.{l}.block_sparse_moe.router.layer.weight',
      gateUp: 'model.layers.{l}.block_sparse_moe.input_linear.weight',
      down: 'model.layers.{l}.block_sparse_moe.output_linear.weight',
    },
  ],
};

/** GraniteMoE with a shared expert (IBM Granite 3). */
export const graniteMoeShared: Family = {
  ...graniteMoe,
  modelType: 'granitemoeshared',
  defaults: { ...graniteMoe.defaults, shared_intermediate_size: 0 },
  shared: {
    widthKey: 'shared_intermediate_size',
    countKey: null,
    gateUp: 'model.layers.{l}.shared_mlp.input_linear.weight',
    down: 'model.layers.{l}.shared_mlp.output_linear.weight',
    biased: false,
    scale: null,
  },
  layouts: [
    ...graniteMoe.layouts,
    {
      kind: 'stacked-rows',
      router: 'model.layers.{l}.block_sparse_moe.router.weight',
      gateUp: 'model.layers.{l}.block_sparse_moe.experts.gate_up_proj',
      down: 'model.layers.{l}.block_sparse_moe.experts.down_proj',
    },
  ],
};
