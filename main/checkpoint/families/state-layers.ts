import type { Family } from './family.ts';
import {
  apartOrStacked,
  commonNames,
  correctedSigmoid,
  denseNames,
  expertKeys,
  groupedAttention,
  headNorms,
  numbered,
  plain,
  projections,
  softmaxOver,
  ungroupedSigmoid,
  unquantised,
} from './shared-names.ts';

/** Operators with a state in most layers: LFM2, Jamba, Nemotron-H. */

const layer = 'model.layers.{l}';
const feedForward = `${layer}.feed_forward`;

/** LFM2-MoE: short convolutions in most layers, attention in the others. */
export const lfm2Moe: Family = {
  ...plain,
  modelType: 'lfm2_moe',
  keys: { experts: ['num_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  aliases: { rms_norm_eps: 'norm_eps', tie_word_embeddings: 'tie_embedding' },
  defaults: {
    num_experts: 32,
    num_experts_per_tok: 4,
    moe_intermediate_size: 1792,
    intermediate_size: 7168,
    num_dense_layers: 2,
    norm_topk_prob: true,
    use_expert_bias: true,
    routed_scaling_factor: 1,
    conv_L_cache: 3,
    conv_bias: false,
    rms_norm_eps: 1e-5,
    rope_theta: 1000000,
    tie_word_embeddings: true,
  },
  required: [
    unquantised,
    { key: 'block_auto_adjust_ff_dim', values: [false, null] },
    { key: 'use_pos_enc', values: [true, null] },
  ],
  names: {
    ...commonNames,
    finalNorm: 'model.embedding_norm.weight',
    attentionNorm: 'model.layers.{l}.operator_norm.weight',
    feedForwardNorm: 'model.layers.{l}.ffn_norm.weight',
  },
  routing: {
    ...ungroupedSigmoid('norm_topk_prob', 1e-6),
    correction: [`${feedForward}.expert_bias`],
    correctionWhen: 'use_expert_bias',
  },
  attention: {
    ...groupedAttention,
    output: 'model.layers.{l}.self_attn.out_proj.weight',
    norms: {
      ...headNorms,
      query: 'model.layers.{l}.self_attn.q_layernorm.weight',
      key: 'model.layers.{l}.self_attn.k_layernorm.weight',
    },
  },
  state: {
    words: ['conv'],
    attentionWords: ['full_attention'],
    everyKey: null,
    operator: {
      kind: 'convolution',
      input: 'model.layers.{l}.conv.in_proj.weight',
      convolution: 'model.layers.{l}.conv.conv.weight',
      output: 'model.layers.{l}.conv.out_proj.weight',
      kernelKey: 'conv_L_cache',
      biased: 'conv_bias',
    },
  },
  dense: {
    ...denseNames,
    rule: { kind: 'first', key: 'num_dense_layers' },
    gate: `${feedForward}.w1.weight`,
    up: `${feedForward}.w3.weight`,
    down: `${feedForward}.w2.weight`,
  },
  layouts: apartOrStacked(`${feedForward}.gate.weight`, `${feedForward}.experts`, numbered),
};

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
  layouts: apartOrStacked(`${feedForward}.router.weight`, `${feedForward}.experts`),
};

const mixer = `${layer}.mixer`;

/**
 * Nemotron-H (arXiv 2504.03624) with experts (Nemotron 3): every layer is Mamba-2, attention without positions, experts
 * or a dense network alone. Networks are relu(up x)^2 without a gate; experts may work on a projection of the tokens.
 */
export const nemotronH: Family = {
  ...plain,
  modelType: 'nemotron_h',
  keys: { experts: ['n_routed_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  aliases: { rms_norm_eps: 'layer_norm_epsilon' },
  defaults: {
    n_routed_experts: 8,
    num_experts_per_tok: 2,
    moe_intermediate_size: 7688,
    moe_shared_expert_intermediate_size: 7688,
    n_group: 1,
    topk_group: 1,
    norm_topk_prob: true,
    routed_scaling_factor: 1,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    head_dim: 128,
    mamba_num_heads: 128,
    mamba_head_dim: 64,
    ssm_state_size: 128,
    n_groups: 8,
    conv_kernel: 4,
    use_conv_bias: true,
    use_bias: false,
    mlp_bias: false,
    time_step_min: 0.001,
  },
  required: [
    unquantised,
    { key: 'mlp_hidden_act', values: ['relu2'] },
    { key: 'mamba_hidden_act', values: ['silu'] },
    { key: 'sliding_window', values: [null] },
    { key: 'mamba_dt_min', equals: 'time_step_min' },
  ],
  renamed: [{ when: /^backbone\./, isPublished: true, names: [['model.', 'backbone.']] }],
  halves: {
    listKey: 'layers_block_type',
    lettersKey: 'hybrid_override_pattern',
    experts: ['moe', 'E'],
    dense: ['mlp', '-'],
  },
  activation: { kind: 'relu2' },
  names: {
    ...commonNames,
    embedding: 'model.embeddings.weight',
    finalNorm: 'model.norm_f.weight',
    attentionNorm: `${layer}.norm.weight`,
    feedForwardNorm: `${layer}.norm.weight`,
  },
  routing: { ...correctedSigmoid, correction: [`${mixer}.gate.e_score_correction_bias`] },
  attention: {
    ...groupedAttention,
    query: `${mixer}.q_proj.weight`,
    key: `${mixer}.k_proj.weight`,
    value: `${mixer}.v_proj.weight`,
    output: `${mixer}.o_proj.weight`,
  },
  state: {
    words: ['mamba', 'linear_attention', 'M'],
    attentionWords: ['attention', 'full_attention', '*'],
    everyKey: null,
    operator: {
      kind: 'mamba',
      prefix: `${mixer}.`,
      keys: {
        heads: 'mamba_num_heads',
        headDimension: 'mamba_head_dim',
        stateDimension: 'ssm_state_size',
        groups: 'n_groups',
        kernel: 'conv_kernel',
        convolutionBias: 'use_conv_bias',
        bias: 'use_bias',
      },
      expandKey: null,
      limits: { lowerKey: 'time_step_min' },
    },
  },
  rotary: { ...plain.rotary, on: 'never' },
  dense: {
    rule: { kind: 'half' },
    widthKey: 'intermediate_size',
    biased: 'mlp_bias',
    gate: null,
    up: `${mixer}.up_proj.weight`,
    down: `${mixer}.down_proj.weight`,
  },
  shared: {
    widthKey: 'moe_shared_expert_intermediate_size',
    countKey: null,
    gateUp: { gate: null, up: `${mixer}.shared_experts.up_proj.weight` },
    down: `${mixer}.shared_experts.down_proj.weight`,
    biased: 'mlp_bias',
    scale: null,
  },
  latent: {
    sizeKey: 'moe_latent_size',
    into: `${mixer}.fc1_latent_proj.weight`,
    back: `${mixer}.fc2_latent_proj.weight`,
    biased: 'mlp_bias',
  },
  unused: ['mtp.', 'model.mtp.'],
  layouts: [
    {
      kind: 'per-expert',
      router: `${mixer}.gate.weight`,
      prefix: `${mixer}.experts.`,
      gate: null,
      up: 'up_proj.weight',
      down: 'down_proj.weight',
    },
    {
      kind: 'stacked-apart',
      router: `${mixer}.gate.weight`,
      gate: null,
      up: `${mixer}.experts.up_proj`,
      down: `${mixer}.experts.down_proj`,
    },
  ],
};
