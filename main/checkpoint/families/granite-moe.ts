import type { Family } from './family.ts';
import { biasedAttention, mixtralKeys, plain, softmaxOfChosen, stackedRows } from './shared-names.ts';

/** GraniteMoE (IBM Granite 3.0). */
export const graniteMoe: Family = {
  ...plain,
  modelType: 'granitemoe',
  keys: mixtralKeys,
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
  routing: softmaxOfChosen,
  attention: biasedAttention,
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
    stackedRows('model.layers.{l}.block_sparse_moe.router.weight', 'model.layers.{l}.block_sparse_moe.experts'),
  ],
};

/** Granite 4: layers of GraniteMoE with a shared expert, most of them with Mamba-2 in place of attention. */
export const graniteMoeHybrid: Family = {
  ...graniteMoeShared,
  modelType: 'granitemoehybrid',
  defaults: {
    ...graniteMoeShared.defaults,
    shared_intermediate_size: 1024,
    mamba_n_heads: 128,
    mamba_d_head: 'auto',
    mamba_d_state: 256,
    mamba_n_groups: 1,
    mamba_d_conv: 4,
    mamba_expand: 2,
    mamba_conv_bias: true,
    mamba_proj_bias: false,
    time_step_limit: [0, Infinity],
  },
  state: {
    words: ['mamba', 'linear_attention'],
    attentionWords: ['attention', 'full_attention'],
    everyKey: null,
    operator: {
      kind: 'mamba',
      prefix: 'model.layers.{l}.mamba.',
      keys: {
        heads: 'mamba_n_heads',
        headDimension: 'mamba_d_head',
        stateDimension: 'mamba_d_state',
        groups: 'mamba_n_groups',
        kernel: 'mamba_d_conv',
        convolutionBias: 'mamba_conv_bias',
        bias: 'mamba_proj_bias',
      },
      expandKey: 'mamba_expand',
      limits: { bothKey: 'time_step_limit' },
    },
  },
  rotary: { ...plain.rotary, on: { key: 'position_embedding_type', value: 'rope' } },
};
