import type { Family } from './family.ts';
import {
  biasedAttention,
  expertsApart,
  groupedAttention,
  numbered,
  partialRotary,
  plain,
  sharedExperts,
  silu,
  softmaxOfChosen,
  softmaxOver,
  stackedLayout,
  stackedRows,
  ungroupedSigmoid,
  wholeNorms,
} from './shared-names.ts';

/** Mixtral, and families with its keys: Phi, MiniMax, gpt-oss, Granite. */

/** Keys of Mixtral and its relatives. */
const mixtralKeys: Family['keys'] = {
  experts: ['num_local_experts', 'num_experts'],
  topK: 'num_experts_per_tok',
  expertWidth: 'intermediate_size',
};

const mixtralLayout = expertsApart(
  'model.layers.{l}.block_sparse_moe.gate.weight',
  'model.layers.{l}.block_sparse_moe.experts',
  numbered,
);

/** Mixtral (arXiv 2401.04088); names as transformers 4 and 5 write them. */
export const mixtral: Family = {
  ...plain,
  modelType: 'mixtral',
  keys: mixtralKeys,
  defaults: {
    num_local_experts: 8,
    num_experts_per_tok: 2,
    intermediate_size: 14336,
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
  },
  required: [...plain.required, { key: 'attention_bias', values: [false] }],
  routing: softmaxOver(true),
  attention: groupedAttention,
  window: { kind: 'always', key: 'sliding_window' },
  layouts: [mixtralLayout, stackedLayout],
};

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

/**
 * MiniMax-Text-01 (arXiv 2501.08313): lightning attention in most layers, and branches that are added to their normed
 * inputs times a factor.
 */
export const minimax: Family = {
  ...mixtral,
  modelType: 'minimax',
  defaults: {
    ...mixtral.defaults,
    full_attn_alpha_factor: 1,
    full_attn_beta_factor: 1,
    linear_attn_alpha_factor: 1,
    linear_attn_beta_factor: 1,
    mlp_alpha_factor: 1,
    mlp_beta_factor: 1,
    max_position_embeddings: 131_072,
  },
  required: [
    ...plain.required,
    { key: 'full_attn_beta_factor', values: [1] },
    { key: 'linear_attn_beta_factor', values: [1] },
    { key: 'mlp_beta_factor', values: [1] },
    { key: 'postnorm', values: [true] },
    { key: 'shared_intermediate_size', values: [0] },
    { key: 'sliding_window', values: [null] },
  ],
  keepsNormed: {
    attentionKey: 'full_attn_alpha_factor',
    stateKey: 'linear_attn_alpha_factor',
    feedForwardKey: 'mlp_alpha_factor',
  },
  state: {
    words: ['linear_attention'],
    attentionWords: ['full_attention'],
    everyKey: null,
    operator: { kind: 'lightning', prefix: 'model.layers.{l}.self_attn.' },
  },
  window: plain.window,
  // Released configs rotate a part of each head, which transformers 5.24 leaves unread.
  rotary: { ...plain.rotary, dimensionsKey: 'rotary_dim' },
};

/** MiniMax-M2; also in FP8. */
export const minimaxM2: Family = {
  ...plain,
  modelType: 'minimax_m2',
  keys: { experts: ['num_local_experts'], topK: 'num_experts_per_tok', expertWidth: 'intermediate_size' },
  defaults: {
    num_local_experts: 256,
    num_experts_per_tok: 8,
    intermediate_size: 1536,
    head_dim: 128,
    partial_rotary_factor: 1,
    rms_norm_eps: 1e-6,
    rope_theta: 5e6,
  },
  required: [
    silu,
    { key: 'qk_norm_type', values: ['per_layer'] },
    { key: 'use_qk_norm', values: [true] },
    { key: 'scoring_func', values: ['sigmoid'] },
    { key: 'use_routing_bias', values: [true] },
    { key: 'shared_intermediate_size', values: [0] },
    { key: 'attn_type_list', values: [1] },
  ],
  routing: {
    ...ungroupedSigmoid(true, 0),
    correction: [
      'model.layers.{l}.block_sparse_moe.e_score_correction_bias',
      'model.layers.{l}.mlp.e_score_correction_bias',
    ],
    scaleKey: null,
  },
  attention: { ...groupedAttention, norms: wholeNorms },
  rotary: { ...partialRotary, dimensionsKey: 'rotary_dim' },
  layouts: [mixtralLayout, stackedLayout],
};

const gptOssNames = {
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
    { ...gptOssNames, kind: 'interleaved-columns' },
    { ...gptOssNames, kind: 'interleaved-mxfp4' },
  ],
};

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
    ...sharedExperts,
    widthKey: 'shared_intermediate_size',
    countKey: null,
    gateUp: 'model.layers.{l}.shared_mlp.input_linear.weight',
    down: 'model.layers.{l}.shared_mlp.output_linear.weight',
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
