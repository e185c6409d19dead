import type { Family } from './family.ts';
import {
  apartOrStacked,
  biasedAttention,
  commonScalings,
  denseNames,
  expertKeys,
  firstOrListedDense,
  groupedAttention,
  headNorms,
  inTextConfig,
  partialRotary,
  plain,
  sharedExpert,
  sharedExperts,
  silu,
  softmaxOver,
  stackedLayout,
  wholeNorms,
} from './shared-names.ts';

/** Routers that take a softmax over all experts: Qwen, OLMoE, ERNIE, Hunyuan, DBRX. */

const sparseStep = {
  ...denseNames,
  rule: { kind: 'sparse-step', stepKey: 'decoder_sparse_step', listKey: 'mlp_only_layers' },
} as const;
const switchedWindow = {
  kind: 'switched',
  key: 'sliding_window',
  switchKey: 'use_sliding_window',
} as const;

const scaledExpert = {
  ...sharedExpert('shared_expert_intermediate_size', 'model.layers.{l}.mlp.shared_expert'),
  scale: 'model.layers.{l}.mlp.shared_expert_gate.weight',
} as const;

/** Qwen1.5-MoE and Qwen2-MoE (arXiv 2407.10671). */
export const qwen2Moe: Family = {
  ...plain,
  modelType: 'qwen2_moe',
  keys: expertKeys('num_experts'),
  defaults: {
    num_experts: 60,
    num_experts_per_tok: 4,
    moe_intermediate_size: 1408,
    intermediate_size: 5632,
    norm_topk_prob: false,
    shared_expert_intermediate_size: 5632,
    decoder_sparse_step: 1,
    mlp_only_layers: [],
    qkv_bias: true,
    use_sliding_window: false,
    max_window_layers: 28,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
  },
  routing: softmaxOver('norm_topk_prob'),
  attention: { ...groupedAttention, queryKeyValueBias: 'qkv_bias' },
  window: { ...switchedWindow, belowKey: 'max_window_layers' },
  dense: sparseStep,
  shared: scaledExpert,
};

/** Attention of Qwen3: queries and keys are normed for each head. */
const normedAttention = { ...biasedAttention, norms: headNorms } as const;

/** Qwen3-MoE (arXiv 2505.09388); also in FP8. */
export const qwen3Moe: Family = {
  ...plain,
  modelType: 'qwen3_moe',
  keys: expertKeys('num_experts'),
  defaults: {
    num_experts: 128,
    num_experts_per_tok: 8,
    moe_intermediate_size: 768,
    intermediate_size: 6144,
    norm_topk_prob: false,
    decoder_sparse_step: 1,
    mlp_only_layers: [],
    attention_bias: false,
    use_sliding_window: false,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
  },
  required: [silu],
  routing: softmaxOver('norm_topk_prob'),
  attention: normedAttention,
  window: { ...switchedWindow, belowKey: null },
  dense: sparseStep,
};

const linearAttention = {
  words: ['linear_attention'],
  attentionWords: ['full_attention'],
  everyKey: 'full_attention_interval',
} as const;

/** Qwen3-Next: gated delta nets in most layers; attention in the others, with a gate in the query's projection. */
export const qwen3Next: Family = {
  ...plain,
  modelType: 'qwen3_next',
  keys: { experts: ['num_experts'], topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  defaults: {
    num_experts: 512,
    num_experts_per_tok: 10,
    moe_intermediate_size: 512,
    intermediate_size: 5632,
    shared_expert_intermediate_size: 512,
    norm_topk_prob: true,
    decoder_sparse_step: 1,
    mlp_only_layers: [],
    head_dim: 256,
    attention_bias: false,
    partial_rotary_factor: 0.25,
    full_attention_interval: 4,
    linear_num_key_heads: 16,
    linear_num_value_heads: 32,
    linear_key_head_dim: 128,
    linear_value_head_dim: 128,
    linear_conv_kernel_dim: 4,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
  },
  norm: 'rms-plus-one',
  routing: softmaxOver('norm_topk_prob'),
  attention: { ...normedAttention, gate: 'in-query' },
  state: {
    ...linearAttention,
    operator: { kind: 'delta', prefix: 'model.layers.{l}.linear_attn.', rows: 'by-head' },
  },
  rotary: partialRotary,
  dense: sparseStep,
  shared: scaledExpert,
  unused: ['mtp.'],
};

/**
 * The text model of Qwen3.5: that of Qwen3-Next with experts in every layer, and projections one kind after another.
 */
export const qwen35MoeText: Family = {
  ...qwen3Next,
  modelType: 'qwen3_5_moe_text',
  renamed: [{ when: /^model\.language_model\./, names: [['model.', 'model.language_model.']] }],
  defaults: {
    ...qwen3Next.defaults,
    num_experts: 256,
    num_experts_per_tok: 8,
  },
  required: [...plain.required, { key: 'attn_output_gate', values: [true] }, { key: 'norm_topk_prob', values: [true] }],
  routing: softmaxOver(true),
  state: {
    ...linearAttention,
    operator: { kind: 'delta', prefix: 'model.layers.{l}.linear_attn.', rows: 'by-kind' },
  },
  dense: null,
};

/** Qwen3.5: the text model within that of text and images. */
export const qwen35Moe: Family = {
  ...qwen35MoeText,
  modelType: 'qwen3_5_moe',
  wrapper: {
    ...inTextConfig,
    modelTypes: ['qwen3_5_moe_text'],
    loader: 'AutoModelForCausalLM',
    carried: ['model.visual.'],
  },
};

/** Mellum 2: Qwen3-MoE with angles and windows by kind of layer. */
export const mellum: Family = {
  ...qwen3Moe,
  modelType: 'mellum',
  defaults: {
    ...qwen3Moe.defaults,
    num_experts: 64,
    moe_intermediate_size: 896,
    intermediate_size: 7168,
    norm_topk_prob: true,
    head_dim: 128,
    sliding_window: 1024,
    rope_theta: 500_000,
    rope_parameters: {
      full_attention: { rope_type: 'default', rope_theta: 500_000 },
      sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
    },
  },
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'from', key: 'num_hidden_layers' } },
  dense: firstOrListedDense,
  extraLayersKey: 'num_nextn_predict_layers',
};

