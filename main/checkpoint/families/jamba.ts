import type { Family } from './family.ts';
import {
  denseNames,
  expertKeys,
  expertsApart,
  groupedAttention,
  plain,
  projections,
  softmaxOver,
  stackedRows,
} from './shared-names.ts';

const layer = 'model.layers.{l}';
const feedForward = `${layer}.feed_forward`;

/**
 * Jamba (arXiv 2403.19887): Mamba in most layers, attention without positions in every eighth, experts in every second
 * one.
 */
export const jamba: Family = {
  ...plain,
  modelType: 'jamba',
  keys: expertKeys('num_experts', 'intermediate_size'),
  defaults: {
    num_experts: 16,
    num_experts_per_tok: 2,
    intermediate_size: 14336,
    expert_layer_period: 2,
    expert_layer_offset: 1,
    attn_layer_period: 8,
    attn_layer_offset: 4,
    mamba_d_state: 16,
    mamba_d_conv: 4,
    mamba_expand: 2,
    mamba_dt_rank: 'auto',
    mamba_conv_bias: true,
    mamba_proj_bias: false,
    max_position_embeddings: 262_144,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
  },
  required: [...plain.required, { key: 'sliding_window', values: [null] }],
  names: {
    ...plain.names,
    finalNorm: 'model.final_layernorm.weight',
    feedForwardNorm: `${layer}.pre_ff_layernorm.weight`,
  },
  routing: softmaxOver(false),
  attention: groupedAttention,
  state: {
    words: ['mamba', 'linear_attention'],
    attentionWords: ['attention', 'full_attention'],
    everyKey: 'attn_layer_period',
    firstKey: 'attn_layer_offset',
    operator: {
      kind: 'mamba-1',
      prefix: `${layer}.mamba.`,
      keys: {
        stateDimension: 'mamba_d_state',
        rank: 'mamba_dt_rank',
        expand: 'mamba_expand',
        kernel: 'mamba_d_conv',
        convolutionBias: 'mamba_conv_bias',
        bias: 'mamba_proj_bias',
      },
    },
  },
  rotary: { ...plain.rotary, on: 'never' },
  dense: {
    ...denseNames,
    rule: { kind: 'all-but', everyKey: 'expert_layer_period', firstKey: 'expert_layer_offset' },
    ...projections(feedForward),
  },
  layouts: [
    expertsApart(`${feedForward}.router.weight`, `${feedForward}.experts`),
    stackedRows(`${feedForward}.router.weight`, `${feedForward}.experts`),
  ],
};
