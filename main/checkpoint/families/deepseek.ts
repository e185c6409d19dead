import type { Family } from './family.ts';
import {
  apartOrStacked,
  biasedAttention,
  commonNames,
  commonScalings,
  correctedSigmoid,
  denseNames,
  expertKeys,
  firstDense,
  firstOrListedDense,
  innerForm,
  inTextConfig,
  latentAttention,
  olderForm,
  plain,
  projections,
  sharedExperts,
  silu,
  softmaxOver,
} from './shared-names.ts';

/** DeepSeek and its latent attention: Kimi K2, GLM-5, Sarvam, Mistral 4, LongCat. */

const keys = expertKeys('n_routed_experts');
const indexedLayers = { key: 'layer_types', values: ['indexed_attention', 'deepseek_sparse_attention'] } as const;
const latentDefaults = {
  kv_lora_rank: 512,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  attention_bias: false,
  mlp_bias: false,
};
const biasedLatent = { ...latentAttention, biased: 'attention_bias' } as const;

/** DeepSeekMoE (arXiv 2401.06066): attention of LLaMA, and a router's weights as they are or divided by their sum. */
export const deepseek: Family = {
  ...plain,
  modelType: 'deepseek',
  keys,
  defaults: {
    n_routed_experts: 64,
    moe_intermediate_size: 1407,
    n_shared_experts: 0,
    first_k_dense_replace: 0,
    intermediate_size: 11008,
    norm_topk_prob: false,
    attention_bias: false,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
  },
  required: [...plain.required, { key: 'moe_layer_freq', values: [1] }, { key: 'scoring_func', values: ['softmax'] }],
  routing: { ...softmaxOver('norm_topk_prob'), renormalise: correctedSigmoid.renormalise },
  attention: biasedAttention,
  dense: firstDense,
  shared: sharedExperts,
};

/**
 * DeepSeek-V2 (arXiv 2405.04434), with routing as in transformers: raw probabilities, never normalised and always
 * scaled; groups by their best expert.
 */
export const deepseekV2: Family = {
  ...plain,
  modelType: 'deepseek_v2',
  keys,
  defaults: {
    ...latentDefaults,
    n_routed_experts: 64,
    moe_intermediate_size: 1407,
    n_shared_experts: 2,
    first_k_dense_replace: 0,
    n_group: 1,
    topk_group: 1,
    topk_method: 'greedy',
    routed_scaling_factor: 1,
    intermediate_size: 11008,
  },
  required: [...plain.required, { key: 'moe_layer_freq', values: [1] }, { key: 'scoring_func', values: ['softmax'] }],
  routing: {
    ...correctedSigmoid,
    score: 'softmax',
    correction: null,
    groups: {
      countKey: 'n_group',
      keptKey: 'topk_group',
      least: 1,
      when: { key: 'topk_method', value: 'group_limited_greedy' },
    },
    renormalise: null,
  },
  attention: biasedLatent,
  rotary: { ...plain.rotary, interleaved: true },
  dense: { ...firstDense, biased: 'mlp_bias' },
  shared: { ...sharedExperts, biased: 'mlp_bias' },
};

/** DeepSeek-V3 (arXiv 2412.19437); also in FP8. */
export const deepseekV3: Family = {
  ...plain,
  modelType: 'deepseek_v3',
  keys,
  defaults: {
    ...latentDefaults,
    n_routed_experts: 256,
    num_experts_per_tok: 8,
    moe_intermediate_size: 2048,
    n_shared_experts: 1,
    first_k_dense_replace: 3,
    n_group: 8,
    topk_group: 4,
    routed_scaling_factor: 2.5,
    norm_topk_prob: true,
    intermediate_size: 18432,
    rope_interleave: true,
    num_nextn_predict_layers: 1,
  },
  required: [
    silu,
    { key: 'moe_layer_freq', values: [1] },
    { key: 'scoring_func', values: ['sigmoid'] },
    { key: 'topk_method', values: ['noaux_tc'] },
  ],
  routing: correctedSigmoid,
  attention: biasedLatent,
  rotary: { ...plain.rotary, interleaved: 'rope_interleave' },
  dense: firstDense,
  shared: sharedExperts,
  extraLayersKey: 'num_nextn_predict_layers',
};