/** Qwen3-VL: the text model of Qwen3-MoE, whose tokens have one position each where there is no image. */
export const qwen3VlMoe: Family = {
  ...qwen3Moe,
  modelType: 'qwen3_vl_moe',
  defaults: {
    ...qwen3Moe.defaults,
    num_experts: 60,
    num_experts_per_tok: 4,
    moe_intermediate_size: 1408,
    intermediate_size: 5632,
    rope_theta: 500_000,
  },
  required: [silu, { key: 'norm_topk_prob', values: [true] }],
  routing: softmaxOver(true),
  window: { kind: 'never' },
  wrapper: { ...inTextConfig, modelTypes: ['qwen3_vl_moe_text'], carried: ['model.visual.'] },
  layouts: [{ ...stackedLayout, kind: 'stacked-columns' }, stackedLayout],
};

/** OLMoE (arXiv 2409.02060). */
export const olmoe: Family = {
  ...plain,
  modelType: 'olmoe',
  keys: expertKeys('num_experts', 'intermediate_size'),
  defaults: {
    num_experts: 64,
    num_experts_per_tok: 8,
    intermediate_size: 2048,
    norm_topk_prob: false,
    attention_bias: false,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
  },
  routing: softmaxOver('norm_topk_prob'),
  attention: { ...biasedAttention, norms: wholeNorms, clipKey: 'clip_qkv' },
};

/** FlexOlmo (arXiv 2507.07024): OLMoE with norms behind attention and experts in place of those before them. */
export const flexOlmo: Family = {
  ...olmoe,
  modelType: 'flex_olmo',
  defaults: {
    ...olmoe.defaults,
    num_experts: 7,
    num_experts_per_tok: 5,
    intermediate_size: 11008,
    rms_norm_eps: 1e-6,
    rope_theta: 500_000,
  },
  names: {
    ...plain.names,
    attentionNorm: null,
    feedForwardNorm: null,
    branchNorms: {
      attention: 'model.layers.{l}.post_attention_layernorm.weight',
      feedForward: 'model.layers.{l}.post_feedforward_layernorm.weight',
    },
  },
  attention: { ...biasedAttention, norms: wholeNorms },
};

