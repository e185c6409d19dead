import type { Family } from './family.ts';
import { groupedAttention, plain, softmaxOver } from './shared-names.ts';

const block = 'transformer.blocks.{l}';
const normAttention = `${block}.norm_attn_norm`;
const ffn = `${block}.ffn`;

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