/** Kimi K2 (arXiv 2507.20534): DeepSeek-V3 by another name. */
export const kimiK2: Family = {
  ...deepseekV3,
  modelType: 'kimi_k2',
  defaults: { ...deepseekV3.defaults, num_nextn_predict_layers: 0 },
};

/** Kimi K2.5: the text model, as published and as transformers 5 saves it; its vision tower is not used. */
export const kimiK25: Family = {
  ...kimiK2,
  modelType: 'kimi_k25',
  renamed: [
    {
      // As `save_pretrained` of transformers 5.24 writes the published form.
      when: /^language_model\.model\.blocks\./,
      names: [
        ['model.layers.', 'language_model.model.blocks.'],
        ['model.embed_tokens.', 'language_model.model.embed_tokens.'],
        ['model.norm.', 'language_model.model.norm.'],
        ['lm_head.', 'language_model.lm_head.'],
      ],
    },
  ],
  wrapper: {
    ...inTextConfig,
    modelTypes: ['kimi_k2', 'deepseek_v3'],
    forms: [olderForm, innerForm],
    carried: ['vision_tower.', 'mm_projector.', 'model.vision_tower.', 'model.mm_projector.'],
  },
};

/** DeepSeek-V3.2: DeepSeek-V3 with an indexer that chooses the keys of each query. */
export const deepseekV32: Family = {
  ...deepseekV3,
  modelType: 'deepseek_v32',
  defaults: {
    ...deepseekV3.defaults,
    q_lora_rank: 1536,
    index_topk: 2048,
    index_n_heads: 64,
    index_head_dim: 128,
  },
  required: [
    silu,
    indexedLayers,
    { key: 'rope_interleave', values: [true] },
    { key: 'mlp_bias', values: [false] },
    { key: 'moe_layer_freq', values: [1] },
    { key: 'scoring_func', values: ['sigmoid'] },
    { key: 'topk_method', values: ['noaux_tc'] },
  ],
  attention: { ...biasedLatent, indexer: { interleaved: false } },
  rotary: { ...plain.rotary, interleaved: true },
  dense: firstOrListedDense,
};

/** GLM-5: the same, with an indexer whose pairs lie side by side, and which some layers share. */
export const glmMoeDsa: Family = {
  ...deepseekV32,
  modelType: 'glm_moe_dsa',
  paddedLists: [...plain.paddedLists, 'indexer_types'],
  defaults: {
    ...deepseekV32.defaults,
    index_n_heads: 32,
    n_group: 1,
    topk_group: 1,
    rms_norm_eps: 1e-5,
    index_topk_freq: 1,
    index_skip_topk_offset: 2,
  },
  required: [...deepseekV32.required, { key: 'indexer_rope_interleave', values: [true] }],
  attention: {
    ...biasedLatent,
    indexer: {
      interleaved: true,
      shared: {
        typesKey: 'indexer_types',
        patternKey: 'index_topk_pattern',
        offsetKey: 'index_skip_topk_offset',
        everyKey: 'index_topk_freq',
      },
    },
  },
};

/** Sarvam-105B: DeepSeek-V3 by another name. */
export const sarvamMla: Family = {
  ...deepseekV3,
  modelType: 'sarvam_mla',
  aliases: { n_routed_experts: 'num_experts', n_shared_experts: 'num_shared_experts' },
  keys: { ...keys, experts: ['n_routed_experts', 'num_experts'] },
  defaults: {
    ...deepseekV3.defaults,
    n_routed_experts: 128,
    n_group: 1,
    topk_group: 1,
    first_k_dense_replace: 1,
    intermediate_size: 16384,
    num_nextn_predict_layers: 0,
  },
};

