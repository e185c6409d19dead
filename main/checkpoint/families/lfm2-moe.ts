import type { Family } from './family.ts';
import {
  commonNames,
  correctedSigmoid,
  denseNames,
  expertsApart,
  groupedAttention,
  numbered,
  plain,
  stackedRows,
  unquantised,
} from './shared-names.ts';

const feedForward = 'model.layers.{l}.feed_forward.';
const router = `${feedForward}gate.weight`;

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
    ...correctedSigmoid,
    correction: [`${feedForward}expert_bias`],
    correctionWhen: 'use_expert_bias',
    groups: null,
    renormalise: { when: 'norm_topk_prob', epsilon: 1e-6, as: 'addend' },
  },
  attention: {
    ...groupedAttention,
    output: 'model.layers.{l}.self_attn.out_proj.weight',
    norms: {
      over: 'head',
      query: 'model.layers.{l}.self_attn.q_layernorm.weight',
      key: 'model.layers.{l}.self_attn.k_layernorm.weight',
      when: true,
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
    gate: `${feedForward}w1.weight`,
    up: `${feedForward}w3.weight`,
    down: `${feedForward}w2.weight`,
  },
  layouts: [expertsApart(router, `${feedForward}experts`, numbered), stackedRows(router, `${feedForward}experts`)],
};
