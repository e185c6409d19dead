import type { Family } from './family.ts';
import {
  commonNames,
  commonScalings,
  correctedSigmoid,
  denseNames,
  expertsApart,
  latentAttention,
  plain,
  projections,
  stackedRows,
} from './shared-names.ts';

const layer = 'model.layers.{l/2}';
const attention = `${layer}.self_attn.{l%2}`;
const { query } = latentAttention;
const own = (name: string): string => name.replace('model.layers.{l}.self_attn', attention);

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
    attentionNorm: `${layer}.input_layernorm.{l%2}.weight`,
    feedForwardNorm: `${layer}.post_attention_layernorm.{l%2}.weight`,
  },
  routing: {
    ...correctedSigmoid,
    score: 'softmax',
    correction: [`${layer}.mlp.router.e_score_correction_bias`],
    groups: null,
    renormalise: null,
  },
  attention: {
    ...latentAttention,
    query: { whole: own(query.whole), down: own(query.down), norm: own(query.norm), up: own(query.up) },
    keyValueDown: own(latentAttention.keyValueDown),
    keyValueNorm: own(latentAttention.keyValueNorm),
    keyValueUp: `${attention}.kv_b_proj.weight`,
    output: own(latentAttention.output),
    biased: 'attention_bias',
    rankRoots: true,
  },
  rotary: { interleaved: true, partialKey: null, scalings: commonScalings },
  dense: {
    ...denseNames,
    widthKey: 'ffn_hidden_size',
    rule: { kind: 'pairs' },
    ...projections(`${layer}.mlps.{l%2}`),
  },
  unused: ['model.mtp.'],
  layouts: [
    expertsApart(`${layer}.mlp.router.classifier.weight`, `${layer}.mlp.experts`),
    stackedRows(`${layer}.mlp.router.classifier.weight`, `${layer}.mlp.experts`),
  ],
};