/** Mistral 4: latent attention whose queries grow with their position, and probabilities divided by their sum. */
export const mistral4: Family = {
  ...plain,
  modelType: 'mistral4',
  // transformers 5.24 does not list it among text models.
  loader: 'AutoModelForImageTextToText',
  keys,
  defaults: {
    n_routed_experts: 128,
    num_experts_per_tok: 4,
    moe_intermediate_size: 2048,
    intermediate_size: 12288,
    n_shared_experts: 1,
    first_k_dense_replace: 0,
    n_group: 1,
    topk_group: 1,
    norm_topk_prob: true,
    routed_scaling_factor: 1,
    q_lora_rank: 1024,
    kv_lora_rank: 256,
    qk_nope_head_dim: 64,
    qk_rope_head_dim: 64,
    v_head_dim: 128,
    rms_norm_eps: 1e-6,
    attention_bias: false,
    rope_interleave: true,
    rope_theta: 10000,
    rope_parameters: {
      rope_type: 'yarn',
      rope_theta: 10000,
      factor: 128,
      original_max_position_embeddings: 8192,
      beta_fast: 32,
      beta_slow: 1,
      mscale: 1,
      mscale_all_dim: 1,
      llama_4_scaling_beta: 0.1,
    },
  },
  // transformers 5.24 turns by the angles of heads as wide as it says.
  required: [...plain.required, { key: 'head_dim', sum: ['qk_nope_head_dim', 'qk_rope_head_dim'] }],
  routing: { ...correctedSigmoid, score: 'softmax', correction: null },
  attention: {
    ...biasedLatent,
    temperature: { scaleKey: 'llama_4_scaling_beta', everyKey: 'original_max_position_embeddings' },
  },
  rotary: { ...plain.rotary, interleaved: 'rope_interleave' },
  dense: firstDense,
  shared: sharedExperts,
};

/** Mistral Small 4: the text model within that of text and images. Other text models of this type are dense. */
export const mistral3: Family = {
  ...mistral4,
  modelType: 'mistral3',
  wrapper: {
    ...inTextConfig,
    modelTypes: ['mistral4'],
    forms: [olderForm, innerForm],
    carried: ['vision_tower.', 'multi_modal_projector.', 'model.vision_tower.', 'model.multi_modal_projector.'],
  },
};

const pair = 'model.layers.{l/2}';
const { query } = latentAttention;
const ofPair = (name: string): string => name.replace('model.layers.{l}.self_attn', `${pair}.self_attn.{l%2}`);

/**
 * LongCat-Flash (arXiv 2509.01322): two attentions and two dense networks a layer, experts whose sum is added after the
 * second, and experts that give back their input.
 */
export const longcatFlash: Family = {
  ...plain,
  modelType: 'longcat_flash',
  keys: { experts: ['n_routed_experts'], topK: 'moe_topk', expertWidth: 'expert_ffn_hidden_size' },
  pairsKey: 'num_layers',
  identitiesKey: 'zero_expert_num',
  defaults: {
    n_routed_experts: 512,
    zero_expert_num: 256,
    moe_topk: 12,
    expert_ffn_hidden_size: 2048,
    ffn_hidden_size: 12288,
    routed_scaling_factor: 6,
    q_lora_rank: 1536,
    kv_lora_rank: 512,
    qk_nope_head_dim: 128,
    qk_rope_head_dim: 64,
    v_head_dim: 128,
    rms_norm_eps: 1e-5,
    attention_bias: false,
  },
  required: [
    ...plain.required,
    { key: 'zero_expert_type', values: ['identity'] },
    { key: 'attention_method', values: ['MLA'] },
    { key: 'mla_scale_q_lora', values: [true] },
    { key: 'mla_scale_kv_lora', values: [true] },
    { key: 'router_bias', values: [false] },
    { key: 'norm_topk_prob', values: [false] },
  ],
  names: {
    ...commonNames,
    attentionNorm: `${pair}.input_layernorm.{l%2}.weight`,
    feedForwardNorm: `${pair}.post_attention_layernorm.{l%2}.weight`,
  },
  routing: {
    ...correctedSigmoid,
    score: 'softmax',
    correction: [`${pair}.mlp.router.e_score_correction_bias`],
    groups: null,
    renormalise: null,
  },
  attention: {
    ...biasedLatent,
    query: { whole: ofPair(query.whole), down: ofPair(query.down), norm: ofPair(query.norm), up: ofPair(query.up) },
    keyValueDown: ofPair(latentAttention.keyValueDown),
    keyValueNorm: ofPair(latentAttention.keyValueNorm),
    keyValueUp: `${pair}.self_attn.{l%2}.kv_b_proj.weight`,
    output: ofPair(latentAttention.output),
    rankRoots: true,
  },
  rotary: { interleaved: true, partialKey: null, scalings: commonScalings },
  dense: {
    ...denseNames,
    widthKey: 'ffn_hidden_size',
    rule: { kind: 'pairs' },
    ...projections(`${pair}.mlps.{l%2}`),
  },
  unused: ['model.mtp.'],
  layouts: apartOrStacked(`${pair}.mlp.router.classifier.weight`, `${pair}.mlp.experts`),
};
