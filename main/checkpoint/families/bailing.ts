import type { Family } from './family.ts';
import { correctedSigmoid, firstOrListedDense, latentAttention, plain, sharedExperts } from './shared-names.ts';

/** Ling 3: Kimi delta attention in most layers, gated latent attention in the others. */
export const bailingHybrid: Family = {
  ...plain,
  modelType: 'bailing_hybrid',
  keys: { experts: ['num_experts'], topK: 'num_experts_per_token', expertWidth: 'moe_intermediate_size' },
  aliases: {
    max_position_embeddings: 'model_max_length',
    linear_head_dim: 'head_dim',
    linear_num_heads: 'num_attention_heads',
    linear_conv_kernel_dim: 'short_conv_kernel_size',
  },
  renamed: [
    {
      isPublished: true,
      when: /^model\.word_embeddings\.|\.attention\./,
      names: [
        ['model.embed_tokens.', 'model.word_embeddings.'],
        ['.self_attn.o_proj.', '.attention.dense.'],
        ['.self_attn.forget_gate.', '.attention.'],
        ['.self_attn.', '.attention.'],
        ['.gate.e_score_correction_bias', '.gate.expert_bias'],
      ],
    },
  ],
  defaults: {
    num_experts: 512,
    num_experts_per_token: 8,
    num_shared_experts: 1,
    num_expert_group: 8,
    topk_group: 4,
    moe_renormalize: true,
    routed_scaling_factor: 2.5,
    first_k_dense_replace: 2,
    layer_group_size: 6,
    kda_lower_bound: -5,
    kda_safe_gate: true,
    rms_norm_eps: 1e-6,
    rope_theta: 6000000,
    attention_bias: false,
  },
  required: [
    ...plain.required,
    { key: 'score_function', values: ['sigmoid'] },
    { key: 'moe_router_enable_expert_bias', values: [true] },
    { key: 'no_kda_lora', values: [true] },
  ],
  routing: {
    ...correctedSigmoid,
    groups: { countKey: 'num_expert_group', keptKey: 'topk_group', least: 2, when: null },
    renormalise: { when: 'moe_renormalize', epsilon: 1e-20, as: 'addend' },
  },
  attention: { ...latentAttention, biased: 'attention_bias', gate: 'model.layers.{l}.self_attn.g_proj.weight' },
  state: {
    words: ['linear_attention'],
    attentionWords: ['full_attention'],
    everyKey: 'layer_group_size',
    operator: {
      kind: 'channel-delta',
      prefix: 'model.layers.{l}.self_attn.',
      keys: {
        heads: 'linear_num_heads',
        dimension: 'linear_head_dim',
        kernel: 'linear_conv_kernel_dim',
        bounded: 'kda_safe_gate',
        bound: 'kda_lower_bound',
      },
    },
  },
  rotary: { ...plain.rotary, interleaved: true },
  dense: firstOrListedDense,
  shared: { ...sharedExperts, countKey: 'num_shared_experts' },
  extraLayersKey: 'num_nextn_predict_layers',
};