/** ERNIE 4.5 (text models): the correction is added to the probabilities. */
export const ernieMoe: Family = {
  ...plain,
  modelType: 'ernie4_5_moe',
  keys: { experts: ['moe_num_experts'], topK: 'moe_k', expertWidth: 'moe_intermediate_size' },
  defaults: {
    moe_num_experts: 64,
    moe_k: 6,
    moe_intermediate_size: 1536,
    moe_num_shared_experts: 2,
    moe_layer_interval: 1,
    moe_layer_start_index: 1,
    moe_layer_end_index: -1,
    moe_norm_min: 1e-12,
    intermediate_size: 12288,
    use_bias: false,
    tie_word_embeddings: true,
    rms_norm_eps: 1e-5,
    rope_theta: 500000,
  },
  required: [...plain.required, { key: 'moe_gate', values: ['topk'] }, { key: 'moe_use_aux_free', values: [true] }],
  routing: {
    ...softmaxOver(true),
    correction: [
      'model.layers.{l}.mlp.moe_statics.e_score_correction_bias',
      'model.layers.{l}.mlp.gate.moe_statics.e_score_correction_bias',
    ],
    correctionIsRow: true,
    renormalise: { when: true, epsilon: 'moe_norm_min', as: 'floor' },
  },
  headBiasKey: 'use_bias',
  attention: { ...groupedAttention, queryKeyValueBias: 'use_bias', outputBias: 'use_bias' },
  rotary: { ...plain.rotary, interleaved: true },
  dense: {
    ...denseNames,
    biased: 'use_bias',
    rule: {
      kind: 'interval',
      everyKey: 'moe_layer_interval',
      fromKey: 'moe_layer_start_index',
      toKey: 'moe_layer_end_index',
    },
  },
  shared: { ...sharedExperts, countKey: 'moe_num_shared_experts', biased: 'use_bias' },
  unused: ['mtp.', 'model.mtp_'],
};

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
      ...headNorms,
      query: 'model.layers.{l}.self_attn.query_layernorm.weight',
      key: 'model.layers.{l}.self_attn.key_layernorm.weight',
      afterRotation: true,
    },
  },
  rotary: { ...plain.rotary, scalings: [...commonScalings, 'dynamic by alpha'] },
  shared: sharedExpert('intermediate_size', 'model.layers.{l}.mlp.shared_mlp'),
  layouts: apartOrStacked('model.layers.{l}.mlp.gate.wg.weight', 'model.layers.{l}.mlp.experts'),
};

const normAttention = 'transformer.blocks.{l}.norm_attn_norm';
const ffn = 'transformer.blocks.{l}.ffn';

/**
 * DBRX: queries, keys and values in one matrix and clipped, the experts of a layer as rows of one matrix of each kind,
 * and layer norms without bias.
 */
export const dbrx: Family = {
  ...plain,
  modelType: 'dbrx',
  keys: { experts: ['moe_num_experts'], topK: 'moe_top_k', expertWidth: 'ffn_hidden_size' },
  aliases: {
    hidden_size: 'd_model',
    num_attention_heads: 'n_heads',
    num_hidden_layers: 'n_layers',
    max_position_embeddings: 'max_seq_len',
    num_key_value_heads: 'kv_n_heads',
  },
  inner: [
    { key: 'attn_config', keys: { clip_qkv: 'clip_qkv', kv_n_heads: 'kv_n_heads', rope_theta: 'rope_theta' } },
    {
      key: 'ffn_config',
      keys: {
        'ffn_act_fn.name': 'hidden_act',
        ffn_hidden_size: 'ffn_hidden_size',
        moe_num_experts: 'moe_num_experts',
        moe_top_k: 'moe_top_k',
        moe_normalize_expert_weights: 'moe_normalize_expert_weights',
      },
      overwritten: ['hidden_size'],
    },
  ],
  expertsWithin: 'ffn_config',
  defaults: {
    max_position_embeddings: 2048,
    num_key_value_heads: 1,
    kv_n_heads: 1,
    moe_num_experts: 4,
    moe_top_k: 1,
    ffn_hidden_size: 3584,
    moe_normalize_expert_weights: 1,
    rms_norm_eps: 1e-5,
  },
  required: [
    ...plain.required,
    { key: 'head_dim', values: [null] },
    // Its gates are divided by a norm of any order: by their sum in every model that was published.
    { key: 'moe_normalize_expert_weights', values: [1] },
    { key: 'num_key_value_heads', equals: 'kv_n_heads' },
    { key: 'tie_word_embeddings', values: [false] },
  ],
  names: {
    embedding: 'transformer.wte.weight',
    finalNorm: 'transformer.norm_f.weight',
    head: 'lm_head.weight',
    attentionNorm: `${normAttention}.norm_1.weight`,
    feedForwardNorm: `${normAttention}.norm_2.weight`,
    branchNorms: null,
  },
  norm: 'layer-unbiased',
  routing: {
    ...softmaxOver(true),
    renormalise: { when: true, unlessNullKey: 'moe_normalize_expert_weights', epsilon: 0, as: 'addend' },
  },
  attention: {
    ...groupedAttention,
    joined: `${normAttention}.attn.Wqkv.weight`,
    output: `${normAttention}.attn.out_proj.weight`,
    clipKey: 'clip_qkv',
  },
  rotary: { ...plain.rotary, agrees: true },
  layouts: [
    {
      kind: 'joined-rows',
      router: `${ffn}.router.layer.weight`,
      gate: `${ffn}.experts.mlp.w1`,
      up: `${ffn}.experts.mlp.v1`,
      down: `${ffn}.experts.mlp.w2`,
    },
  ],
};
