import type { Family } from './family.ts';
import { commonNames, correctedSigmoid, groupedAttention, plain, unquantised } from './shared-names.ts';

const layer = 'model.layers.{l}';
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
